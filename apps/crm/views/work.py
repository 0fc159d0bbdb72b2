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

from apps.access.context import Desk, desk_of, veil
from apps.access.second_factor import SecondFactorMissing, inside
from apps.accounts.models import Account, User
from apps.crm.pipelines import Standing, my_pipelines
from apps.pages.access_requests import waiting_requests

# Further accounts are named; only these are looked into.
LOOKED_INTO = 5
TASKS = 8


@dataclass(frozen=True, slots=True)
class Place:
    """One account of mine: as what I am there, where, and what waits for me."""

    account: Account
    roles: list[str]
    branches: list[str]
    tasks: list[Any]
    waiting: int
    # My open deals, where I may see the pipeline.
    pipelines: list[Standing] = field(default_factory=list)
    # Nothing of it is shown: it asks for a second factor, and there is none.
    closed: bool = False


@login_required
@require_safe
def work(request: HttpRequest) -> HttpResponse:
    """The first page after signing in. A platform operator outside of any account is led to their own."""
    desk = desk_of(request)
    if not desk.accounts and desk.may_open_session:
        return HttpResponseRedirect(reverse("admin:operator"))
    accounts = desk.accounts
    places = list(_places(desk.user, accounts[:LOOKED_INTO]))
    context = {"desk": desk, "title": _("Your work"), "places": places, "others": accounts[LOOKED_INTO:]}
    return render(request, "pages/work.html", context)


def _places(user: User, accounts: Sequence[Account]) -> Iterator[Place]:
    """What each account holds for the user, asked inside of it."""
    for account in accounts:
        try:
            with inside(user, account) as desk:
                tasks = _tasks(desk)
                names = [branch.name for branch in desk.branches]
                deals = my_pipelines(desk) if desk.may_anywhere("view_pipeline") else []
                yield Place(account, desk.role_names, names, tasks, waiting_requests(desk).count(), deals)
        except SecondFactorMissing:
            yield Place(account, [], [], [], 0, closed=True)


def _tasks(desk: Desk) -> list[Any]:
    """My open tasks there, what is due first at the top."""
    rows = desk.rows("view_task", "task").filter(responsible=desk.user, done=False)
    found = list(rows.order_by(F("due_at").asc(nulls_last=True), "pk")[:TASKS])
    veil(desk, found)
    return found
