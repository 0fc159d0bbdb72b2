"""The branches of an account: listed, opened, renamed, closed with what becomes of their records, opened again."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.access.reasons import tooltip
from apps.accounts.models import Branch
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.places import (
    SEES_BRANCH,
    AddBranchForm,
    CloseBranchForm,
    RenameBranchForm,
    ReopenBranchForm,
    branches_in_sight,
)
from apps.pages.views.page import change_page, page, show
from apps.pages.views.settings import crumbs_of, settings_change
from apps.teams.models import Membership

# What can be done with a branch: the word in the address, the form, the button.
ACTS: dict[str, type[ChangeForm]] = {
    "rename": RenameBranchForm,
    "close": CloseBranchForm,
    "reopen": ReopenBranchForm,
}


@page(SEES_BRANCH)
def branches(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The visible branches, with how many members they have, and what the person may do with each."""
    active = Count("memberships", filter=Q(memberships__status=Membership.Status.ACTIVE))
    matching = branches_in_sight(access).annotate(members=active).order_by("status", "name", "pk")
    counted = {branch.pk for branch in access.branches_where("view_members")}
    lacking = AddBranchForm.lacking(access, None)
    context = {
        "rows": [_row(access, branch, counted) for branch in matching],
        "no_more": (tooltip(access, lacking[0]) if lacking else "") or AddBranchForm.barred(access, None),
        "crumbs": crumbs_of(access),
    }
    return show(request, access, "pages/settings/branches.html", _("Branches"), context)


@page("add_branch", sends=True)
def add_branch(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """A further branch."""
    return settings_change(request, access, AddBranchForm, _("Add branch"), back=_list(access))


@page(SEES_BRANCH, sends=True)
def change_branch(request: HttpRequest, access: AccessContext, branch: str, act: str) -> HttpResponse:
    """Make one change of a branch.

    Raises:
        Http404: there is no such visible branch, or it cannot be done with it as it is now.
    """
    row = branches_in_sight(access).filter(slug=branch).first()
    kind = ACTS.get(act)
    if row is None or kind is None or not kind.applies(access, row):
        raise Http404
    row.account = access.account or row.account
    form = kind(request.POST if request.method == "POST" else None, access=access, row=row)
    back = _list(access)
    crumbs = [*crumbs_of(access), (back, _("Branches"))]
    return change_page(request, access, form, back=back, subject=f"{kind.title}: {row.name}", crumbs=crumbs)


def _row(access: AccessContext, branch: Any, counted: set[int]) -> dict[str, Any]:
    assert access.account is not None
    branch.account = access.account
    acts = []
    for word, form in ACTS.items():
        if form.applies(access, branch):
            lacking = form.lacking(access, branch)
            address = reverse("pages:branch", args=[access.account.slug, branch.slug, word])
            why = tooltip(access, lacking[0]) if lacking else ""
            acts.append({"label": form.title, "address": address, "why": why, "name": f"{word}-{branch.pk}"})
    return {
        "branch": branch,
        "closed": branch.status == Branch.Status.CLOSED,
        "members": branch.members if branch.pk in counted else None,
        "acts": acts,
    }


def _list(access: AccessContext) -> str:
    assert access.account is not None
    return reverse("pages:branches", args=[access.account.slug])
