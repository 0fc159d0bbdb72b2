"""Whose rights the rows of a change can alter, and what these people may, in a form that is small and compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Max, QuerySet

from apps.access import shares
from apps.access.facts import AccountFacts, Facts, load_some
from apps.access.mandate import EffectiveScope, Mandate, Reason
from apps.access.models import Override
from apps.accounts.models import Account, Branch, User
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff
from apps.roles import catalogue
from apps.roles.models import RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Membership, ParentMembership, TeamMember

# Number of people read at once.
AT_ONCE = 2_000
# The key for every branch without a membership, and for the account.
ELSEWHERE = 0


def concerned(context: ChangeContext, diff: Diff) -> Iterator[int]:
    """The users whose rights these rows can alter, some of them more than once."""
    groups: set[int] = set()
    roles: set[int] = set()
    account = context.account
    for row in diff.rows:
        if row.model in (Membership, ParentMembership, Override):
            yield row.either.user_id
        elif row.model is TeamMember:
            yield row.either.user_id
            groups.add(row.either.team.group_id or 0)
        elif issubclass(row.model, shares.UserShare):
            yield row.either.user_id
        elif issubclass(row.model, shares.TeamShare):
            groups.add(row.either.group_id)
        elif row.model is RoleGrant:
            roles.add(row.either.role_id)
        elif row.model is User and "is_active" in row.changed:
            yield row.either.pk
        elif row.model is Branch and "status" in row.changed:
            yield from _ids(Membership.objects.filter(branch=row.either.pk))
        elif row.model is Account and row.changed.keys() & {"status", "scheme", "features", "read_only"}:
            yield from _ids(Membership.objects.filter(account=account))
            yield from _ids(ParentMembership.objects.filter(account=account))
    if groups:
        yield from _ids(TeamMember.objects.filter(account=account, team__group__in=groups))
    if roles:
        yield from _ids(Membership.objects.filter(account=account, role__in=roles))


def mates_of(account: Account, user_ids: Iterable[int]) -> Iterator[int]:
    """Everybody who is in a team with one of these users, and they themselves."""
    yield from user_ids
    teams = TeamMember.objects.filter(account=account, user__in=user_ids).values("team")
    yield from _ids(TeamMember.objects.filter(account=account, team__in=teams))


def everybody(account_id: int) -> Iterator[int]:
    """Everybody with a place in the account, once: who holds a parent role first, then the highest roles."""
    parents = ParentMembership.objects.filter(account=account_id).values("user")
    yield from _ids(parents)
    members = Membership.objects.filter(account=account_id).exclude(user__in=parents).values("user")
    ranked = members.annotate(rank=Max("role__rank")).order_by("-rank", "user").values_list("user", flat=True)
    yield from ranked.iterator(chunk_size=AT_ONCE)


def on_branches(account: Account, branch_ids: Iterable[int]) -> Iterator[int]:
    """Everybody with a membership of one of these branches, and whoever holds a parent role."""
    yield from _ids(Membership.objects.filter(account=account, branch__in=branch_ids))
    yield from _ids(ParentMembership.objects.filter(account=account))


def _ids(rows: QuerySet[Any]) -> Iterator[int]:
    return rows.order_by().values_list("user", flat=True).iterator(chunk_size=AT_ONCE)


def in_batches(user_ids: Iterable[int]) -> Iterator[set[int]]:
    """The users, as many at a time as are read at once."""
    rest = iter(user_ids)
    while batch := set(islice(rest, AT_ONCE)):
        yield batch


Ties = frozenset[tuple[int, frozenset[int], frozenset[int]]]
"""By branch the groups of somebody's teams, and everybody in them."""


@dataclass(frozen=True, slots=True)
class UserAccess:
    """What somebody may, by branch, each as the number of a set of scopes; and who is in a team with them.

    Two standings of one preview are equal when the same things are allowed. Those who stand alike share one, and it has
    a number.
    """

    number: int
    scopes: Mapping[int, int]
    ties: Ties

    def on(self, branch_id: int) -> int:
        """What they may on a branch."""
        return self.scopes.get(branch_id, self.scopes[ELSEWHERE])


class Scopes:
    """Every different set of scopes that somebody has on some branch, once, by number; and every different standing."""

    def __init__(self) -> None:
        self.codenames = [permission.codename for permission in catalogue.permissions()]
        self.standings: list[UserAccess] = []
        self._numbers: dict[tuple[Held, ...], int] = {}
        self._sets: list[tuple[Held, ...]] = []
        self._standings: dict[object, UserAccess] = {}

    def standing(self, scopes: Mapping[int, int], ties: Ties) -> UserAccess:
        """The standing of these numbers by branch and these teams."""
        key = (frozenset(scopes.items()), ties)
        if key not in self._standings:
            self._standings[key] = UserAccess(len(self.standings), scopes, ties)
            self.standings.append(self._standings[key])
        return self._standings[key]

    def number(self, mandate: Mandate, branch_id: int) -> int:
        """The number of what somebody may on a branch."""
        held = tuple(of(mandate.effective(branch_id, codename)) for codename in self.codenames)
        if held not in self._numbers:
            self._numbers[held] = len(self._sets)
            self._sets.append(held)
        return self._numbers[held]

    def __getitem__(self, number: int) -> Mapping[str, Held]:
        return dict(zip(self.codenames, self._sets[number], strict=True))


Held = tuple[Scope, datetime | None]
"""A scope, and until when it holds."""


def of(effective: EffectiveScope) -> Held:
    """The scope with its end, where the override that it comes from has one."""
    ends = [step.override.expires_at for step in effective.steps if step.because is Reason.OVERRIDE and step.override]
    return effective.scope, ends[0] if ends else None


class Snapshot:
    """What people may before the change, or after it."""

    def __init__(self, account: AccountFacts, now: datetime, scopes: Scopes) -> None:
        self.account = account
        self.now = now
        self._scopes = scopes
        self._known: dict[object, int] = {}

    def mandate(self, facts: Facts) -> Mandate:
        """The Mandate of these facts."""
        return Mandate(facts, self.now)

    def people(self, user_ids: Iterable[int], *, teams: bool) -> Iterator[tuple[Facts, UserAccess]]:
        """The facts and the standing of these users, as they are in the database now."""
        for wanted in in_batches(user_ids):
            for facts in load_some(self.account, wanted, teams=teams).values():
                yield facts, self.standing(facts)

    def standing(self, facts: Facts) -> UserAccess:
        """What somebody may."""
        open_branches = self.account.open_branches
        held = {b: place for b, place in facts.memberships.items() if place.active and b in open_branches}
        common = (facts.active, facts.operator, facts.operator_until, None if facts.parent is None else facts.parent.id)
        scopes = {ELSEWHERE: self._number((common, None), facts, ELSEWHERE)}
        for branch_id, place in held.items():
            overrides = frozenset((o.permission, o.scope, o.expires_at) for o in place.overrides.values())
            scopes[branch_id] = self._number((common, place.role.id, overrides), facts, branch_id)
        ties = frozenset((branch_id, place.groups, place.mates) for branch_id, place in held.items() if place.groups)
        return self._scopes.standing(scopes, ties)

    def _number(self, key: object, facts: Facts, branch_id: int) -> int:
        """The number of what somebody may on a branch; who stands alike is compiled once."""
        if key not in self._known:
            self._known[key] = self._scopes.number(self.mandate(facts), branch_id)
        return self._known[key]


Places = Mapping[int, tuple[int, int]]
"""By branch, the numbers of what somebody may there before and after, where they differ."""


def places(before: UserAccess, after: UserAccess) -> dict[int, tuple[int, int]]:
    """Where somebody may other things than before."""
    named = before.scopes.keys() | after.scopes.keys()
    found = {branch_id: (before.on(branch_id), after.on(branch_id)) for branch_id in sorted(named)}
    return {branch_id: pair for branch_id, pair in found.items() if pair[0] != pair[1]}
