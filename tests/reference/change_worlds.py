"""Random small worlds and random changes of them, repeatable from a seed and shrunk by hypothesis.

Every world is one that a file could state: single roles are held once, every account has its keeper.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE, REACHES, Reaches
from tests.reference import kinds
from tests.reference.change_tries import OWN_ROLES
from tests.reference.kinds import Change
from tests.reference.small import NOW
from tests.reference.state import (
    Account,
    Branch,
    Invitation,
    Member,
    Override,
    OwnRole,
    ParentRole,
    Record,
    Request,
    Share,
    Team,
    User,
    World,
)

PEOPLE = ("ann", "ben", "cem", "dora")
BRANCHES = ("north", "south", "west")
TEAMS = ("sales", "field")
LEADS = ("lead/L-1", "lead/L-2", "contact/P-1")
KEYS = ("one", "two")
POWERFUL = (
    "change_roles",
    "manage_member_permissions",
    "remove_members",
    "invite_members",
    "add_to_branches",
    "grant_parent_roles",
    "change_parent_roles",
    "manage_roles",
    "manage_teams",
    "grant_record_access",
)
PERMISSIONS = (*POWERFUL, "view_lead", "change_lead", "delete_lead", "view_contact", "view_billing", "view_reports")
Item = TypeVar("Item")


class _Author:
    """Writes one account, and changes of it."""

    def __init__(
        self, rng: random.Random, slug: str, scheme: str, now: datetime, own: Iterable[OwnRole] | None = None
    ) -> None:
        self.rng, self.slug, self.scheme, self.now = rng, slug, scheme, now
        self.names: Sequence[str] = ()
        published = tables.roles(scheme)
        self.own = [OWN_ROLES[scheme]] if own is None and scheme in OWN_ROLES else sorted(own or (), key=str)
        self.roles = [key for key, role in published.items() if role.kind == "branch"]
        self.roles += [role.key for role in self.own]
        self.parents = [key for key, role in published.items() if role.kind == "parent"]
        (self.top,) = tables.top_roles(scheme) & {*self.roles}
        self.many = tables.rules(scheme)["many_branches"]
        self.lower = [key for key in self.roles if not (key == self.top and published[key].single)]

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def some(self, items: Sequence[Item], least: int = 0) -> frozenset[Item]:
        return frozenset(self.rng.sample(items, self.rng.randint(least, len(items))))

    def pick(self, items: Sequence[Item]) -> Item:
        return self.rng.choice(items)

    def scope(self, name: str) -> Reaches:
        letters = ("-", "C", "R", "G", "P", "P") if CATALOGUE[name].target == "record" else ("-", "P")
        return REACHES[self.pick(letters)]

    def end(self) -> datetime | None:
        days = self.pick((None, None, -1, 0, 1, 2, 3))
        return None if days is None else self.now + timedelta(days=days)

    def override(self, user: str, branch: str) -> Override:
        name = self.pick(self.names if self.names and self.chance(0.5) else PERMISSIONS)
        scope = REACHES["P"] if name in POWERFUL and self.chance(0.7) else self.scope(name)
        return Override(user, branch, name, scope, self.end())

    def account(self) -> Account:
        slugs = BRANCHES[:2] if self.many else BRANCHES[:1]
        keeper = self.pick(PEOPLE)
        members = {Member(keeper, "north", self.top)}
        for user in PEOPLE:
            for slug in slugs:
                if (user, slug) != (keeper, "north") and self.chance(0.8):
                    status = "active" if self.chance(0.8) else "removed"
                    members.add(Member(user, slug, self.pick(self.lower), status))
        places = [(user, slug) for user in PEOPLE for slug in slugs for _ in range(self.pick((0, 1, 4)))]
        overrides = {self.override(*place) for place in places}
        if self.chance(0.6):
            members, overrides = self.colleagues(members)
        unique = {(row.user, row.branch, row.permission): row for row in sorted(overrides, key=str)}
        holders = [user for user in PEOPLE if self.parents and self.chance(0.3)]
        return Account(
            self.slug,
            self.scheme,
            branches=frozenset(Branch(slug) for slug in slugs),
            members=frozenset(members),
            parent_roles=frozenset(ParentRole(user, self.pick(self.parents)) for user in holders),
            overrides=frozenset(unique.values()),
            teams=frozenset(Team("north", slug, self.some(PEOPLE)) for slug in self.some(TEAMS)),
            records=frozenset(self.records()),
            shares=frozenset({Share("lead/L-1", self.pick(PEOPLE), None, self.verbs())} if self.chance(0.5) else ()),
            requests=frozenset(Request("asked", user, "north", "view_reports", REACHES["P"]) for user in PEOPLE[:1]),
            roles=frozenset(self.own),
        )

    def colleagues(self, members: set[Member]) -> tuple[set[Member], set[Override]]:
        """The members as equals below the top, who may hand on what they have, and what some have for a while."""
        lowest = min(self.lower, key=lambda key: role.rank or 0 if (role := tables.roles(self.scheme).get(key)) else 99)
        role = {"staff-ladder": "admin", "onepagecrm": "administrator"}.get(self.scheme, lowest)
        members = {row if row.role == self.top else replace(row, role=role) for row in members}
        rights = ["manage_member_permissions", *self.rng.sample(POWERFUL, 2)]
        places = sorted((row.user, row.branch) for row in members)
        some, end = self.pick(PERMISSIONS), self.end()
        held = {
            Override(*place, some, REACHES["P"], end) for place in places if some not in rights and self.chance(0.5)
        }
        return members, held | {Override(*place, name, REACHES["P"]) for place in places for name in rights}

    def records(self) -> Iterator[Record]:
        for name in LEADS:
            kind, _, ref = name.partition("/")
            yield Record(kind, ref, "north", self.pick((None, *PEOPLE)), self.pick(PEOPLE))

    def verbs(self) -> frozenset[str]:
        return self.some(("view", "change", "delete"), 1)

    def change(self) -> Change:
        """Some change, which need not be possible."""
        return self.pick((self.of_member, self.of_member, self.of_people, self.of_things))()

    def of_member(self) -> Change:
        user, branch = self.pick(PEOPLE), self.pick(BRANCHES[:2] if self.many else BRANCHES[:1])
        place, new = (self.slug, user, branch), self.override(user, branch)
        makers: list[Callable[[], Change]] = [
            lambda: kinds.ChangeRole(*place, self.pick(self.roles)),
            lambda: kinds.ChangeRole(*place, self.pick(self.roles)),
            lambda: kinds.SetOverride(*place, new.permission, new.scope, new.ends),
            lambda: kinds.SetOverride(*place, new.permission, new.scope, new.ends),
            lambda: kinds.SetOverride(*place, new.permission, new.scope, new.ends),
            lambda: kinds.SetOverride(*place, new.permission, new.scope, new.ends),
            lambda: kinds.SetOverride(*place, new.permission, new.scope, new.ends),
            lambda: kinds.ClearOverride(*place, new.permission),
            lambda: kinds.RemoveMember(*place),
            lambda: kinds.RestoreMember(*place),
            lambda: kinds.DeleteMember(*place),
            lambda: kinds.Leave(*place),
            lambda: kinds.ChangeDetails(*place, self.pick(("", "In Leeds"))),
            lambda: kinds.ResetMfa(*place),
            lambda: kinds.RequestAccess(*place, self.pick(KEYS), new.permission, new.scope),
        ]
        return self.pick(makers)()

    def of_people(self) -> Change:
        user, slug, key = self.pick(PEOPLE), self.slug, self.pick(KEYS)
        record, subject = self.pick(LEADS), self.pick(((user, None), (user, None), (None, "north/sales")))
        parent = self.pick(self.parents or ["super_admin"])
        branches = self.pick((frozenset({"north"}), frozenset({"south"}), frozenset({"west"}), None))
        makers: list[Callable[[], Change]] = [
            lambda: kinds.GrantParentRole(slug, user, parent),
            lambda: kinds.ChangeParentRole(slug, user, parent),
            lambda: kinds.RevokeParentRole(slug, user),
            lambda: kinds.GrantShare(slug, record, *subject, self.verbs()),
            lambda: kinds.ChangeShare(slug, record, *subject, self.verbs()),
            lambda: kinds.RevokeShare(slug, record, *subject),
            lambda: kinds.Invite(slug, key, self.pick((*PEOPLE, "zed")), self.pick(self.roles), branches),
            lambda: kinds.ResendInvitation(slug, key),
            lambda: kinds.CancelInvitation(slug, key),
            lambda: kinds.AcceptInvitation(slug, key),
            lambda: kinds.AddToBranches(slug, user, self.pick(self.roles), branches or frozenset(BRANCHES)),
            lambda: kinds.ApproveRequest(slug, self.pick((*KEYS, "asked")), self.end()),
            lambda: kinds.DeclineRequest(slug, self.pick((*KEYS, "asked"))),
            lambda: kinds.TransferOwnership(slug, user, self.pick(self.roles)),
        ]
        return self.pick(makers)()

    def of_things(self) -> Change:
        slug, branch, team = self.slug, self.pick(BRANCHES if self.many else BRANCHES[:1]), self.pick(TEAMS)
        name = self.pick(PERMISSIONS)
        grants, key = frozenset({(name, self.scope(name))}), self.pick((*(role.key for role in self.own), "copied"))
        other = self.pick([scheme for scheme in tables.SCHEMES if scheme != self.scheme])
        makers: list[Callable[[], Change]] = [
            lambda: kinds.CopyRole(slug, "copied", self.pick(self.roles), grants),
            lambda: kinds.EditRole(slug, key, grants),
            lambda: kinds.DeleteRole(slug, key),
            lambda: kinds.AddTeam(slug, branch, team, self.some(PEOPLE)),
            lambda: kinds.ChangeTeam(slug, branch, team, self.some(PEOPLE)),
            lambda: kinds.DeleteTeam(slug, branch, team),
            lambda: kinds.CreateBranch(slug, "west"),
            lambda: kinds.ChangeBranch(slug, branch, self.pick(("", "New name"))),
            lambda: kinds.CloseBranch(slug, branch),
            lambda: kinds.CloseAccount(slug),
            lambda: kinds.TakeBackClosing(slug),
            lambda: kinds.SwitchScheme(slug, other, self.mapped(other)),
        ]
        return self.pick(makers)()

    def mapped(self, other: str) -> frozenset[tuple[str, str | None]]:
        """A role of the other scheme for each; the top role for the top role alone."""
        there = _Author(self.rng, self.slug, other, self.now)
        new: set[tuple[str, str | None]] = {(key, self.pick(there.lower)) for key in (*self.roles, "copied")}
        new = {pair for pair in new if pair[0] != self.top} | {(self.top, there.top)}
        return frozenset(new | {(key, None) for key in self.parents})


def random_world(rng: random.Random, *, scheme: str | None = None) -> World:
    """Two accounts, acme and globex, with the same four people in them."""
    schemes = (*tables.SCHEMES, "atlas")
    accounts = {_Author(rng, slug, scheme or rng.choice(schemes), NOW).account() for slug in ("acme", "globex")}
    return World(NOW, frozenset(User(name) for name in PEOPLE), frozenset(accounts))


def random_change(rng: random.Random, world: World, slug: str = "acme") -> Change:
    """Some change of an account, fit for its scheme, though it need not be possible."""
    (account,) = (each for each in world.accounts if each.slug == slug)
    author = _Author(rng, slug, account.scheme, world.now, account.roles)
    author.names = sorted({row.permission for row in account.overrides})
    return author.change()


def invited(world: World, slug: str = "acme") -> dict[str, Invitation]:
    """The account's pending invitations by key."""
    (account,) = (each for each in world.accounts if each.slug == slug)
    return {row.key: row for row in account.invitations if row.status == "pending"}
