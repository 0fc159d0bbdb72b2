"""My access: what I may do in each of my accounts, by what, until when, and who can change it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.access.context import AccessContext, access_of
from apps.access.effective_permissions import EffectivePermission, effective_permission
from apps.access.mandate import Mandate, Reason
from apps.access.record_audience import given_by
from apps.access.second_factor import SecondFactorMissing, inside
from apps.accounts.models import Account, Branch, User
from apps.changes.guards.evaluation import NOWHERE
from apps.pages.access_requests import asking_address
from apps.roles.catalogue import Permission
from apps.roles.tabs import shown_tabs
from apps.teams.models import Team

GIVES = "manage_member_permissions"
NAMED = 8


@dataclass(frozen=True, slots=True)
class PermissionLine:
    """One permission: what holds of it, by what, why that was set, until when; and where to ask where none holds."""

    permission: Permission
    holding: EffectivePermission
    source: str
    reason: str
    until: datetime | None
    asking: str = ""


@login_required
@require_safe
def my_access(request: HttpRequest) -> HttpResponse:
    """One account and one branch at a time, by `?account=` and `?branch=`; the current account where none is named."""
    outside = access_of(request)
    user, accounts = outside.user, outside.accounts
    account = _chosen(accounts, request.GET.get("account", ""), outside.account)
    context = {"access": outside, "accounts": accounts, "chosen": account, "title": _("Your access")}
    if account is None:
        return render(request, "pages/my_access.html", context)
    try:
        with inside(user, account) as access:
            shown = _in_account(access, request.GET.get("branch", ""))
            return render(request, "pages/my_access.html", {**context, **shown})
    except SecondFactorMissing:
        return render(request, "pages/my_access.html", {**context, "closed": True})


def _chosen(accounts: object, slug: str, current: Account | None) -> Account | None:
    items: list[Account] = list(accounts)  # type: ignore[call-overload] # a sequence of them
    return next((each for each in items if each.slug == slug), current or (items[0] if items else None))


def _in_account(access: AccessContext, slug: str) -> dict[str, object]:
    """Return the person's role and permissions on one branch, or on all with a parent role only."""
    mandate = access.mandate
    assert mandate is not None
    mine = {branch_id: held for branch_id, held, _profile in mandate.branches()}
    branches = [branch for branch in access.branches if branch.pk in mine]
    branch = next((each for each in branches if each.slug == slug), branches[0] if branches else None)
    place = NOWHERE if branch is None else branch.pk
    held, without = [], []
    for title, lines in _tabs(access, mandate, place, branch):
        held.append((title, [line for line in lines if line.holding.scope]))
        without.append((title, [line for line in lines if not line.holding.scope]))
    return {
        "branches": branches,
        "branch": branch,
        "role": None if branch is None else mine[branch.pk].role,
        "parent": mandate.facts.parent,
        "teams": []
        if branch is None
        else Team.objects.filter(branch=branch, members__user=access.user).order_by("name"),
        "held": [(title, lines) for title, lines in held if lines],
        "without": [(title, lines) for title, lines in without if lines],
        "givers": _givers(access, branch),
        "named": NAMED,
    }


def _tabs(
    access: AccessContext, mandate: Mandate, place: int, branch: Branch | None
) -> Iterator[tuple[str, list[PermissionLine]]]:
    assert access.account is not None
    for tab in shown_tabs(access.account.role_system, access.account.features):
        yield tab.title, [_line(access, mandate, place, branch, permission) for permission in tab.permissions]


def _line(
    access: AccessContext, mandate: Mandate, place: int, branch: Branch | None, permission: Permission
) -> PermissionLine:
    result = effective_permission(mandate, place, permission)
    override = next((step.override for step in result.given.steps if step.because is Reason.OVERRIDE), None)
    source = _("another branch") if result.elsewhere else given_by(mandate, place, permission.codename)
    asking = "" if result.scope or branch is None else asking_address(access, permission.codename, branch)
    return PermissionLine(
        permission,
        result,
        source,
        "" if override is None else override.reason,
        None if override is None else override.expires_at,
        asking,
    )


def _givers(access: AccessContext, branch: Branch | None) -> list[User]:
    """Return the people who may change the person's access there, highest roles first."""
    people = access.people
    if people is None or branch is None:
        return []
    return people.who_may(GIVES, branch, lambda mandate: mandate.user_id != access.user.pk)
