"""The account's home: members, pending requests and recent changes."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse

from apps.access.context import AccessContext
from apps.access.history.log_access import in_words, named, reader_of
from apps.accounts.models import Branch
from apps.pages.access_requests import waiting_requests
from apps.pages.forms.invitations import InviteForm
from apps.pages.views.acts import address, page_action
from apps.pages.views.page import EVERYBODY, AccountChangePages, page, show
from apps.teams.models import Invitation, Membership

SHOWN = 8


@page(EVERYBODY)
def home(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The account at a glance."""
    assert access.account is not None
    context = {
        "places": _places(access),
        "invite": page_action(access, InviteForm, None, "person_add", address(access, "invite")),
        "waiting": waiting_requests(access)[:SHOWN],
        "changes": _changes(request, access),
    }
    return show(request, access, "pages/home.html", access.account.name, context)


def _places(access: AccessContext) -> list[dict[str, Any]] | None:
    """The visible branches with how many people are there, and how many are invited; None for who may not see it."""
    branches = access.branches_where("view_members")
    if not branches:
        return None
    counted = (
        Branch.objects.filter(pk__in=[branch.pk for branch in branches])
        .annotate(members=Count("memberships", filter=Q(memberships__status=Membership.Status.ACTIVE)))
        .order_by("name", "pk")
    )
    pending = Invitation.objects.filter(account=access.account_id, status=Invitation.Status.PENDING)
    invited = dict(pending.values("branch").annotate(many=Count("pk")).values_list("branch", "many"))
    return [{"branch": branch, "members": branch.members, "invited": invited.get(branch.pk, 0)} for branch in counted]


def _changes(request: HttpRequest, access: AccessContext) -> list[dict[str, Any]] | None:
    """The last operations that the person may read; None for who may read none."""
    if not access.may_anywhere("view_audit_log"):
        return None
    return [
        {
            "operation": operation,
            "words": in_words(operation.verb),
            "who": named(operation),
            "address": AccountChangePages(request, access).operation_address(operation.pk),
        }
        for operation in reader_of(request).operations().order_by("-pk")[:SHOWN]
    ]
