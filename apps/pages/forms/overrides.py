"""Overrides: set, changed, cleared."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import AccessContext
from apps.access.shield import shielded, why_shielded
from apps.changes.base import Change
from apps.changes.overrides import ClearOverride, SetOverride
from apps.changes.refusals import NoSuchTarget
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import branches, end_field, id_field, permissions_field, scope_field
from apps.pages.forms.picker import PersonField
from apps.pages.forms.pool import PickablePeople
from apps.roles import catalogue
from apps.teams.models import Membership

OWN = gettext_lazy("You can’t change your own overrides. Ask a colleague who can.")


def label_of(codename: str) -> str:
    """What people read for a permission; a codename that the catalogue no longer has, unchanged."""
    try:
        return catalogue.get(codename).label
    except catalogue.UnknownPermission:
        return codename


class NewOverrideForm(ChangeForm):
    """An override: of a member chosen in the form, or of the one whose page it is on."""

    title = gettext_lazy("Set override")
    help = gettext_lazy("Replaces what the role gives, on this branch only.")
    needs = ("manage_member_permissions",)

    def build(self) -> None:
        if self.row is None:
            allowed = self.access.branches_where(self.needs[0])
            pool = PickablePeople(
                self.access,
                on=frozenset(branch.pk for branch in allowed),
                but=shielded(self.access) | {self.access.user.pk},
            )
            self.fields["user"] = PersonField(pool, label=_("Member"))
            only = str(allowed[0].pk) if len(allowed) == 1 else None
            self.fields["branch"] = id_field(branches(allowed), label=_("Branch"), initial=only)
        self.fields["permission"] = permissions_field()
        self.fields["scope"] = scope_field(None)
        self.fields["scope"].help_text = _(
            "Permissions that don’t concern records can only be Prohibited or Permitted."
        )
        self.fields["expires_at"] = end_field()

    def clean(self) -> dict[str, Any]:
        """The chosen person must be a member of the chosen branch."""
        data = super().clean() or self.cleaned_data
        if data.get("user") and data.get("branch"):
            memberships = Membership.objects.active().filter(user=data["user"], branch=data["branch"])
            data["membership"] = memberships.values_list("pk", flat=True).first()
            if data["membership"] is None:
                self.add_error("branch", _("This person isn’t a member of this branch."))
        return data

    def change(self) -> Change:
        data = self.cleaned_data
        return SetOverride(
            account_id=self.account_id,
            membership_id=data["membership"] if self.row is None else self.row.pk,
            permission=data["permission"],
            scope=data["scope"],
            expires_at=data["expires_at"],
        )


class ExistingOverrideForm(ChangeForm):
    """Change an existing override."""

    needs = ("manage_member_permissions",)
    columns = ("scope", "expires_at")

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        if row.user_id in shielded(access):
            return why_shielded()
        return str(OWN) if row.user_id == access.user.pk else ""

    @property
    def membership_id(self) -> int:
        """The membership that it is an override of.

        Raises:
            NoSuchTarget: it is gone.
        """
        row = Membership.objects.filter(branch=self.row.branch_id, user=self.row.user_id).first()
        if row is None:
            raise NoSuchTarget(_("This person is no longer a member there."))
        return row.pk


class ChangeOverrideForm(ExistingOverrideForm):
    """Another scope, or another end."""

    title = gettext_lazy("Change override")

    def build(self) -> None:
        self.fields["scope"] = scope_field(catalogue.get(self.row.permission), self.row.scope)
        self.fields["expires_at"] = end_field(initial=self.row.expires_at)

    def change(self) -> Change:
        end = self.cleaned_data["expires_at"]
        if end is not None and self.row.expires_at is not None and end == self.row.expires_at.replace(second=0):
            end = self.row.expires_at
        return SetOverride(
            account_id=self.account_id,
            membership_id=self.membership_id,
            permission=self.row.permission,
            scope=self.cleaned_data["scope"],
            expires_at=end,
            seen=self.seen_values,
        )


class ClearOverrideForm(ExistingOverrideForm):
    """The role says it again."""

    title = gettext_lazy("Clear override")
    help = gettext_lazy("The role decides again.")
    danger = True

    def change(self) -> Change:
        return ClearOverride(
            account_id=self.account_id,
            membership_id=self.membership_id,
            permission=self.row.permission,
            seen=self.seen_values,
        )
