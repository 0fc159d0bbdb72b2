"""The exhaustive table: everybody who holds a role tries every kind of change on everybody who holds one.

``cases()`` yields the same cases under the same ids each time, those of one world one after the other. In each
world Ann acts and Tom is changed; each holds one role on the branch north (in atlas perhaps a parent role too).
Kim holds the top role, so that the account is kept, where it is not single and taken.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import NamedTuple

from tests.conformance import tables
from tests.conformance.tables import REACHES
from tests.reference import kinds
from tests.reference.change_tries import (
    ANN,
    EVE,
    KIM,
    LATER,
    NOW,
    OWN_ROLES,
    REX,
    TOM,
    VIEW,
    A,
    branch_roles,
    of_nobody,
    of_somebody,
)
from tests.reference.changes import verdict
from tests.reference.kinds import Change
from tests.reference.state import (
    Account,
    Branch,
    Invitation,
    Member,
    Override,
    ParentRole,
    Record,
    Request,
    Share,
    Team,
    User,
    World,
)

DAY, BIT = timedelta(days=1), timedelta(microseconds=1)


class Place(NamedTuple):
    """What somebody is: a branch role, a parent role, or both."""

    role: str | None
    parent: str | None = None

    def __str__(self) -> str:
        return "+".join(each for each in self if each) or "nobody"


class ChangeCase(NamedTuple):
    """A case: its id, the world, who (None: the operator at the console) tries what, and the guard that refuses it."""

    id: str
    world: World
    actor: str | None
    change: Change
    expected: str | None


def cases() -> Iterator[ChangeCase]:
    """Every case, scheme by scheme, world by world."""
    for scheme in tables.SCHEMES:
        for actor, target in _pairs(scheme):
            world = _world(scheme, actor, target)
            for name, who, change in _tries(scheme, world):
                yield _case(f"{scheme}/{actor}/{target}/{_by(who)}{name}", world, who, change)
        for actor, target in _pairs(scheme):
            if {target.role, target.parent} & tables.top_roles(scheme):
                world = _alone(_world(scheme, actor, target))
                for name, who, change in _last(scheme, target):
                    yield _case(f"{scheme}/{actor}/the last {target}/{_by(who)}{name}", world, who, change)
        world = _ending(scheme)
        for name, change in _gifts():
            yield _case(f"{scheme}/rights that end/{name}", world, ANN, change)


def _case(name: str, world: World, who: str | None, change: Change) -> ChangeCase:
    return ChangeCase(name, world, who, change, verdict(world, who, change))


def _by(who: str | None) -> str:
    return "operator: " if who is None else "himself: " if who == TOM else ""


def _places(scheme: str) -> list[Place]:
    published = tables.roles(scheme)
    roles = [key for key, role in published.items() if role.kind == "branch"]
    parents = [key for key, role in published.items() if role.kind == "parent"]
    roles += [OWN_ROLES[scheme].key] if scheme in OWN_ROLES else []
    return [
        *(Place(role, parent) for role, parent in product(roles, [None, *parents])),
        *(Place(None, parent) for parent in parents),
    ]


def _pairs(scheme: str) -> Iterator[tuple[Place, Place]]:
    """Every actor with every target, but for two holders of a single role."""
    single = {key for key, role in tables.roles(scheme).items() if role.single}
    for actor, target in product(_places(scheme), repeat=2):
        if actor.role != target.role or actor.role not in single:
            yield actor, target


def _world(scheme: str, actor: Place, target: Place) -> World:
    published = tables.roles(scheme)
    (top,) = (key for key in tables.top_roles(scheme) if published[key].kind == "branch")
    low = min(
        (key for key, role in published.items() if role.kind == "branch"), key=lambda key: published[key].rank or 0
    )
    places = {ANN: actor, TOM: target, EVE: Place(low)}
    if not (published[top].single and top in {actor.role, target.role}):
        places[KIM] = Place(top)
    members = {Member(user, "north", place.role) for user, place in places.items() if place.role is not None}
    roles = tables.rules(scheme)["many_branches"]
    south = {Branch("south")} if roles else set()
    if roles:
        members |= {Member(ANN, "south", actor.role)} if actor.role is not None else set()
        members |= {Member(KIM, "south", top)}
    requests = {Request(f"{user}'s", user, "north", "view_reports", REACHES["P"]) for user in (ANN, TOM)}
    account = Account(
        A,
        scheme,
        branches=frozenset({Branch("north")} | south),
        members=frozenset(members | {Member(REX, "north", low, "removed")}),
        parent_roles=frozenset(ParentRole(user, place.parent) for user, place in places.items() if place.parent),
        overrides=frozenset(
            Override(TOM, "north", name, scope, ends)
            for name, scope, ends in (
                ("use_dialer", REACHES["-"], None),
                ("bulk_edit", REACHES["P"], LATER),
                ("view_company", REACHES["C"], None),
            )
        ),
        teams=frozenset({Team("north", "sales", frozenset({EVE}))}),
        records=frozenset({Record("lead", "L-1", "north", KIM, ANN), Record("lead", "L-2", "north", KIM, KIM)}),
        shares=frozenset({Share("lead/L-1", EVE, None, VIEW), Share("lead/L-2", None, "north/sales", VIEW)}),
        invitations=frozenset(
            Invitation(
                f"ann's {role}", f"{role}@cases.example", role, frozenset({"north"}), ANN, NOW - timedelta(days=1)
            )
            for role in branch_roles(scheme)
        ),
        requests=frozenset(requests),
        roles=frozenset({OWN_ROLES[scheme]} if scheme in OWN_ROLES else ()),
    )
    users = frozenset(User(name) for name in (ANN, TOM, KIM, EVE, REX))
    return World(NOW, users, frozenset({account}))


def _alone(world: World) -> World:
    """The same without Kim, and with nothing pending."""
    (account,) = world.accounts
    members = frozenset(row for row in account.members if row.user != KIM)
    return replace(world, accounts=frozenset({replace(account, members=members)}))


def _ending(scheme: str) -> World:
    """Ann may manage permissions, but one of her own changes at an instant to come, and one has just changed."""
    role = {"atlas": "admin", "amocrm": "employee", "atmos": "super_user"}.get(scheme, "admin")
    role = "administrator" if scheme == "onepagecrm" else role
    low = min(branch_roles(scheme), key=lambda key: _rank(scheme, key))
    world = _world(scheme, Place(role), Place(low))
    (account,) = world.accounts
    reverse = REACHES["-" if tables.expected(scheme)[role]["view_reports"][0] else "P"]
    overrides = {
        Override(ANN, "north", "manage_member_permissions", REACHES["P"]),
        Override(ANN, "north", "view_reports", reverse, LATER),
        Override(ANN, "north", "bulk_edit", REACHES["-"], NOW),
        Override(ANN, "north", "use_dialer", REACHES["P"], LATER),
        Override(TOM, "north", "use_dialer", REACHES["-"], LATER),
    }
    return replace(world, accounts=frozenset({replace(account, overrides=frozenset(overrides))}))


Try = tuple[str, str | None, Change]


def _gifts() -> Iterator[tuple[str, Change]]:
    for name in ("view_reports", "bulk_edit", "use_dialer"):
        for when, ends in (("before", LATER - BIT), ("at", LATER), ("after", LATER + BIT), ("never", None)):
            yield f"{name} P, ends {when}", kinds.SetOverride(A, TOM, "north", name, REACHES["P"], ends)
            yield f"{name} -, ends {when}", kinds.SetOverride(A, TOM, "north", name, REACHES["-"], ends)
    yield "clear use_dialer", kinds.ClearOverride(A, TOM, "north", "use_dialer")
    yield "approve for good", kinds.ApproveRequest(A, f"{TOM}'s")
    yield "approve until then", kinds.ApproveRequest(A, f"{TOM}'s", LATER)


def _last(scheme: str, target: Place) -> Iterator[Try]:
    """What could take the last keeper away, by Ann, by the operator and by Tom himself."""
    for who in (ANN, None):
        if target.role is not None:
            yield "remove", who, kinds.RemoveMember(A, TOM, "north")
            for role in branch_roles(scheme):
                yield f"role {role}", who, kinds.ChangeRole(A, TOM, "north", role)
        if target.parent is not None:
            yield "revoke", who, kinds.RevokeParentRole(A, TOM)
            yield "change to viewer", who, kinds.ChangeParentRole(A, TOM, "viewer")
        yield "deactivate", who, kinds.DeactivateUser(TOM)
    yield "leave", TOM, kinds.Leave(A, TOM, "north")


def _tries(scheme: str, world: World) -> Iterator[Try]:
    """What is tried in one world; what does not touch Tom, only beside one of his places."""
    (account,) = world.accounts
    actor, target = _place_of(account, ANN), _place_of(account, TOM)
    once = actor == _other_than(scheme, target)
    for who in (ANN, None) if once else (ANN,):
        for name, change in of_somebody(scheme, TOM, target.role is not None):
            yield name, who, change
    if target == _other_than(scheme, actor):
        for name, change in of_somebody(scheme, ANN, actor.role is not None):
            yield f"own: {name}", ANN, change
        for name, change in of_nobody(scheme):
            yield name, ANN, change
            if once:
                yield name, None, change
    if once:
        yield "leave", TOM, kinds.Leave(A, TOM, "north")
        yield "request view_reports", TOM, kinds.RequestAccess(A, TOM, "north", "new", "view_reports", REACHES["P"])


def _other_than(scheme: str, place: Place) -> Place:
    """The first place that can stand beside this one."""
    single = {key for key, role in tables.roles(scheme).items() if role.single}
    return next(each for each in _places(scheme) if each != place or each.role not in single)


def _place_of(account: Account, user: str) -> Place:
    role = next((row.role for row in account.members if (row.user, row.branch) == (user, "north")), None)
    return Place(role, next((row.role for row in account.parent_roles if row.user == user), None))


def _rank(scheme: str, key: str) -> int:
    role = tables.roles(scheme).get(key)
    return role.rank or 0 if role is not None else 99
