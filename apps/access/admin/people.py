"""Members, invitations and parent roles in the admin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.access import handover
from apps.access.admin.changing import ChangeForm
from apps.access.admin.desk import Desk, desk_of
from apps.access.admin.fields import branches, id_field, people, roles
from apps.access.admin.listing import ChoiceFilter, moment
from apps.access.admin.overrides import NewOverrideForm, lines_of
from apps.access.admin.shield import WHY, shielded
from apps.access.admin.tables import AccessTableAdmin, Act, PlaceFilter, RoleFilter
from apps.access.changes.base import Change
from apps.access.changes.details import LONGEST_NAME, ChangeDetails
from apps.access.changes.invitations import CancelInvitation, Invite, ResendInvitation
from apps.access.changes.members import AddToBranch, ChangeRole
from apps.access.changes.parent_roles import ChangeParentRole, GrantParentRole, RevokeParentRole
from apps.access.changes.removal import DeleteMember, Leave, RemoveMember, RestoreMember
from apps.access.handover import Delete, HandOver, Plan
from apps.roles import catalogue
from apps.roles.models import Role
from apps.roles.schemes import scheme
from apps.teams.models import Invitation, Membership, ParentMembership, TeamMember

ACTIVE, REMOVED = Membership.Status.ACTIVE, Membership.Status.REMOVED
LEFT, NOBODY, DELETE = "left", "nobody", "delete"
EVERYWHERE = "all"
OWN = "Nobody changes their own role, overrides or parent role. Ask a colleague who may."
# Where the one who was invited accepts (the pages).
ACCEPTING = "/invitations/{token}/"


# Members


class MemberForm(ChangeForm):
    """A change of a membership that is active."""

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == ACTIVE)

    @classmethod
    def barred(cls, desk: Desk, row: Any) -> str:
        if row is None:
            return ""
        if row.user_id in shielded(desk):
            return WHY
        return OWN if row.user_id == desk.user.pk else ""


class RoleForm(MemberForm):
    """Another role on the branch."""

    title = "Change role"
    needs = ("change_roles",)
    columns = ("role_id",)

    def build(self) -> None:
        self.fields["role"] = id_field(roles(self.desk, Role.Kind.BRANCH), label="Role", initial=str(self.row.role_id))

    def change(self) -> Change:
        return ChangeRole(
            account_id=self.account_id,
            membership_id=self.row.pk,
            role_id=self.cleaned_data["role"],
            seen=self.seen_values,
        )


class OverrideOfMemberForm(NewOverrideForm):
    """An override of this member."""

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == ACTIVE)

    @classmethod
    def barred(cls, desk: Desk, row: Any) -> str:
        return MemberForm.barred(desk, row)


class NameForm(ChangeForm):
    """Another name; one's own too."""

    title = "Change name"
    help = "It is their name everywhere."
    needs = ("change_members",)

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == ACTIVE)

    @classmethod
    def barred(cls, desk: Desk, row: Any) -> str:
        return WHY if row.user_id in shielded(desk) else ""

    @classmethod
    def lacking(cls, desk: Desk, row: Any) -> Any:
        return None if row.user_id == desk.user.pk else super().lacking(desk, row)

    def build(self) -> None:
        self.fields["name"] = forms.CharField(
            max_length=LONGEST_NAME, initial=self.row.user.name, widget=UnfoldAdminTextInputWidget()
        )

    def shown(self) -> dict[str, Any]:
        return {"name": self.row.user.name}

    def change(self) -> Change:
        return ChangeDetails(
            account_id=self.account_id,
            user_id=self.row.user_id,
            name=self.cleaned_data["name"],
            seen={"name": self.seen_there["name"]},
        )


class DepartureForm(ChangeForm):
    """A removal plan: who answers for each type of record next, and what becomes of private contacts."""

    danger = True
    help = (
        "Their membership moves to the Restore list. Say who answers for their records next; what is left stays theirs."
    )

    def build(self) -> None:
        others = people(self.desk, [self.row.branch_id], but=self.row.user_id)
        colleagues = [(str(pk), name) for pk, name in others]
        for name in handover.record_types():
            kind = catalogue.record_type(name)
            self.fields[f"to_{name}"] = forms.ChoiceField(
                label=kind.label_plural,
                choices=[(LEFT, "Leave with them"), (NOBODY, "Nobody"), *colleagues],
                initial=LEFT,
                widget=UnfoldAdminSelectWidget(),
            )
        self.fields["private"] = forms.ChoiceField(
            label="Private contacts",
            choices=[("", "Choose…"), (DELETE, "Delete them"), *((pk, f"Hand over to {n}") for pk, n in colleagues)],
            widget=UnfoldAdminSelectWidget(),
            help_text="Always asked: nobody is told whether there are any.",
        )

    @property
    def removal_plan(self) -> Plan:
        """What the form says."""
        chosen: dict[str, int | None] = {}
        for name in handover.record_types():
            value = self.cleaned_data[f"to_{name}"]
            if value != LEFT:
                chosen[name] = None if value == NOBODY else int(value)
        private = self.cleaned_data["private"]
        return Plan(chosen, Delete() if private == DELETE else HandOver(int(private)))


class RemoveForm(DepartureForm):
    """Somebody is moved to the Restore list."""

    title = "Remove from the branch"
    needs = ("remove_members",)

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == ACTIVE and row.user_id != desk.user.pk)

    @classmethod
    def barred(cls, desk: Desk, row: Any) -> str:
        return WHY if row.user_id in shielded(desk) else ""

    def change(self) -> Change:
        return RemoveMember(
            account_id=self.account_id,
            user_id=self.row.user_id,
            branch_id=self.row.branch_id,
            removal_plan=self.removal_plan,
        )


class LeaveForm(DepartureForm):
    """Somebody goes by themselves."""

    title = "Leave the branch"
    help = "Your membership moves to the Restore list. Say who answers for your records next."

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == ACTIVE and row.user_id == desk.user.pk)

    @classmethod
    def barred(cls, desk: Desk, row: Any) -> str:
        assert desk.account is not None
        system = scheme(desk.account.scheme)
        return "" if system.leave else f"Nobody removes themselves in {system.name}. Ask somebody else who may."

    def change(self) -> Change:
        return Leave(account_id=self.account_id, branch_id=self.row.branch_id, removal_plan=self.removal_plan)


class RestoreForm(ChangeForm):
    """Somebody comes back as they were."""

    title = "Restore"
    help = "Role, teams, overrides and shares come back as they were."
    needs = ("remove_members",)

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == REMOVED)

    def change(self) -> Change:
        return RestoreMember(account_id=self.account_id, user_id=self.row.user_id, branch_id=self.row.branch_id)


class DeleteForm(ChangeForm):
    """Somebody is deleted from the Restore list."""

    title = "Delete for good"
    help = "The overrides, places in teams and shares of that branch go too. Records, and history with the name, stay."
    danger = True
    needs = ("remove_members",)

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == REMOVED)

    def change(self) -> Change:
        return DeleteMember(account_id=self.account_id, user_id=self.row.user_id, branch_id=self.row.branch_id)


class AddToBranchForm(ChangeForm):
    """Somebody of the account becomes a member of a further branch."""

    title = "Add to a branch"
    help = "For somebody who works in the account already; others are invited."
    needs = ("add_to_branches",)

    def build(self) -> None:
        self.fields["user"] = id_field(people(self.desk), label="Who", search=True)
        self.fields["branch"] = id_field(branches(self.desk.branches), label="Branch")
        self.fields["role"] = id_field(roles(self.desk, Role.Kind.BRANCH), label="Role")

    def change(self) -> Change:
        data = self.cleaned_data
        return AddToBranch(
            account_id=self.account_id, user_id=data["user"], branch_id=data["branch"], role_id=data["role"]
        )


class StateFilter(ChoiceFilter):
    """Active members, or the Restore list."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(EVERYWHERE, "All"), (REMOVED, "Restore list")]

    def choices(self, changelist: Any) -> Any:
        """The first choice is what the list shows by itself."""
        found = list(super().choices(changelist))
        found[0] = {**found[0], "display": "Active"}
        return found

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        if chosen == EVERYWHERE:
            return queryset
        return queryset.none() if chosen == "" else queryset.filter(status=chosen or ACTIVE)


class MembershipAdmin(AccessTableAdmin):
    """Who is on which branch, as what; and the Restore list."""

    views = "view_members"
    adds = AddToBranchForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {
        "role": RoleForm,
        "override": OverrideOfMemberForm,
        "name": NameForm,
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
    search_help_text = "A name or an e-mail address."
    ordering = ("user__name", "pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user", "branch", "role")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By name and address; the shielded are not found by the address that is not shown."""
        found, several = super().get_search_results(request, queryset, search_term)
        hidden = shielded(desk_of(request))
        if search_term and hidden:
            by_name = queryset.filter(user__in=hidden)
            for word in search_term.split():
                by_name = by_name.filter(user__name__icontains=word)
            found = queryset.filter(Q(pk__in=found.exclude(user__in=hidden)) | Q(pk__in=by_name))
        return found, several

    def get_list_display(self, request: HttpRequest) -> Any:
        """The address of the shielded is left out."""
        hidden = shielded(desk_of(request))

        @display(description="Member", header=True)
        def veiled(member: Membership) -> list[str]:
            return [str(member.user), ""] if member.user_id in hidden else self.person(member)

        return (veiled, *self.list_display[1:]) if hidden else self.list_display

    @display(description="Member", header=True)
    def person(self, member: Membership) -> list[str]:
        """The name, with the address under it."""
        return [str(member.user), member.user.email]

    @display(description="Branch")
    def on(self, member: Membership) -> str:
        """The branch."""
        return member.branch.name

    @display(description="Role")
    def role_name(self, member: Membership) -> str:
        """The role; and that they were removed."""
        return f"{member.role.name} (removed)" if member.status == REMOVED else member.role.name

    @display(description="Since")
    def since(self, member: Membership) -> SafeString | None:
        """When they joined, or were removed."""
        return moment(member.removed_at or member.joined_at)

    def name_of(self, row: Any) -> str:
        return f"{row.user} on {row.branch}"

    def facts_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        known = row.user_id not in shielded(desk_of(request))
        return [
            ("Role", row.role.name),
            ("Branch", row.branch.name),
            ("State", row.get_status_display()),
            ("E-mail", row.user.email if known else ""),
            ("Joined", _day(row.joined_at) if known else ""),
            ("Removed", _day(row.removed_at) if row.removed_at else ""),
            ("Account", "" if row.user.is_active else "Deactivated"),
        ]

    def more(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Teams and overrides, for those who may see them."""
        desk = desk_of(request)
        if row.user_id in shielded(desk):
            return {}
        teams = TeamMember.objects.filter(user=row.user_id, team__branch=row.branch_id).select_related("team")
        parts = [
            {
                "title": "Teams",
                "lines": [
                    {"title": place.team.name, "link": reverse("admin:teams_team_change", args=[place.team_id])}
                    for place in teams.order_by("team__name")
                ],
                "empty": "In no team.",
            }
        ]
        if desk.may("view_member_permissions", row.branch):
            parts.append({"title": "Overrides", "lines": lines_of(row), "empty": "The role says it all."})
        return {"parts": parts}

    def further_acts(self, request: HttpRequest, row: Any) -> list[Act]:
        """A parent role, where the scheme has any."""
        desk = desk_of(request)
        if row.status != ACTIVE or not desk.may_anywhere("view_parent_roles") or not roles(desk, Role.Kind.PARENT):
            return []
        link = f"{reverse('admin:teams_parentmembership_add')}?user={row.user_id}"
        return [Act(GrantParentForm.title, link, self.missing(request, GrantParentForm, None))]


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{timezone.localtime(moment):%-d %b %Y}"


# Invitations


class InviteForm(ChangeForm):
    """Somebody is asked to join."""

    title = "Invite somebody"
    needs = ("invite_members",)

    def build(self) -> None:
        allowed = self.desk.branches_where("invite_members")
        self.fields["email"] = forms.EmailField(label="E-mail", widget=UnfoldAdminEmailInputWidget())
        self.fields["branch"] = forms.ChoiceField(
            choices=[
                *((str(branch.pk), branch.name) for branch in allowed),
                *([(EVERYWHERE, "All branches")] if len(allowed) > 1 else []),
            ],
            widget=UnfoldAdminSelectWidget(),
        )
        self.fields["role"] = id_field(roles(self.desk, Role.Kind.BRANCH), label="Role")

    def change(self) -> Change:
        branch = self.cleaned_data["branch"]
        return Invite(
            account_id=self.account_id,
            email=self.cleaned_data["email"],
            role_id=self.cleaned_data["role"],
            branch_id=None if branch == EVERYWHERE else int(branch),
        )

    def once(self, request: HttpRequest, change: Change) -> dict[str, str] | None:
        return shown_once(request, change)


class InvitationForm(ChangeForm):
    """A change of an invitation that is pending."""

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == Invitation.Status.PENDING)

    @classmethod
    def lacking(cls, desk: Desk, row: Any) -> Any:
        """The right on the branch, or on every open one."""
        places = [row.branch] if row.branch_id else desk.branches
        return next((("invite_members", place) for place in places if not desk.may("invite_members", place)), None)


class ResendForm(InvitationForm):
    """It is sent again."""

    title = "Send again"
    help = "It is valid for seven days anew, and from you. The link before leads nowhere then."

    def change(self) -> Change:
        return ResendInvitation(account_id=self.account_id, invitation_id=self.row.pk)

    def once(self, request: HttpRequest, change: Change) -> dict[str, str] | None:
        return shown_once(request, change)


class CancelForm(InvitationForm):
    """It is taken back."""

    title = "Cancel the invitation"
    danger = True

    def change(self) -> Change:
        return CancelInvitation(account_id=self.account_id, invitation_id=self.row.pk)


def shown_once(request: HttpRequest, change: Any) -> dict[str, str]:
    """The link of an invitation, which only the one who sends it sees, and only now."""
    return {
        "title": "The link of the invitation",
        "text": "Pass it on to the one whom you invited. It is shown this once: only its digest is kept.",
        "link": request.build_absolute_uri(ACCEPTING.format(token=change.token)),
    }


class InvitationAdmin(AccessTableAdmin):
    """Who has been asked to join."""

    views = "view_members"
    adds = InviteForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {"resend": ResendForm, "cancel": CancelForm}
    list_display = ("address_", "to", "role_name", "state", "until", "sender")
    list_select_related = ("branch", "role", "invited_by")
    list_filter: ClassVar[Any] = (PlaceFilter,)
    list_filter_submit = True
    search_fields = ("email",)
    search_help_text = "An e-mail address."
    ordering = ("-sent_at", "-pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those to a branch where the person sees the members; to all branches, for who sees them on each."""
        desk = desk_of(request)
        ids = [branch.pk for branch in desk.branches_where(self.views)]
        rows = Invitation.objects.filter(account=desk.account_id).select_related("branch", "role", "invited_by")
        found = rows.filter(branch__in=ids)
        everywhere = bool(ids) and len(ids) == len(desk.branches)
        return found | rows.filter(branch=None) if everywhere else found

    @display(description="E-mail")
    def address_(self, invitation: Invitation) -> str:
        """Who was invited."""
        return invitation.email

    @display(description="To")
    def to(self, invitation: Invitation) -> str:
        """The branch."""
        return invitation.branch.name if invitation.branch else "All branches"

    @display(description="As")
    def role_name(self, invitation: Invitation) -> str:
        """The role."""
        return invitation.role.name if invitation.role else "a role that is gone"

    @display(description="State")
    def state(self, invitation: Invitation) -> str:
        """What became of it."""
        if invitation.status == Invitation.Status.PENDING and not invitation.is_open:
            return "Ended"
        return str(invitation.get_status_display())

    @display(description="Until")
    def until(self, invitation: Invitation) -> SafeString | None:
        """When it ends, or ended."""
        return moment(invitation.ended_at or invitation.expires_at)

    @display(description="From")
    def sender(self, invitation: Invitation) -> str:
        """Who sent it."""
        return str(invitation.invited_by or "The platform's operators")

    def name_of(self, row: Any) -> str:
        return str(row.email)


# Parent roles


class ParentForm(ChangeForm):
    """Who administers parent roles needs nothing else for any of the three."""

    columns = ("role_id",)

    @classmethod
    def lacking(cls, desk: Desk, row: Any) -> Any:
        return None if desk.may_anywhere("administer_parent_roles") else super().lacking(desk, row)

    @classmethod
    def barred(cls, desk: Desk, row: Any) -> str:
        return OWN if row is not None and row.user_id == desk.user.pk else ""


class GrantParentForm(ParentForm):
    """Somebody gets a parent role."""

    title = "Grant a parent role"
    help = "It counts on every branch, beside what they are there."
    needs = ("grant_parent_roles",)

    def build(self) -> None:
        self.fields["user"] = id_field(people(self.desk, but=self.desk.user.pk), label="Who", search=True)
        self.fields["role"] = id_field(roles(self.desk, Role.Kind.PARENT), label="Parent role")

    def change(self) -> Change:
        return GrantParentRole(
            account_id=self.account_id, user_id=self.cleaned_data["user"], role_id=self.cleaned_data["role"]
        )


class ChangeParentForm(ParentForm):
    """Somebody gets another one."""

    title = "Change the parent role"
    needs = ("change_parent_roles",)

    def build(self) -> None:
        found = roles(self.desk, Role.Kind.PARENT)
        self.fields["role"] = id_field(found, label="Parent role", initial=str(self.row.role_id))

    def change(self) -> Change:
        return ChangeParentRole(
            account_id=self.account_id,
            user_id=self.row.user_id,
            role_id=self.cleaned_data["role"],
            seen=self.seen_values,
        )


class RevokeParentForm(ParentForm):
    """It is taken away."""

    title = "Revoke the parent role"
    danger = True
    needs = ("revoke_parent_roles",)

    def change(self) -> Change:
        return RevokeParentRole(account_id=self.account_id, user_id=self.row.user_id, seen=self.seen_values)


class ParentMembershipAdmin(AccessTableAdmin):
    """Who holds a role over the whole account."""

    views = "view_parent_roles"
    adds = GrantParentForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {"role": ChangeParentForm}
    removes = RevokeParentForm
    list_display = ("person", "role_name", "granted")
    list_select_related = ("user", "role")
    list_filter: ClassVar[Any] = (RoleFilter,)
    list_filter_submit = True
    search_fields = ("user__name", "user__email")
    search_help_text = "A name or an e-mail address."
    ordering = ("user__name", "pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user", "role")

    @display(description="Holder")
    def person(self, held: ParentMembership) -> str:
        """Who holds it."""
        return str(held.user)

    @display(description="Parent role")
    def role_name(self, held: ParentMembership) -> str:
        """The role."""
        return held.role.name

    @display(description="Since")
    def granted(self, held: ParentMembership) -> SafeString | None:
        """When it was granted."""
        return moment(held.granted_at)

    def name_of(self, row: Any) -> str:
        return f"{row.user} as {row.role}"
