"""The access matrix: every member of an account, with their effective scope for every permission (section 3)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Collate
from django.utils import timezone

from apps.access.effective_permissions import Limit, effective_permission
from apps.access.facts import AccountFacts, Facts, MembershipFacts, RoleFacts, account_facts, load_some
from apps.access.mandate import EffectiveScope, Mandate, Reason
from apps.access.models import OperatorSession
from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target
from apps.roles.scopes import Scope
from apps.teams.models import Membership, ParentMembership

# Number of users loaded at once.
CHUNK = 500
# Number of different members that are cached.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Cell:
    """A scope, and whether an override contributes to it; on pages also the prerequisite that caps it."""

    scope: Scope
    overridden: bool
    cap: Limit | None = None


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One membership; or, without branch and role, a user with only a parent role."""

    user: User
    branch: Branch | None
    role: str
    parent_role: str
    cells: Mapping[str, Cell]


def access_matrix(account: Account, branch: Branch | None = None) -> Iterator[MatrixRow]:
    """Return the rows of the matrix by branch and email address, parent roles without a membership last.

    With a branch, only its members. Operators in an open session are left out. An account permission shows the union
    over the branches and the parent role, as it is decided.

    Rows are read lazily, and equal members share one mapping of cells.
    """
    now = timezone.now()
    matrix = _Matrix(account_facts(account.pk), now)
    operating = OperatorSession.objects.open(now).filter(user=OuterRef("pk"))
    people = User.objects.filter(~Exists(operating)).order_by(Collate("email", "C"))
    # Include memberships of closed branches, which give no access.
    active = Membership.objects.filter(account=account, user=OuterRef("pk"), status=Membership.Status.ACTIVE)
    branches = Branch.objects.filter(account=account).order_by("slug")
    for place in branches if branch is None else branches.filter(pk=branch.pk):
        yield from matrix.rows(people.filter(Exists(active.filter(branch=place))), place)
    if branch is None:
        parents = ParentMembership.objects.filter(account=account).values("user")
        yield from matrix.rows(people.filter(~Exists(active), pk__in=parents), None)


State = tuple[int, frozenset[tuple[str, Scope, bool]]]
"""All that a membership gives: its role, and its overrides with whether they have ended."""


class _Matrix:
    """The cells of members, computed once for all equal members."""

    def __init__(self, account: AccountFacts, now: datetime) -> None:
        self._account = account
        self._now = now
        self._roles: dict[int, RoleFacts] = {}
        self._cells: dict[Hashable, Mapping[str, Cell]] = {}

    def rows(self, users: QuerySet[User], branch: Branch | None) -> Iterator[MatrixRow]:
        """Yield the rows of these users on the branch, in their order."""
        iterator = users.only("email", "name", "is_active").iterator(chunk_size=CHUNK)
        while chunk := list(islice(iterator, CHUNK)):
            facts = load_some(self._account, [user.pk for user in chunk], known=self._roles)
            for user in chunk:
                yield self._row(facts[user.pk], user, branch)

    def _row(self, facts: Facts, user: User, branch: Branch | None) -> MatrixRow:
        role = "" if branch is None else facts.memberships[branch.pk].role.key
        parent = facts.parent.key if facts.parent is not None else ""
        return MatrixRow(user, branch, role, parent, self._cells_of(facts, branch))

    def _cells_of(self, facts: Facts, branch: Branch | None) -> Mapping[str, Cell]:
        states = {
            branch_id: self._state(membership)
            for branch_id, membership in facts.memberships.items()
            if membership.active and branch_id in self._account.open_branches
        }
        here = states.get(branch.pk) if branch is not None else None
        key = (facts.active, facts.parent and facts.parent.id, here, frozenset(states.values()))
        if key not in self._cells:
            if len(self._cells) == MOST:
                self._cells.clear()
            mandate = Mandate(facts, self._now)
            self._cells[key] = {each.codename: cell_of(mandate, each, branch) for each in catalogue.permissions()}
        return self._cells[key]

    def _state(self, membership: MembershipFacts) -> State:
        overrides = (
            (each.permission, each.scope, each.expires_at is not None and each.expires_at <= self._now)
            for each in membership.overrides.values()
        )
        return membership.role.id, frozenset(overrides)


def cell_of(mandate: Mandate, permission: Permission, branch: Branch | None) -> Cell:
    """Return the cell of one user's Mandate on a branch; without a branch, what a parent role alone gives."""
    if permission.target is Target.ACCOUNT:
        places = [0, *(branch_id for branch_id, _, _ in mandate.branches())]
        found = [mandate.effective(branch_id, permission.codename) for branch_id in places]
    else:
        found = [mandate.effective(branch.pk if branch is not None else 0, permission.codename)]
    scope = Scope.NONE
    for effective in found:
        scope |= effective.scope
    return Cell(Scope.ALL if scope & Scope.ALL else scope, any(_is_overridden(effective) for effective in found))


def held_cell(mandate: Mandate, permission: Permission, branch: Branch | None) -> Cell:
    """Return `cell_of` after applying prerequisites: the effective scope."""
    found = effective_permission(mandate, branch.pk if branch is not None else 0, permission)
    return Cell(found.scope, cell_of(mandate, permission, branch).overridden, found.cap)


def _is_overridden(effective: EffectiveScope) -> bool:
    return any(step.because is Reason.OVERRIDE for step in effective.steps)
