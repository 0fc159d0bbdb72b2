"""Facts: what the rules need to know about one user in one account, read in at most five queries.

Facts are immutable plain values; `mandate` compiles them into answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Subquery, Value, Window
from django.db.models.functions import RowNumber

from apps.access.models import OperatorSession, Override
from apps.accounts.models import Account, Branch, User
from apps.roles.models import Role, RoleGrant
from apps.roles.schemes import Grant, Scheme, scheme
from apps.roles.scopes import Scope
from apps.teams.models import Membership, ParentMembership, TeamMember

_NO_GRANT = Grant(Scope.NONE, grantable=True)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The account's state, its plan's features (None: no limits), its open branches and whether it is read-only."""

    id: int
    scheme: Scheme
    status: str
    features: frozenset[str] | None
    version: int
    open_branches: frozenset[int]
    branches: frozenset[int]
    read_only: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RoleFacts:
    """A role with its grants. Two instances are the same role if their ids are equal."""

    id: int
    key: str
    name: str
    kind: str
    rank: int
    locked: bool
    supreme: bool
    grants: Mapping[str, Grant]

    def grant(self, codename: str) -> Grant:
        """Return the role's grant for a permission; a custom role has none for permissions that are newer than it."""
        return self.grants.get(codename, _NO_GRANT)


@dataclass(frozen=True, slots=True)
class OverrideFacts:
    """One override, ended or not."""

    permission: str
    scope: Scope
    reason: str
    author: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class MembershipFacts:
    """A membership with overrides by permission, the teams' groups, and all members of those teams."""

    branch_id: int
    role: RoleFacts
    active: bool
    overrides: Mapping[str, OverrideFacts] = field(default_factory=lambda: MappingProxyType({}))
    groups: frozenset[int] = frozenset()
    mates: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that decides what one user may do in one account.

    `operator_until` is the end of the user's operator session; None at the command line.
    """

    user_id: int
    active: bool
    operator: bool
    account: AccountFacts
    parent: RoleFacts | None
    memberships: Mapping[int, MembershipFacts]
    operator_until: datetime | None = None

    @property
    def ends(self) -> frozenset[datetime]:
        """Return when a part of the facts ends: overrides and the operator session."""
        overrides = (override for held in self.memberships.values() for override in held.overrides.values())
        found = {override.expires_at for override in overrides} | {self.operator_until}
        return frozenset(end for end in found if end is not None)


# Number of users of each branch that are tried first as granters.
FOREMOST = 12

Flags = tuple[bool, datetime | None]
"""Whether a user is active, and until when they are an operator, if they are one."""


def load(user_id: int, account_id: int, now: datetime | None = None) -> Facts:
    """Read the facts of one user in one account; `now` decides whether an operator's session is open.

    Raises:
        User.DoesNotExist, Account.DoesNotExist: the user or the account doesn't exist.
    """
    row = (
        _account_rows()
        .annotate(
            user_active=Subquery(User.objects.filter(pk=user_id).values("is_active")),
            operator_until=Subquery(OperatorSession.objects.end_of(user_id, now)),
        )
        .get(pk=account_id)
    )
    if row.user_active is None:
        raise User.DoesNotExist(f"There is no user {user_id}.")
    return next(_assemble(_account_facts(row), {user_id: (row.user_active, row.operator_until)}))


def load_people(
    account: AccountFacts,
    branch_ids: Collection[int] | None = None,
    holding: Collection[str] | None = None,
    now: datetime | None = None,
) -> Iterator[Facts]:
    """Read the facts of all users with a membership (on one of these branches, or on any) or a parent role.

    With branches, only data of these branches is read. With `holding`, users without a role or override that gives any
    of these permissions are left out; the Mandates of the others decide. Operators in an open session are left out;
    outside of one they are members like others.
    """
    members = Membership.objects.filter(account=account.id)
    overrides = Override.objects.filter(account=account.id, permission__in=holding or ())
    if branch_ids is not None:
        members = members.filter(branch__in=branch_ids)
        overrides = overrides.filter(branch__in=branch_ids)
    ids = ParentMembership.objects.filter(account=account.id).values("user")
    if holding is None:
        ids = ids.union(members.values("user"))
    else:
        ids = ids.union(
            members.filter(role__in=_roles_giving(account, holding)).values("user"), overrides.values("user")
        )
    operating = OperatorSession.objects.open(now).filter(user=OuterRef("pk"))
    users = User.objects.filter(~Exists(operating), pk__in=ids).values_list("pk", "is_active")
    people: dict[int, Flags] = {user_id: (active, None) for user_id, active in users}
    return _assemble(account, people, branch_ids)


def load_some(
    account: AccountFacts,
    user_ids: Collection[int],
    *,
    teams: bool = False,
    known: dict[int, RoleFacts] | None = None,
) -> dict[int, Facts]:
    """Read the facts of these users, members or not, operators included; without their teams unless `teams`.

    Missing users are left out. Roles are taken from `known`, and new ones are added to it.
    """
    until = Subquery(OperatorSession.objects.end_of(OuterRef("pk")))
    flags = User.objects.filter(pk__among=list(user_ids)).values_list("pk", "is_active", until)
    people: dict[int, Flags] = {user_id: (active, operator_until) for user_id, active, operator_until in flags}
    return {facts.user_id: facts for facts in _assemble(account, people, teams=teams, known=known)}


def highest_ranked(account: AccountFacts, branch_ids: Collection[int], holding: Collection[str]) -> set[int]:
    """Return the highest-ranking users on each branch to whom a role, an override or a parent role gives one of the
    permissions, up to a number for each branch and for each other kind.
    """
    place = Window(RowNumber(), partition_by=F("branch"), order_by=[F("role__rank").desc(), F("user")])
    members = Membership.objects.active().filter(account=account.id, branch__in=branch_ids)
    ranked = members.filter(role__in=_roles_giving(account, holding)).annotate(place=place)
    by_role = ranked.filter(place__lte=FOREMOST).values_list("user", flat=True)
    overrides = Override.objects.filter(account=account.id, branch__in=branch_ids, permission__in=holding)
    by_override = overrides.order_by("pk").values_list("user", flat=True)[:FOREMOST]
    parents = ParentMembership.objects.filter(account=account.id).order_by("-role__rank", "user")
    return set(by_role.union(by_override, parents.values_list("user", flat=True)[:FOREMOST]))


def _roles_giving(account: AccountFacts, codenames: Collection[str]) -> QuerySet[Role]:
    """Return the built-in and custom roles that give one of the permissions with any scope."""
    given = RoleGrant.objects.filter(permission__in=codenames).exclude(scope=Scope.NONE)
    roles = Role.objects.usable_in(account.id, account.scheme.key)
    return roles.filter(pk__in=given.values("role")).values("pk")  # type: ignore[return-value]


def account_facts(account_id: int) -> AccountFacts:
    """Read the account's part of the facts.

    Raises:
        Account.DoesNotExist: the account doesn't exist.
    """
    return _account_facts(_account_rows().get(pk=account_id))


def _account_rows() -> QuerySet[Any]:
    branches = Branch.objects.filter(account=OuterRef("pk"))
    return Account.objects.annotate(
        every_branch=ArraySubquery(branches.values("pk")),
        every_open_branch=ArraySubquery(branches.filter(status=Branch.Status.ACTIVE).values("pk")),
    )


def _account_facts(row: Any) -> AccountFacts:
    return AccountFacts(
        id=row.pk,
        scheme=scheme(row.scheme),
        status=row.status,
        features=None if row.features is None else frozenset(row.features),
        read_only=row.read_only,
        version=row.access_version,
        open_branches=frozenset(row.every_open_branch),
        branches=frozenset(row.every_branch),
    )


def _assemble(
    account: AccountFacts,
    people: Mapping[int, Flags],
    branch_ids: Collection[int] | None = None,
    *,
    teams: bool = True,
    known: dict[int, RoleFacts] | None = None,
) -> Iterator[Facts]:
    if not people:
        return
    descriptions, membership_rows, parents = _held_roles(account, people, branch_ids)
    roles = {} if known is None else known
    roles |= _role_facts({pk: described for pk, described in descriptions.items() if pk not in roles})
    overrides = _overrides(account, people, branch_ids)
    groups, mates = _teams(account, people, branch_ids) if teams else ({}, {})
    for user_id, (active, until) in people.items():
        memberships = {
            branch: MembershipFacts(
                branch_id=branch,
                role=roles[role_id],
                active=status == Membership.Status.ACTIVE,
                overrides=overrides.get((user_id, branch), MappingProxyType({})),
                groups=frozenset(groups.get((user_id, branch), ())),
                mates=frozenset(mates.get((user_id, branch), ())),
            )
            for branch, role_id, status in membership_rows.get(user_id, ())
        }
        parent = parents.get(user_id)
        role = roles[parent] if parent else None
        yield Facts(user_id, active, until is not None, account, role, memberships, until)


HeldRoles = dict[int, list[tuple[int, int, str]]]


def _held_roles(
    account: AccountFacts, people: Collection[int], branch_ids: Collection[int] | None
) -> tuple[dict[int, tuple[str, ...]], HeldRoles, dict[int, int]]:
    """Read in one query: the roles in use (without grants), memberships and parent roles."""
    attributes = [
        f"role__{name}" for name in ("scheme", "key", "name", "kind", "rank", "locked", "supreme", "account_id")
    ]
    members: QuerySet[Membership] = Membership.objects.filter(account=account.id, user__among=list(people))
    if branch_ids is not None:
        members = members.filter(branch__in=branch_ids)
    parents = ParentMembership.objects.filter(account=account.id, user__among=list(people)).annotate(
        no_branch=F("account") - F("account"), always=Value("active", output_field=CharField())
    )
    rows = members.values_list("user", "branch", "status", "role", *attributes).union(
        parents.values_list("user", "no_branch", "always", "role", *attributes), all=True
    )
    memberships: HeldRoles = defaultdict(list)
    parent_of: dict[int, int] = {}
    descriptions: dict[int, tuple[str, ...]] = {}
    for user, branch, status, role, *description in rows:
        descriptions[role] = tuple(description)
        if branch:
            memberships[user].append((branch, role, status))
        else:
            parent_of[user] = role
    return descriptions, memberships, parent_of


def role_facts(roles: QuerySet[Role]) -> list[RoleFacts]:
    """Return these roles with their grants, in the queryset's order."""
    fields = ("scheme", "key", "name", "kind", "rank", "locked", "supreme", "account_id")
    return list(_role_facts({pk: tuple(described) for pk, *described in roles.values_list("pk", *fields)}).values())


def _role_facts(descriptions: Mapping[int, tuple[object, ...]]) -> dict[int, RoleFacts]:
    own = [role_id for role_id, description in descriptions.items() if description[-1] is not None]
    grants = _own_grants(own)
    facts = {}
    for role_id, (scheme_key, key, name, kind, rank, locked, supreme, owner) in descriptions.items():
        given = grants[role_id] if owner is not None else scheme(str(scheme_key)).roles[str(key)].grants
        facts[role_id] = RoleFacts(
            role_id, str(key), str(name), str(kind), int(str(rank)), bool(locked), bool(supreme), given
        )
    return facts


def _own_grants(role_ids: Collection[int]) -> Mapping[int, Mapping[str, Grant]]:
    grants: dict[int, dict[str, Grant]] = {role_id: {} for role_id in role_ids}
    if role_ids:
        rows = RoleGrant.objects.filter(role__in=role_ids).values_list("role", "permission", "scope", "grantable")
        for role_id, permission, scope, grantable in rows:
            grants[role_id][permission] = Grant(scope, grantable)
    return grants


def _overrides(
    account: AccountFacts, people: Collection[int], branch_ids: Collection[int] | None
) -> dict[tuple[int, int], Mapping[str, OverrideFacts]]:
    rows = Override.objects.filter(account=account.id, user__among=list(people)).order_by()
    if branch_ids is not None:
        rows = rows.filter(branch__in=branch_ids)
    by_membership: dict[tuple[int, int], dict[str, OverrideFacts]] = defaultdict(dict)
    for user, branch, permission, scope, reason, author, expires_at in rows.values_list(
        "user", "branch", "permission", "scope", "reason", "author__name", "expires_at"
    ):
        by_membership[user, branch][permission] = OverrideFacts(permission, scope, reason, author or "", expires_at)
    return {key: MappingProxyType(overrides) for key, overrides in by_membership.items()}


def _teams(
    account: AccountFacts, people: Collection[int], branch_ids: Collection[int] | None
) -> tuple[dict[tuple[int, int], set[int]], dict[tuple[int, int], set[int]]]:
    """Return the groups of each user's teams on each branch, and all members of those teams, removed ones included."""
    places = TeamMember.objects.filter(
        team__in=TeamMember.objects.filter(account=account.id, user__among=list(people)).values("team")
    )
    if branch_ids is not None:
        places = places.filter(team__branch__in=branch_ids)
    members: dict[tuple[int, int], list[int]] = defaultdict(list)
    for branch, group, user in places.values_list("team__branch", "team__group", "user"):
        members[branch, group].append(user)
    groups: dict[tuple[int, int], set[int]] = defaultdict(set)
    mates: dict[tuple[int, int], set[int]] = defaultdict(set)
    for (branch, group), users in members.items():
        for user in users:
            if user in people:
                groups[user, branch].add(group)
                mates[user, branch].update(users)
    return groups, mates
