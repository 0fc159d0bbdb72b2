"""What a person's place in an account gives: the scopes of section 3, by ``model``, remembered for each position."""

from datetime import datetime
from functools import cache
from typing import NamedTuple

from tests.conformance.tables import CATALOGUE, Reaches
from tests.reference import model
from tests.reference.as_files import own_role_row, written
from tests.reference.model import ALL, NONE
from tests.reference.state import Account, OwnRole, World, active_member, parent_role_of, user_of
from tests.reference.world import Organisation
from tests.reference.world import World as Files

ACCOUNT_LEVEL = frozenset(name for name, permission in CATALOGUE.items() if permission.target == "account")


class Position(NamedTuple):
    """All on which the scopes of one person on one branch hang, at one instant."""

    scheme: str
    own: frozenset[OwnRole]
    role: str | None
    parent: str | None
    overrides: frozenset[tuple[str, Reaches]]


class Powers(NamedTuple):
    """A person's position on one branch (or on none), and those on all open branches."""

    here: Position
    everywhere: frozenset[Position]


def position(account: Account, user: str, branch: str | None, at: datetime) -> Position:
    """The person's position on the branch at an instant; with no branch, what the parent role alone makes it."""
    parent = parent_role_of(account, user)
    member = None if branch is None else active_member(account, user, branch)
    overrides = frozenset(
        (row.permission, row.scope)
        for row in account.overrides
        if member is not None and (row.user, row.branch) == (user, branch) and (row.ends is None or row.ends > at)
    )
    role = None if member is None else member.role
    own = frozenset(row for row in account.roles if row.key == role)
    return Position(account.scheme, own, role, None if parent is None else parent.role, overrides)


def powers(account: Account, user: str, branch: str | None, at: datetime) -> Powers:
    """What ``scopes`` needs to answer for a person on a branch, or on the account."""
    everywhere = {position(account, user, each, at) for each in (None, *account.open_branches)}
    return Powers(position(account, user, branch, at), frozenset(everywhere))


@cache
def contributed(held: Position) -> dict[str, Reaches]:
    """Each permission's scope by this position alone, so an account-level one's without what other branches add.

    The user counts as active, the account as open and its plan as unlimited: these come and go, and what was
    given stays.
    """
    organisation: Organisation = {
        "account": {"slug": "a", "scheme": held.scheme},
        "users": [{"email": "u"}],
        "branches": [{"slug": "b"}],
        "roles": [own_role_row(row) for row in held.own],
        "members": [] if held.role is None else [{"user": "u", "branch": "b", "role": held.role}],
        "parent_roles": [] if held.parent is None else [{"user": "u", "role": held.parent}],
        "overrides": [
            {"user": "u", "branch": "b", "permission": name, "scope": written(scope)} for name, scope in held.overrides
        ],
    }
    asked = Files([organisation], datetime.min)
    return {name: model.branch_scope(asked, organisation, "u", name, "b") for name in CATALOGUE}


@cache
def scopes(held: Powers) -> dict[str, Reaches]:
    """Each permission's scope, account-level ones as the union over the branches."""
    union = {name: NONE.union(*(contributed(each)[name] for each in held.everywhere)) for name in ACCOUNT_LEVEL}
    return contributed(held.here) | union


def within(scope: Reaches, other: Reaches) -> bool:
    """Whether a scope is covered by another."""
    return scope <= other or other == ALL or "all" in other


@cache
def exceeding(target: Powers, actor: Powers) -> frozenset[str]:
    """The permissions whose scope is wider for the one than for the other."""
    theirs, own = scopes(target), scopes(actor)
    return frozenset(name for name in CATALOGUE if not within(theirs[name], own[name]))


@cache
def gained(before: Position, after: Position) -> frozenset[str]:
    """The permissions whose scope afterwards is not covered by the scope before."""
    was, is_now = contributed(before), contributed(after)
    return frozenset(name for name in CATALOGUE if not within(is_now[name], was[name]))


def holds(world: World, account: Account, user: str | None, permission: str, branch: str | None) -> bool:
    """Whether the user has the permission now, on the branch or the account, as section 3 says."""
    person = user_of(world, user)
    if person is None or not person.active:
        return False
    if account.features is not None and model.FEATURES.get(permission, "") not in {"", *account.features}:
        return False
    if person.superuser:
        return True
    return account.status != "closed" and bool(scopes(powers(account, person.name, branch, world.now))[permission])
