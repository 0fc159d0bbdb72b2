"""Forms that change a member: role, name, removal, restoring and joining another branch."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access import handover
from apps.access.context import AccessContext
from apps.access.handover import Delete, HandOver, HandOverPlan
from apps.access.shield import shielded, why_shielded
from apps.audit.text import SingleLineInput
from apps.changes.base import Change
from apps.changes.details import LONGEST_NAME, ChangeDetails
from apps.changes.members import AddToBranch, ChangeRole
from apps.changes.removal import DeleteMember, Leave, RemoveMember, RestoreMember
from apps.changes.second_factor import ResetMfa
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import CHOOSE, branches, id_field, roles
from apps.pages.forms.overrides import NewOverrideForm
from apps.pages.forms.picker import PersonField
from apps.pages.forms.pool import PickablePeople
from apps.roles import catalogue
from apps.roles.models import Role
from apps.roles.schemes import scheme
from apps.teams.models import Membership

ACTIVE, REMOVED = Membership.Status.ACTIVE, Membership.Status.REMOVED
LEFT, NOBODY, DELETE = "left", "nobody", "delete"
OWN = gettext_lazy("You can’t change your own role, overrides or parent role. Ask a colleague who can.")


class MemberForm(ChangeForm):
    """A change of a membership that is active."""

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == ACTIVE)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        if row is None:
            return ""
        if row.user_id in shielded(access):
            return why_shielded()
        return str(OWN) if row.user_id == access.user.pk else ""


class RoleForm(MemberForm):
    """Another role on the branch."""

    title = gettext_lazy("Change role")
    needs = ("change_roles",)
    columns = ("role_id",)

    def build(self) -> None:
        self.fields["role"] = id_field(
            roles(self.access, Role.Kind.BRANCH), label=_("Role"), initial=str(self.row.role_id)
        )

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
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == ACTIVE)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        return MemberForm.barred(access, row)


class NameForm(ChangeForm):
    """Change a member's name, or the person's own."""

    title = gettext_lazy("Change name")
    help = gettext_lazy("The new name appears everywhere.")
    needs = ("change_members",)

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == ACTIVE)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        return why_shielded() if row.user_id in shielded(access) else ""

    @classmethod
    def lacking(cls, access: AccessContext, row: Any) -> Any:
        return None if row.user_id == access.user.pk else super().lacking(access, row)

    def build(self) -> None:
        self.fields["name"] = SingleLineInput(label=_("Name"), max_length=LONGEST_NAME, initial=self.row.user.name)

    def shown(self) -> dict[str, Any]:
        return {"name": self.row.user.name}

    def change(self) -> Change:
        return ChangeDetails(
            account_id=self.account_id,
            user_id=self.row.user_id,
            name=self.cleaned_data["name"],
            seen={"name": self.seen_there["name"]},
        )


class ResetMfaForm(ChangeForm):
    """Reset a member's two-factor authentication."""

    title = gettext_lazy("Reset two-factor authentication")
    help = gettext_lazy(
        "For a member who has lost their phone or key. Their authenticator app, passkeys and recovery codes stop"
        " working. They sign in with their password and set up two-factor authentication again."
    )
    danger = True
    needs = ("reset_mfa",)

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == ACTIVE)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        if row.user_id == access.user.pk:
            return _("You can’t reset your own two-factor authentication here. Change it in your profile.")
        return why_shielded() if row.user_id in shielded(access) else ""

    def change(self) -> Change:
        return ResetMfa(account_id=self.account_id, user_id=self.row.user_id)


class DepartureForm(ChangeForm):
    """An offboarding plan: the new owner for each record type, and what happens to private contacts."""

    danger = True
    help = gettext_lazy(
        "You can restore the member later. Choose new owners for their records. Records without a new owner stay"
        " theirs."
    )

    @property
    def types(self) -> list[str]:
        """The types of records that the plan asks about."""
        return list(handover.record_types())

    def receivers(self) -> PickablePeople:
        """Return the possible new owners."""
        return PickablePeople(self.access, on=frozenset([self.row.branch_id]), but=frozenset([self.row.user_id]))

    def build(self) -> None:
        receivers = self.receivers()
        for name in self.types:
            kind = catalogue.record_type(name)
            self.fields[f"to_{name}"] = PersonField(
                receivers,
                fixed=[(LEFT, _("Keep with this member")), (NOBODY, _("Nobody"))],
                label=kind.label_plural,
                initial=LEFT,
            )
        self.fields["private"] = PersonField(
            receivers,
            fixed=[CHOOSE, (DELETE, _("Delete"))],
            label=_("Private contacts"),
            help_text=_(
                "Choose a new owner, or delete them. This is always asked, so that it doesn’t reveal whether "
                "there are any."
            ),
        )

    @property
    def removal_plan(self) -> HandOverPlan:
        """Return the chosen plan."""
        chosen: dict[str, int | None] = {}
        for name in handover.record_types():
            value = self.cleaned_data[f"to_{name}"]
            if value != LEFT:
                chosen[name] = None if value == NOBODY else int(value)
        private = self.cleaned_data["private"]
        return HandOverPlan(chosen, Delete() if private == DELETE else HandOver(int(private)))


class RemoveForm(DepartureForm):
    """Remove a member from a branch."""

    title = gettext_lazy("Remove from branch")
    needs = ("remove_members",)

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == ACTIVE and row.user_id != access.user.pk)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        return why_shielded() if row.user_id in shielded(access) else ""

    def change(self) -> Change:
        return RemoveMember(
            account_id=self.account_id,
            user_id=self.row.user_id,
            branch_id=self.row.branch_id,
            removal_plan=self.removal_plan,
        )


class RemoveEverywhereForm(RemoveForm):
    """Remove a member from every branch; the row is any of their memberships."""

    title = gettext_lazy("Remove from all branches")
    help = gettext_lazy(
        "You can restore the memberships later. Choose new owners for their records. Records without a new owner"
        " stay theirs."
    )

    @classmethod
    def lacking(cls, access: AccessContext, row: Any) -> Any:
        """The right on each of their branches."""
        places = {branch.pk: branch for branch in access.branches}
        memberships = Membership.objects.active().filter(account=access.account_id, user=row.user_id)
        items = [places[pk] for pk in memberships.order_by("pk").values_list("branch_id", flat=True) if pk in places]
        return next((("remove_members", place) for place in items if not access.may("remove_members", place)), None)

    def receivers(self) -> PickablePeople:
        """Return the members of all of their branches: private contacts may be on any of them."""
        memberships = Membership.objects.filter(account=self.account_id, user=self.row.user_id)
        wanted = frozenset(memberships.filter(branch__in=self.access.branches).values_list("branch_id", flat=True))
        return PickablePeople(self.access, on=wanted, every=True, but=frozenset([self.row.user_id]))

    def change(self) -> Change:
        return RemoveMember(account_id=self.account_id, user_id=self.row.user_id, removal_plan=self.removal_plan)


class LeaveForm(DepartureForm):
    """Leave a branch."""

    title = gettext_lazy("Leave branch")
    help = gettext_lazy("Your membership can be restored later. Choose new owners for your records.")

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == ACTIVE and row.user_id == access.user.pk)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        assert access.account is not None
        system = scheme(access.account.scheme)
        return (
            ""
            if system.leave
            else _("You can’t remove yourself in %(system)s. Ask a colleague who can.") % {"system": system.name}
        )

    def change(self) -> Change:
        return Leave(account_id=self.account_id, branch_id=self.row.branch_id, removal_plan=self.removal_plan)


class RestoreForm(ChangeForm):
    """Restore a removed member."""

    title = gettext_lazy("Restore")
    help = gettext_lazy("Role, teams, overrides and shares are restored.")
    needs = ("remove_members",)

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == REMOVED)

    def change(self) -> Change:
        return RestoreMember(account_id=self.account_id, user_id=self.row.user_id, branch_id=self.row.branch_id)


class DeleteForm(ChangeForm):
    """Delete a removed member permanently."""

    title = gettext_lazy("Delete permanently")
    help = gettext_lazy(
        "Also deletes their overrides, team memberships and shares on this branch. Records, and the history with"
        " the name, stay."
    )
    danger = True
    needs = ("remove_members",)

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == REMOVED)

    def change(self) -> Change:
        return DeleteMember(account_id=self.account_id, user_id=self.row.user_id, branch_id=self.row.branch_id)


class AddToBranchForm(ChangeForm):
    """Add a member of the account to another branch."""

    title = gettext_lazy("Add to branch")
    help = gettext_lazy("For people who are already members of the account. Invite everyone else.")
    needs = ("add_to_branches",)

    def build(self) -> None:
        self.fields["user"] = PersonField(PickablePeople(self.access), label=_("Member"))
        self.fields["branch"] = id_field(branches(self.access.branches), label=_("Branch"))
        self.fields["role"] = id_field(roles(self.access, Role.Kind.BRANCH), label=_("Role"))

    def change(self) -> Change:
        data = self.cleaned_data
        return AddToBranch(
            account_id=self.account_id, user_id=data["user"], branch_id=data["branch"], role_id=data["role"]
        )
