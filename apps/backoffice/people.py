"""Members, invitations and parent roles in the admin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from apps.access.context import access_of
from apps.access.shield import shielded
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.backoffice.listing import ChoiceFilter, moment
from apps.backoffice.overrides import lines_of
from apps.backoffice.tables import AccessTableAdmin, PlaceFilter, RoleFilter, RowAction
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import roles
from apps.pages.forms.invitations import (
    EVERYWHERE,
    CancelForm,
    InviteForm,
    ResendForm,
)
from apps.pages.forms.members import (
    ACTIVE,
    REMOVED,
    AddToBranchForm,
    DeleteForm,
    LeaveForm,
    NameForm,
    OverrideOfMemberForm,
    RemoveForm,
    ResetMfaForm,
    RestoreForm,
    RoleForm,
)
from apps.pages.forms.parent_roles import ChangeParentForm, GrantParentForm, RevokeParentForm
from apps.roles.models import Role
from apps.teams.models import Invitation, Membership, ParentMembership, TeamMember

# Members


class StateFilter(ChoiceFilter):
    """Active members, or the removed members."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(EVERYWHERE, _("All")), (REMOVED, _("Removed"))]

    def choices(self, changelist: Any) -> Any:
        """The first choice is what the list shows by itself."""
        items = list(super().choices(changelist))
        items[0] = {**items[0], "display": _("Active")}
        return items

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        if chosen == EVERYWHERE:
            return queryset
        return queryset.none() if chosen == "" else queryset.filter(status=chosen or ACTIVE)


class MembershipAdmin(AccessTableAdmin):
    """The members of each branch with their roles, and the removed members."""

    views = "view_members"
    adds = AddToBranchForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {
        "role": RoleForm,
        "override": OverrideOfMemberForm,
        "name": NameForm,
        "second-factor": ResetMfaForm,
        "remove": RemoveForm,
        "leave": LeaveForm,
        "restore": RestoreForm,
    }
    removes = DeleteForm
    list_display = ("person", "on", "role_name", "since")
    list_select_related = ("user", "branch", "role")
    list_filter: ClassVar[Any] = (StateFilter, PlaceFilter, RoleFilter)
    list_filter_submit = True
    search_fields = ("user__name", "user__email")
    search_help_text = gettext_lazy("Name or email address.")
    ordering = ("user__name", "pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user", "branch", "role")

    def get_list_display(self, request: HttpRequest) -> Any:
        """The address of the shielded is left out."""
        hidden = shielded(access_of(request))

        @display(description=_("Member"), header=True)
        def veiled(member: Membership) -> list[str]:
            return [str(member.user), ""] if member.user_id in hidden else self.person(member)

        return (veiled, *self.list_display[1:]) if hidden else self.list_display

    @display(description=gettext_lazy("Member"), header=True)
    def person(self, member: Membership) -> list[str]:
        """The name, with the address under it."""
        return [str(member.user), member.user.email]

    @display(description=gettext_lazy("Branch"))
    def on(self, member: Membership) -> str:
        """The branch."""
        return member.branch.name

    @display(description=gettext_lazy("Role"))
    def role_name(self, member: Membership) -> str:
        """Return the role, and whether the member was removed."""
        if member.status == REMOVED:
            return _("%(role)s (removed)") % {"role": member.role.name}
        return member.role.name

    @display(description=gettext_lazy("Since"))
    def since(self, member: Membership) -> SafeString | None:
        """Return the date of joining or removal."""
        return moment(member.removed_at or member.joined_at)

    def name_of(self, row: Any) -> str:
        return _("%(user)s on %(branch)s") % {"user": row.user, "branch": row.branch}

    def facts_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        known = row.user_id not in shielded(access_of(request))
        return [
            (_("Role"), row.role.name),
            (_("Branch"), row.branch.name),
            (_("State"), row.get_status_display()),
            (_("Email"), row.user.email if known else ""),
            (_("Joined"), _day(row.joined_at) if known else ""),
            (_("Removed"), _day(row.removed_at) if row.removed_at else ""),
            (_("Account"), "" if row.user.is_active else _("Deactivated")),
        ]

    def more(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Teams and overrides, for those who may see them."""
        access = access_of(request)
        if row.user_id in shielded(access):
            return {}
        teams = TeamMember.objects.filter(user=row.user_id, team__branch=row.branch_id).select_related("team")
        parts = [
            {
                "title": _("Teams"),
                "lines": [
                    {"title": place.team.name, "link": reverse("admin:teams_team_change", args=[place.team_id])}
                    for place in teams.order_by("team__name")
                ],
                "empty": _("Not in a team."),
            }
        ]
        if access.may("view_member_permissions", row.branch):
            parts.append(
                {"title": _("Overrides"), "lines": lines_of(row), "empty": _("No overrides. The role decides.")}
            )
        return {"parts": parts}

    def further_acts(self, request: HttpRequest, row: Any) -> list[RowAction]:
        """A parent role, where the scheme has any."""
        access = access_of(request)
        if row.status != ACTIVE or not access.may_anywhere("view_parent_roles") or not roles(access, Role.Kind.PARENT):
            return []
        link = f"{reverse('admin:teams_parentmembership_add')}?user={row.user_id}"
        return [RowAction(str(GrantParentForm.title), link, self.missing(request, GrantParentForm, None))]


def _day(moment: datetime | None) -> str:
    return written(moment, DateTimeForm.DAY)


# Invitations


class InvitationAdmin(AccessTableAdmin):
    """The invitations."""

    views = "view_members"
    adds = InviteForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {"resend": ResendForm, "cancel": CancelForm}
    list_display = ("address_", "to", "role_name", "state", "until", "sender")
    list_select_related = ("branch", "role", "invited_by")
    list_filter: ClassVar[Any] = (PlaceFilter,)
    list_filter_submit = True
    search_fields = ("email",)
    search_help_text = gettext_lazy("Email address.")
    ordering = ("-sent_at", "-pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those to a branch where the person sees the members; to all branches, for who sees them on each."""
        access = access_of(request)
        ids = [branch.pk for branch in access.branches_where(self.views)]
        rows = Invitation.objects.filter(account=access.account_id).select_related("branch", "role", "invited_by")
        matching = rows.filter(branch__in=ids)
        everywhere = bool(ids) and len(ids) == len(access.branches)
        return matching | rows.filter(branch=None) if everywhere else matching

    @display(description=gettext_lazy("Email"))
    def address_(self, invitation: Invitation) -> str:
        """Return the invited address."""
        return invitation.email

    @display(description=gettext_lazy("To"))
    def to(self, invitation: Invitation) -> str:
        """The branch."""
        return invitation.branch.name if invitation.branch else _("All branches")

    @display(description=gettext_lazy("Role"))
    def role_name(self, invitation: Invitation) -> str:
        """The role."""
        return invitation.role.name if invitation.role else _("a deleted role")

    @display(description=gettext_lazy("State"))
    def state(self, invitation: Invitation) -> str:
        """Return the state."""
        if invitation.status == Invitation.Status.PENDING and not invitation.is_open:
            return _("Ended")
        return str(invitation.get_status_display())

    @display(description=gettext_lazy("Until"))
    def until(self, invitation: Invitation) -> SafeString | None:
        """Return the end date."""
        return moment(invitation.ended_at or invitation.expires_at)

    @display(description=gettext_lazy("From"))
    def sender(self, invitation: Invitation) -> str:
        """Return the sender."""
        return str(invitation.invited_by or _("Platform operators"))

    def name_of(self, row: Any) -> str:
        return str(row.email)


# Parent roles


class ParentMembershipAdmin(AccessTableAdmin):
    """The members with a parent role."""

    views = "view_parent_roles"
    adds = GrantParentForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {"role": ChangeParentForm}
    removes = RevokeParentForm
    list_display = ("person", "role_name", "granted")
    list_select_related = ("user", "role")
    list_filter: ClassVar[Any] = (RoleFilter,)
    list_filter_submit = True
    search_fields = ("user__name", "user__email")
    search_help_text = gettext_lazy("Name or email address.")
    ordering = ("user__name", "pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user", "role")

    @display(description=gettext_lazy("Holder"))
    def person(self, held: ParentMembership) -> str:
        """Return the member."""
        return str(held.user)

    @display(description=gettext_lazy("Parent role"))
    def role_name(self, held: ParentMembership) -> str:
        """The role."""
        return held.role.name

    @display(description=gettext_lazy("Since"))
    def granted(self, held: ParentMembership) -> SafeString | None:
        """Return the date of the grant."""
        return moment(held.granted_at)

    def name_of(self, row: Any) -> str:
        return _("%(user)s as %(role)s") % {"user": row.user, "role": row.role}
