"""Parent roles: granted, changed, revoked."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import AccessContext
from apps.changes.base import Change
from apps.changes.parent_roles import ChangeParentRole, GrantParentRole, RevokeParentRole
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import id_field, roles
from apps.pages.forms.members import OWN
from apps.pages.forms.picker import PersonField
from apps.pages.forms.pool import PickablePeople
from apps.roles.models import Role


class ParentForm(ChangeForm):
    """All three changes need the same permission."""

    columns = ("role_id",)

    @classmethod
    def lacking(cls, access: AccessContext, row: Any) -> Any:
        return None if access.may_anywhere("administer_parent_roles") else super().lacking(access, row)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        return str(OWN) if row is not None and row.user_id == access.user.pk else ""


class GrantParentForm(ParentForm):
    """Grant a parent role."""

    title = gettext_lazy("Grant parent role")
    help = gettext_lazy("Applies on every branch, in addition to the role on the branch.")
    needs = ("grant_parent_roles",)

    def build(self) -> None:
        self.fields["user"] = PersonField(
            PickablePeople(self.access, but=frozenset([self.access.user.pk])), label=_("Member")
        )
        self.fields["role"] = id_field(roles(self.access, Role.Kind.PARENT), label=_("Parent role"))

    def change(self) -> Change:
        return GrantParentRole(
            account_id=self.account_id, user_id=self.cleaned_data["user"], role_id=self.cleaned_data["role"]
        )


class ChangeParentForm(ParentForm):
    """Change a parent role."""

    title = gettext_lazy("Change parent role")
    needs = ("change_parent_roles",)

    def build(self) -> None:
        result = roles(self.access, Role.Kind.PARENT)
        self.fields["role"] = id_field(result, label=_("Parent role"), initial=str(self.row.role_id))

    def change(self) -> Change:
        return ChangeParentRole(
            account_id=self.account_id,
            user_id=self.row.user_id,
            role_id=self.cleaned_data["role"],
            seen=self.seen_values,
        )


class RevokeParentForm(ParentForm):
    """Revoke it."""

    title = gettext_lazy("Revoke parent role")
    danger = True
    needs = ("revoke_parent_roles",)

    def change(self) -> Change:
        return RevokeParentRole(account_id=self.account_id, user_id=self.row.user_id, seen=self.seen_values)
