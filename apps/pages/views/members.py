"""The members of an account: who is here, who was invited, who was removed; and another role for several of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from apps.access.context import AccessContext
from apps.access.shield import shielded
from apps.accounts.second_factor import FACTORS
from apps.pages.forms.flow import ASKED, answer
from apps.pages.forms.invitations import CancelForm, InviteForm, ResendForm
from apps.pages.forms.members import AddToBranchForm, DeleteForm, RestoreForm
from apps.pages.forms.people import (
    Filter,
    InvitationFilter,
    MemberFilter,
    RemovedFilter,
    invitations_in_sight,
    live_overrides,
    members_in_sight,
)
from apps.pages.forms.several import SeveralRolesForm, chosen_members
from apps.pages.views.acts import OwnPage, PageAction, acts, address, page_action
from apps.pages.views.listing import ListPage, Order, by_name, moment_or_never, part_of
from apps.pages.views.page import page, show
from apps.teams.models import Invitation, Membership, ParentMembership, TeamMember

VIEWS, RESETS = "view_members", "reset_mfa"
ORDERS = {
    "name": Order(noop("Name"), [by_name()]),
    "role": Order(noop("Role, highest first"), [-F("role__rank"), by_name()]),
    "seen": Order(noop("Last sign-in, latest first"), [moment_or_never("user__last_login")], descending=True),
    "unseen": Order(noop("Last sign-in, oldest first"), [moment_or_never("user__last_login")]),
    "joined": Order(noop("Joined, latest first"), [F("joined_at")], descending=True),
}


@dataclass(slots=True)
class MemberRow:
    """A membership as the list shows it; of the shielded only name, branch and role."""

    membership: Membership
    shielded: bool = False
    parent: str = ""
    overrides: int = 0
    teams: list[str] = field(default_factory=list)
    without_factor: bool = False
    acts: list[PageAction] = field(default_factory=list)
    selectable: bool = False


@page(VIEWS)
def members(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The members of the visible branches with their roles."""
    asked = MemberFilter(request.GET, access=access, places=access.branches_where(VIEWS))
    chosen = request.GET.get("sort", "")
    order = chosen if chosen in ORDERS else "name"
    known = members_in_sight(access)
    active = known.filter(status=Membership.Status.ACTIVE)
    part = part_of(request, _described(access, asked.narrow(active)), known, ORDERS[order])
    lines = _lines(access, part.rows)
    context = {
        "orders": [(key, _(each.label)) for key, each in ORDERS.items()],
        "order": order,
        "lines": lines,
        "bulk": page_action(access, SeveralRolesForm, None, "switch_account", address(access, "members-role")),
        "asked_for": {**asked.narrowed, "sort": order},
    }
    return _show(request, access, "active", asked, part, context)


@page(VIEWS)
def invited(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The invitations and their states."""
    asked = InvitationFilter(request.GET, access=access, places=access.branches_where(VIEWS))
    known = invitations_in_sight(access)
    part = part_of(request, asked.narrow(known), known, Order("", [F("sent_at")], descending=True))
    lines = [(invitation, _invitation_acts(access, invitation)) for invitation in part.rows]
    return _show(request, access, "invited", asked, part, {"lines": lines, "now": timezone.now()})


@page(VIEWS)
def removed(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The removed members."""
    asked = RemovedFilter(request.GET, access=access, places=access.branches_where(VIEWS))
    known = members_in_sight(access)
    gone = asked.narrow(known.filter(status=Membership.Status.REMOVED))
    part = part_of(request, gone, known, Order("", [F("removed_at")], descending=True))
    lines = [MemberRow(each, each.user_id in shielded(access), acts=_removed_acts(access, each)) for each in part.rows]
    return _show(request, access, "restore", asked, part, {"lines": lines})


@page("change_roles", sends=True)
def several_roles(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Another role for the members that were selected, or for all that the list's filters find: of all or of none."""
    back = address(access, "members")
    crumbs = [(back, _("Members"))]
    selected = chosen_members(access, request.GET)
    if request.method == "GET" and not selected and ASKED not in request.GET:
        barred = _("No members selected. Go back to the list and select members.")
        context = {"barred": barred, "crumbs": crumbs}
        return show(request, access, "pages/members/barred.html", str(SeveralRolesForm.title), context)
    initial = {"members": ",".join(str(membership.pk) for membership in selected)}
    form = SeveralRolesForm(request.POST or None, access=access, initial=initial)
    people = form.people if form.is_bound else selected
    pages = OwnPage(request, access, "pages/members/several.html", {"people": people}, crumbs=crumbs)
    return answer(request, form, pages, back=back, subject=_("Change role of several members"))


def _show(
    request: HttpRequest, access: AccessContext, tab: str, asked: Filter, part: ListPage, context: dict[str, Any]
) -> HttpResponse:
    tabs = [("active", "members", _("Active")), ("invited", "members-invited", _("Invitations"))]
    tabs.append(("restore", "members-restore", _("Restore")))
    shared = {
        "tab": tab,
        "tabs": [(key, address(access, name), label) for key, name, label in tabs],
        "filter": asked,
        "filtered": bool(asked.narrowed) or not asked.is_valid(),
        "part": part,
        "invite": page_action(access, InviteForm, None, "person_add", address(access, "invite")),
        "add": page_action(access, AddToBranchForm, None, "domain_add", address(access, "member-add")),
    }
    return show(request, access, f"pages/members/{tab}.html", _("Members"), {**shared, **context})


def _lines(access: AccessContext, rows: Sequence[Membership]) -> list[MemberRow]:
    """The rows (`_described`) with what else is known of each person, in a query for each kind of knowledge."""
    hidden = shielded(access)
    people = {row.user_id for row in rows} - hidden
    overrides, teams = _overrides(access, rows), _teams(people, rows)
    may_reset = {branch.pk for branch in access.branches_where(RESETS)}
    movable = {branch.pk for branch in access.branches_where("change_roles")}
    items = []
    for row in rows:
        key, veiled = (row.user_id, row.branch_id), row.user_id in hidden
        line = MemberRow(row, veiled, row.parent_role or "")  # type: ignore[attr-defined] # see `_described`
        line.selectable = not veiled and row.user_id != access.user.pk and row.branch_id in movable
        if not veiled:
            line.overrides, line.teams = overrides[key], teams[key]
            line.without_factor = row.branch_id in may_reset and not row.secured  # type: ignore[attr-defined]
        items.append(line)
    return items


def _described(access: AccessContext, rows: QuerySet[Membership]) -> QuerySet[Membership]:
    """Return the rows with each parent role, for those who may see it, and whether the person uses 2FA."""
    parents = ParentMembership.objects.filter(account=access.account_id, user=OuterRef("user"))
    if not access.may_anywhere("view_parent_roles"):
        parents = parents.none()
    factors = Authenticator.objects.filter(user=OuterRef("user"), type__in=FACTORS)
    return rows.annotate(parent_role=Subquery(parents.values("role__name")[:1]), secured=Exists(factors))


def _overrides(access: AccessContext, rows: Sequence[Membership]) -> Counter[tuple[int, int]]:
    """Return the number of overrides in effect by person and branch, where the reader may see them."""
    places = access.branches_where("view_member_permissions")
    standing = live_overrides().filter(branch__in=places, user__in={row.user_id for row in rows})
    return Counter(standing.values_list("user_id", "branch_id"))


def _teams(people: Iterable[int], rows: Sequence[Membership]) -> dict[tuple[int, int], list[str]]:
    """The teams of these people, by person and branch."""
    result: dict[tuple[int, int], list[str]] = defaultdict(list)
    places = TeamMember.objects.filter(user__in=people, team__branch__in={row.branch_id for row in rows})
    for user_id, branch_id, name in places.order_by("team__name").values_list(
        "user_id", "team__branch_id", "team__name"
    ):
        result[user_id, branch_id].append(name)
    return result


def _invitation_acts(access: AccessContext, invitation: Invitation) -> list[PageAction]:
    return acts(
        page_action(
            access, ResendForm, invitation, "forward_to_inbox", address(access, "invitation-resend", invitation.pk)
        ),
        page_action(
            access, CancelForm, invitation, "cancel", address(access, "invitation-cancel", invitation.pk), _("Cancel")
        ),
    )


def _removed_acts(access: AccessContext, row: Membership) -> list[PageAction]:
    where = (row.user_id, row.branch.slug)
    return acts(
        page_action(access, RestoreForm, row, "settings_backup_restore", address(access, "member-restore", *where)),
        page_action(access, DeleteForm, row, "delete_forever", address(access, "member-delete", *where)),
    )
