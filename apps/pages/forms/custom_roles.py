"""Roles of an account's own: copied, edited, deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import AccessContext
from apps.audit.text import MultiLineInput, SingleLineInput
from apps.changes.base import Change
from apps.changes.bulk import ReplaceRole
from apps.changes.custom_roles import CopyRole, DeleteRole, EditRole
from apps.changes.refusals import ChangedMeanwhile
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import CHOOSE, scope_choices, scope_of, word_of
from apps.roles import catalogue
from apps.roles.catalogue import CATEGORIES, Permission
from apps.roles.models import Role, RoleGrant
from apps.roles.schemes import Grant, scheme
from apps.roles.scopes import Scope
from apps.roles.tabs import Tab, shown_tabs
from apps.teams.models import Membership

LONGEST_NAME = 100


def grants_of(role: Role) -> Mapping[str, Grant]:
    """Return the grant of each permission; custom roles have none for permissions added after them."""
    if role.account_id is None:
        return scheme(role.scheme).roles[role.key].grants
    lines = {line.permission: line for line in RoleGrant.objects.filter(role=role)}
    base = scheme(role.scheme).roles[role.based_on.key].grants if role.based_on else {}
    return {
        codename: Grant(lines[codename].scope if codename in lines else Scope.NONE, base[codename].grantable)
        for codename in base
    }


def no_own_roles(access: AccessContext) -> str:
    """Return why the account can't have custom roles; an empty text if it can."""
    assert access.account is not None
    system, features = access.account.role_system, access.account.features
    if not system.custom_roles:
        return _("%(system)s doesn’t support custom roles. Use overrides for single members instead.") % {
            "system": system.name
        }
    if system.custom_roles_feature and features is not None and system.custom_roles_feature not in features:
        return _("Your plan doesn’t include custom roles. Choose a plan that includes them.")
    return ""


@dataclass(frozen=True, slots=True)
class RoleLine:
    """One permission of an own role: what the role that it copies gives, and the field to choose with, if any."""

    permission: Permission
    base: Grant
    choice: Any


class CopyRoleForm(ChangeForm):
    """An own role is made of a published one; its grants are edited then."""

    title = gettext_lazy("Copy to a custom role")
    help = gettext_lazy("The copy starts with the same permissions. You can edit them afterwards.")
    needs = ("manage_roles",)

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.account_id is None and row.kind == Role.Kind.BRANCH)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        return no_own_roles(access) or (
            _("%(role)s is locked, so you can’t copy it.") % {"role": row.name} if row.locked else ""
        )

    def build(self) -> None:
        self.fields["name"] = SingleLineInput(label=_("Name"), max_length=LONGEST_NAME)
        self.fields["description"] = MultiLineInput(
            label=_("Description"),
            required=False,
            initial=self.row.description,
            widget=forms.Textarea(attrs={"rows": 2}),
        )

    def change(self) -> Change:
        data = self.cleaned_data
        return CopyRole(
            account_id=self.account_id, based_on=self.row.key, name=data["name"], description=data["description"]
        )


class OwnRoleForm(ChangeForm):
    """A change of an own role."""

    needs = ("manage_roles",)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        return no_own_roles(access)

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return row.account_id is not None


class EditRoleForm(OwnRoleForm):
    """Other grants, for everybody who holds it; only those that an override could change, too."""

    title = gettext_lazy("Edit role")
    brief = True
    help = gettext_lazy("Changes apply immediately to every member with this role.")

    def build(self) -> None:
        self.fields["name"] = SingleLineInput(label=_("Name"), max_length=LONGEST_NAME, initial=self.row.name)
        self.fields["description"] = MultiLineInput(
            label=_("Description"),
            required=False,
            initial=self.row.description,
            widget=forms.Textarea(attrs={"rows": 2}),
        )
        for permission in catalogue.permissions():
            grant = self.standing.get(permission.codename)
            if grant is not None and grant.grantable:
                self.fields[f"grant_{permission.codename}"] = forms.TypedChoiceField(
                    label=permission.label,
                    # What a page does not show stays as it is.
                    required=False,
                    empty_value=None,
                    coerce=scope_of,
                    choices=scope_choices(permission, grant.scope),
                    initial=word_of(grant.scope),
                )

    @property
    def standing(self) -> Mapping[str, Grant]:
        """Return the role's current grants."""
        if not hasattr(self, "_standing"):
            self._standing = grants_of(self.row)
        return self._standing

    def shown(self) -> dict[str, Any]:
        return {name: grant.scope.names for name, grant in self.standing.items() if grant.grantable}

    def groups(self) -> Iterable[tuple[str, list[Any]]]:
        """The fields of the grants by category, for the page."""
        values: dict[str, list[Any]] = {str(title): [] for title in CATEGORIES.values()}
        for permission in catalogue.permissions():
            if f"grant_{permission.codename}" in self.fields:
                values[str(CATEGORIES[permission.category])].append(self[f"grant_{permission.codename}"])
        return [(title, fields) for title, fields in values.items() if fields]

    def tabs(self) -> list[tuple[Tab, list[RoleLine], list[tuple[str, list[RoleLine | None]]]]]:
        """The categories as the scheme shows them, with a field for each grant that can be changed."""
        assert self.access.account is not None
        scheme_, features = self.access.account.role_system, self.access.account.features
        base = scheme_.roles[self.row.based_on.key].grants
        items = []
        for tab in shown_tabs(scheme_, features):
            lines = {
                permission.codename: RoleLine(
                    permission,
                    base[permission.codename],
                    self[f"grant_{permission.codename}"] if f"grant_{permission.codename}" in self.fields else None,
                )
                for permission in tab.permissions
            }
            rows = [(kind.label_plural, [lines.pop(name, None) for name in names]) for kind, names in tab.matrix]
            items.append((tab, list(lines.values()), rows))
        return items

    def plain(self) -> list[Any]:
        """The other visible fields."""
        return [field for field in self.visible_fields() if not field.name.startswith("grant_")]

    def overtaken(self, refusal: ChangedMeanwhile) -> None:
        """Show what differs from what the page showed; fields that this person left alone take the current value."""
        seen = {name: Scope.parse(names) for name, names in self.seen_there.items()}
        now = {name: grant.scope for name, grant in grants_of(self.row).items()}
        self.data = self.data.copy()  # type: ignore[attr-defined]
        for name, before in seen.items():
            if now.get(name, Scope.NONE) == before:
                continue
            stands = now.get(name, Scope.NONE)
            self.differences.append((catalogue.get(name).label, before.label, stands.label))
            if self.cleaned_data.get(f"grant_{name}") == before:
                self.data[f"grant_{name}"] = word_of(stands)  # type: ignore[index]
        self.data["seen"] = self._signed()  # type: ignore[index]

    def change(self) -> Change:
        seen = {name: Scope.parse(names) for name, names in self.seen_there.items()}
        asked = {
            name: self.cleaned_data[f"grant_{name}"]
            for name in seen
            if self.cleaned_data.get(f"grant_{name}") not in (None, seen[name])
        }
        return EditRole(
            account_id=self.account_id,
            role_id=self.row.pk,
            grants=asked,
            name=self.cleaned_data["name"],
            description=self.cleaned_data["description"],
            seen={name: seen[name] for name in asked},
        )


class MoveHoldersForm(OwnRoleForm):
    """Move the role's members, removed ones included, so that it can be deleted."""

    title = gettext_lazy("Move members")
    help = gettext_lazy("You can delete a role after its members, including removed ones, move to another role.")

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        memberships = Membership.objects.filter(account=access.account_id, role=row)
        return row.account_id is not None and memberships.exists()

    def build(self) -> None:
        usable = Role.objects.usable_in(self.account_id, self.row.scheme).filter(kind=Role.Kind.BRANCH, single=False)
        others = usable.exclude(pk=self.row.pk).order_by("-rank", "name")
        self.fields["successor"] = forms.ChoiceField(
            label=_("New role"), choices=[CHOOSE, *others.values_list("key", "name")]
        )

    def change(self) -> Change:
        return ReplaceRole(
            account_id=self.account_id, replaced=self.row.key, role=self.cleaned_data["successor"], removed=True
        )


class DeleteRoleForm(OwnRoleForm):
    """Delete a role without members."""

    title = gettext_lazy("Delete role")
    danger = True

    def change(self) -> Change:
        return DeleteRole(account_id=self.account_id, role_id=self.row.pk)
