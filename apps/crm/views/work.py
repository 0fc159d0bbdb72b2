"""Where I work: my accounts with their branches, my open deals and tasks, and what waits for me."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.access.context import AccessContext, access_of, veil
from apps.access.second_factor import SecondFactorMissing, inside
from apps.accounts.models import Account, User
from apps.crm.pipelines import PipelineDeals, my_pipelines
from apps.pages.access_requests import waiting_requests

# Further accounts are named; only these are looked into.
LOOKED_INTO = 5
TASKS = 8


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """One account of mine: as what I am there, where, and what waits for me."""

    account: Account
    roles: list[str]
    branches: list[str]
    tasks: list[Any]
    waiting: int
    # My open deals, where I may see the pipeline.
    pipelines: list[PipelineDeals] = field(default_factory=list)
    # Nothing of it is shown: it asks for a two-factor authentication, and there is none.
    closed: bool = False


@login_required
@require_safe
def work(request: HttpRequest) -> HttpResponse:
    """The first page after signing in. A platform operator outside of any account is led to their own."""
    access = access_of(request)
    if not access.accounts and access.may_open_session:
        return HttpResponseRedirect(reverse("admin:operator"))
    accounts = access.accounts
    places = list(_places(access.user, accounts[:LOOKED_INTO]))
    context = {"access": access, "title": _("Your work"), "places": places, "others": accounts[LOOKED_INTO:]}
    return render(request, "pages/work.html", context)


def _places(user: User, accounts: Sequence[Account]) -> Iterator[AccountSummary]:
    """What each account holds for the user, asked inside of it."""
    for account in accounts:
        try:
            with inside(user, account) as access:
                tasks = _tasks(access)
                names = [branch.name for branch in access.branches]
                deals = my_pipelines(access) if access.may_anywhere("view_pipeline") else []
                yield AccountSummary(account, access.role_names, names, tasks, waiting_requests(access).count(), deals)
        except SecondFactorMissing:
            yield AccountSummary(account, [], [], [], 0, closed=True)


def _tasks(access: AccessContext) -> list[Any]:
    """My open tasks there, what is due first at the top."""
    rows = access.rows("view_task", "task").filter(responsible=access.user, done=False)
    items = list(rows.order_by(F("due_at").asc(nulls_last=True), "pk")[:TASKS])
    veil(access, items)
    return items
