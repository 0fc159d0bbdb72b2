"""The access matrix: every member of an account, with their effective scope for every permission (section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils import timezone

from apps.access.facts import account_facts, load_people
from apps.access.holding import Cap, holding
from apps.access.mandate import Because, Effective, Mandate
from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target
from apps.roles.scopes import Scope


@dataclass(frozen=True, slots=True)
class Cell:
    """A scope, and whether an override has a part in it; on pages also the prerequisite that it is cut to."""

    scope: Scope
    overridden: bool
    cap: Cap | None = None


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One membership; or, without a branch and a role, somebody who holds a parent role alone."""

    user: User
    branch: Branch | None
    role: str
    parent_role: str
    cells: Mapping[str, Cell]


def access_matrix(account: Account, branch: Branch | None = None) -> Iterator[MatrixRow]:
    """The rows of the matrix by branch and address, parent roles without a membership last.

    With a branch, only its members. Operators in an open session are left out. A permission that is asked of the
    account shows the union over the branches and the parent role, as it is decided.
    """
    now = timezone.now()
    mandates = {facts.user_id: Mandate(facts, now) for facts in load_people(account_facts(account.pk))}
    users = sorted(User.objects.filter(pk__in=mandates), key=lambda user: user.email)
    branches = Branch.objects.filter(account=account).order_by("slug")
    for place in branches if branch is None else branches.filter(pk=branch.pk):
        for user in users:
            membership = mandates[user.pk].facts.memberships.get(place.pk)
            if membership is not None and membership.active:
                yield _row(mandates[user.pk], user, place, membership.role.key)
    if branch is None:
        for user in users:
            facts = mandates[user.pk].facts
            if facts.parent is not None and not any(each.active for each in facts.memberships.values()):
                yield _row(mandates[user.pk], user, None, "")


def _row(mandate: Mandate, user: User, branch: Branch | None, role: str) -> MatrixRow:
    parent = mandate.facts.parent
    cells = {permission.codename: cell_of(mandate, permission, branch) for permission in catalogue.permissions()}
    return MatrixRow(user, branch, role, parent.key if parent is not None else "", cells)


def cell_of(mandate: Mandate, permission: Permission, branch: Branch | None) -> Cell:
    """The cell of one person (their Mandate) on a branch; without one, what a parent role alone gives."""
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
    """As `cell_of`, with what prerequisites cut off counted in: as far as the permission really reaches."""
    found = holding(mandate, branch.pk if branch is not None else 0, permission)
    return Cell(found.scope, cell_of(mandate, permission, branch).overridden, found.cap)


def _is_overridden(effective: Effective) -> bool:
    return any(step.because is Because.OVERRIDE for step in effective.steps)
