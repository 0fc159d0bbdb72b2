"""One member: branches and roles, teams, overrides, parent role, shares, records and access history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from apps.access import records, shares
from apps.access.context import AccessContext
from apps.access.history.log_access import SEES, in_words, named, reader_of
from apps.access.models import Override
from apps.access.reasons import tooltip
from apps.access.shield import shielded, why_shielded
from apps.accounts.models import User
from apps.accounts.second_factor import FACTORS, has_second_factor
from apps.changes.view_as import NEEDS as LOOKS
from apps.pages.access_requests import asking_address
from apps.pages.forms.members import (
    AddToBranchForm,
    DeleteForm,
    LeaveForm,
    NameForm,
    RemoveForm,
    ResetMfaForm,
    RestoreForm,
    RoleForm,
)
from apps.pages.forms.parent_roles import ChangeParentForm, GrantParentForm, RevokeParentForm
from apps.pages.forms.permissions import PermissionsForm
from apps.pages.views.acts import PageAction, acts, address, page_action
from apps.pages.views.navigation import has_parent_roles
from apps.pages.views.page import AccountChangePages, page, show
from apps.roles import catalogue
from apps.teams.models import Membership, ParentMembership, Team

VIEWS = "view_members"
SHOWN = 10
# So many things at most does one share of a record give: view, change, delete, export.
VERBS = len(catalogue.SHAREABLE_VERBS)


@dataclass(slots=True)
class BranchMembership:
    """A branch that the person is, or was, a member of, with what is set for them there and what can be done."""

    membership: Membership
    teams: list[Team] = field(default_factory=list)
    overrides: list[Override] | None = None
    acts: list[PageAction] = field(default_factory=list)


@page(VIEWS)
def member(request: HttpRequest, access: AccessContext, member: int) -> HttpResponse:
    """Show one member, limited to what the person may see.

    Raises:
        Http404: neither a membership nor a parent role of theirs is visible.
    """
    rows = memberships_of(access, member)
    parent = parent_of(access, member)
    if not rows and parent is None:
        raise Http404
    user = parent.user if parent is not None else rows[0].user
    hidden = user.pk in shielded(access)
    context: dict[str, Any] = {
        "member": user,
        "hidden": why_shielded() if hidden else "",
        "parent": parent,
        "places": _places(access, rows, veiled=hidden),
        "acts": _acts(access, user, rows),
        "parent_acts": _parent_acts(access, user, parent, rows),
        "crumbs": [(address(access, "members"), _("Members"))],
        "now": timezone.now(),
    }
    if not hidden:
        context |= {
            **_signing_in(access, user, rows),
            "records": records_of(access, user),
            "shares": _shares(access, user),
            "events": _events(request, access, user),
            "log": f"{address(access, 'log')}?{urlencode({'about': user.email})}",
        }
    return show(request, access, "pages/members/member.html", str(user), context)


def memberships_of(access: AccessContext, user_id: int, status: str | None = None) -> list[Membership]:
    """The person's memberships of the branches where the other sees the members; the active ones first.

    Each says whether the person uses two-factor authentication (`secured`).
    """
    places = {branch.pk: branch for branch in access.branches_where(VIEWS)}
    matching = Membership.objects.filter(account=access.account_id, branch__in=places, user=user_id)
    if status is not None:
        matching = matching.filter(status=status)
    factors = Authenticator.objects.filter(user=OuterRef("user"), type__in=FACTORS)
    described = matching.select_related("user", "role").annotate(secured=Exists(factors))
    rows = list(described.order_by("status", "branch__name", "pk"))
    for row in rows:
        row.branch = places[row.branch_id]
    return rows


def parent_of(access: AccessContext, user_id: int) -> ParentMembership | None:
    """The person's parent role, where the other may see it."""
    if not access.may_anywhere("view_parent_roles"):
        return None
    memberships = ParentMembership.objects.filter(account=access.account_id, user=user_id)
    return memberships.select_related("user", "role").first()


def membership_in_sight(access: AccessContext, user_id: int, slug: str, status: str | None = None) -> Membership:
    """The person's membership of that branch.

    Raises:
        Http404: none is visible, or it is in another state.
    """
    for row in memberships_of(access, user_id, status):
        if row.branch.slug == slug:
            return row
    raise Http404


def member_crumbs(access: AccessContext, user: User) -> list[tuple[str, str]]:
    """The breadcrumbs of a page about a member."""
    return [(address(access, "members"), _("Members")), (address(access, "member", user.pk), str(user))]


def _places(access: AccessContext, rows: Sequence[Membership], *, veiled: bool) -> list[BranchMembership]:
    items = [BranchMembership(row, acts=_place_acts(access, row)) for row in rows]
    if veiled or not rows:
        return items
    user_id, branches = rows[0].user_id, [row.branch_id for row in rows]
    teams: dict[int, list[Team]] = defaultdict(list)
    for team in Team.objects.filter(branch__in=branches, members__user=user_id).order_by("name"):
        teams[team.branch_id].append(team)
    open_to = [row.branch_id for row in rows if access.may("view_member_permissions", row.branch)]
    standing: dict[int, list[Override]] = defaultdict(list)
    if open_to:
        overrides = Override.objects.filter(user=user_id, branch__in=open_to).select_related("author")
        for override in overrides.order_by("permission"):
            standing[override.branch_id].append(override)
    for place in items:
        key = place.membership.branch_id
        place.teams, place.overrides = teams[key], standing[key] if key in open_to else None
    return items


def _acts(access: AccessContext, user: User, rows: Sequence[Membership]) -> list[PageAction]:
    """Return the actions on the person in the whole account."""
    active = [row for row in rows if row.status == Membership.Status.ACTIVE]
    if not active:
        return []
    of_name = page_action(access, NameForm, active[0], "badge", address(access, "member-name", user.pk))
    if user == access.user:
        of_name = PageAction(str(NameForm.title), reverse("me"), "badge")
    adding = f"{address(access, 'member-add')}?{urlencode({'user': user.pk})}"
    removing = page_action(
        access, RemoveForm, active[0], "person_remove", address(access, "member-remove", user.pk), _("Remove")
    )
    return acts(
        of_name,
        page_action(access, AddToBranchForm, None, "domain_add", adding),
        _looking(access, user, active),
        removing,
    )


def _signing_in(access: AccessContext, user: User, rows: Sequence[Membership]) -> dict[str, Any]:
    """Return whether the person uses 2FA, only for those who could reset it, and the act that does."""
    known = user == access.user or access.may_anywhere("reset_mfa")
    secured = None
    if known:
        secured = rows[0].secured if rows else has_second_factor(user)  # type: ignore[attr-defined] # annotated
    if secured is False or not rows or user == access.user:
        return {"secured": secured}
    to = address(access, "member-second-factor", user.pk)
    return {"secured": secured, "reset": page_action(access, ResetMfaForm, rows[0], "phonelink_erase", to)}


def _looking(access: AccessContext, user: User, active: Sequence[Membership]) -> PageAction | None:
    """Return the link to view as the member; None for oneself."""
    if user == access.user:
        return None
    to = address(access, "view-as", user.pk)
    lacking = next((row.branch for row in active if not access.may(LOOKS, row.branch)), None)
    if lacking is None:
        return PageAction(_("View as member"), to, "visibility")
    asking = asking_address(access, LOOKS, lacking)
    return PageAction(_("View as member"), to, "visibility", tooltip(access, LOOKS, lacking), asking)


def _place_acts(access: AccessContext, row: Membership) -> list[PageAction]:
    """Return the actions on the person on one branch."""
    where = (row.user_id, row.branch.slug)
    return acts(
        page_action(access, RoleForm, row, "switch_account", address(access, "member-role", *where)),
        page_action(
            access, PermissionsForm, row, "tune", address(access, "member-permissions", *where), _("Update permissions")
        ),
        page_action(access, LeaveForm, row, "logout", address(access, "leave", row.branch.slug)),
        page_action(access, RestoreForm, row, "settings_backup_restore", address(access, "member-restore", *where)),
        page_action(access, DeleteForm, row, "delete_forever", address(access, "member-delete", *where)),
    )


def _parent_acts(
    access: AccessContext, user: User, parent: ParentMembership | None, rows: Sequence[Membership]
) -> list[PageAction] | None:
    """Return the actions on the parent role; None without parent roles, or for people who may not see them."""
    if not access.may_anywhere("view_parent_roles") or not has_parent_roles(access):
        return None
    if parent is None:
        if not any(row.status == Membership.Status.ACTIVE for row in rows) or user == access.user:
            return []
        granting = f"{address(access, 'parent-grant')}?{urlencode({'user': user.pk})}"
        return acts(page_action(access, GrantParentForm, None, "add_moderator", granting))
    return acts(
        page_action(access, ChangeParentForm, parent, "switch_account", address(access, "parent-change", user.pk)),
        page_action(access, RevokeParentForm, parent, "remove_moderator", address(access, "parent-revoke", user.pk)),
    )


def records_of(access: AccessContext, user: User, branch_id: int | None = None) -> dict[str, int]:
    """Return how many visible records of each type the person owns, in one query."""
    here = Q(responsible=user) if branch_id is None else Q(responsible=user, branch=branch_id)
    parts = [
        access.rows(f"view_{name}", name)
        .filter(here)
        .order_by()
        .values(of_type=Value(name, output_field=CharField()))
        .annotate(many=Count("pk"))
        for name in records.registered()
    ]
    # A constant is nothing to group by, so a type without any is counted too.
    return {name: many for name, many in _united(parts).values_list("of_type", "many") if many}


def _shares(access: AccessContext, user: User) -> list[dict[str, Any]]:
    """The first records that are shared with the person, of those whose access the other may look into."""
    parts = []
    for name in records.registered():
        result = shares.tables(name)
        if result is None:
            continue
        seen = access.rows("view_access_history", name).order_by().values("pk")
        given = result[0]._default_manager.filter(account=access.account_id, user=user, content_object__in=seen)
        parts.append(
            given.order_by().values(
                of_type=Value(name, output_field=CharField()),
                reference=F("content_object__reference"),
                permission_name=F("permission__codename"),
            )
        )
    values: dict[str, dict[str, Any]] = {}
    for row in _united(parts).order_by("reference", "permission_name")[: (SHOWN + 1) * VERBS]:
        verb = row["permission_name"].partition("_")[0]
        values.setdefault(row["reference"], {"reference": row["reference"], "type": row["of_type"], "verbs": []})
        values[row["reference"]]["verbs"].append(verb)
    return list(values.values())


def _united(parts: Sequence[QuerySet[Any]]) -> QuerySet[Any]:
    return parts[0].union(*parts[1:], all=True)


def _events(request: HttpRequest, access: AccessContext, user: User) -> list[dict[str, Any]] | None:
    """The last of what the log says of the person; None for who may read none of it."""
    if not access.may_anywhere(SEES):
        return None
    entries = reader_of(request).entries().concerning(user.pk).select_related("operation").order_by("-pk")
    pages, found = AccountChangePages(request, access), dict[int, dict[str, Any]]()
    for entry in entries[: SHOWN * 3]:
        done = entry.operation
        found.setdefault(
            done.pk,
            {
                "operation": done,
                "words": in_words(done.verb),
                "who": named(done),
                "address": pages.operation_address(done.pk),
            },
        )
    return list(found.values())[:SHOWN]
