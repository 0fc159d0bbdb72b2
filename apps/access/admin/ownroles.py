"""Roles in the admin: published ones to read and to copy, an account's own to edit and to delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from apps.access.admin.changing import ChangeForm
from apps.access.admin.desk import Desk, desk_of
from apps.access.admin.fields import scope_choices, scope_of, word_of
from apps.access.admin.listing import ChoiceFilter
from apps.access.admin.tables import AccessTableAdmin
from apps.access.changes.base import Change
from apps.access.changes.own_roles import CopyRole, DeleteRole, EditRole
from apps.roles import catalogue
from apps.roles.catalogue import CATEGORIES
from apps.roles.models import Role, RoleGrant
from apps.roles.schemes import Grant, scheme
from apps.roles.scopes import Scope

LONGEST_NAME = 100


def grants_of(role: Role) -> Mapping[str, Grant]:
    """What a role says of each permission; an own one is silent about what came after it."""
    if role.account_id is None:
        return scheme(role.scheme).roles[role.key].grants
    lines = {line.permission: line for line in RoleGrant.objects.filter(role=role)}
    base = scheme(role.scheme).roles[role.based_on.key].grants if role.based_on else {}
    return {
        codename: Grant(lines[codename].scope if codename in lines else Scope.NONE, base[codename].grantable)
        for codename in base
    }


class CopyRoleForm(ChangeForm):
    """An own role is made of a published one; its grants are edited then."""

    title = "Copy to a role of your own"
    help = "It begins with the grants of the role that is copied. Edit them then."
    needs = ("manage_roles",)

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.account_id is None and row.kind == Role.Kind.BRANCH)

    @classmethod
    def barred(cls, desk: Desk, row: Any) -> str:
        system = scheme(row.scheme)
        return "" if system.custom_roles else f"{system.name} has no roles of one's own."

    def build(self) -> None:
        self.fields["name"] = forms.CharField(max_length=LONGEST_NAME, widget=UnfoldAdminTextInputWidget())
        self.fields["description"] = forms.CharField(
            required=False, initial=self.row.description, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
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
    def applies(cls, desk: Desk, row: Any) -> bool:
        return row.account_id is not None


class EditRoleForm(OwnRoleForm):
    """Other grants, for everybody who holds it; only those that an override could change, too."""

    title = "Edit the role"
    brief = True
    help = "Everybody who holds it is affected at once."

    def build(self) -> None:
        self.fields["name"] = forms.CharField(
            max_length=LONGEST_NAME, initial=self.row.name, widget=UnfoldAdminTextInputWidget()
        )
        self.fields["description"] = forms.CharField(
            required=False, initial=self.row.description, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
        )
        for permission in catalogue.permissions():
            grant = self.standing.get(permission.codename)
            if grant is not None and grant.grantable:
                self.fields[f"grant_{permission.codename}"] = forms.TypedChoiceField(
                    label=permission.label,
                    coerce=scope_of,
                    choices=scope_choices(permission, grant.scope),
                    initial=word_of(grant.scope),
                    widget=UnfoldAdminSelectWidget(),
                )

    @property
    def standing(self) -> Mapping[str, Grant]:
        """What the role says now."""
        if not hasattr(self, "_standing"):
            self._standing = grants_of(self.row)
        return self._standing

    def shown(self) -> dict[str, Any]:
        return {name: grant.scope.names for name, grant in self.standing.items() if grant.grantable}

    def groups(self) -> Iterable[tuple[str, list[Any]]]:
        """The fields of the grants by category, for the page."""
        found: dict[str, list[Any]] = {title: [] for title in CATEGORIES.values()}
        for permission in catalogue.permissions():
            if f"grant_{permission.codename}" in self.fields:
                found[CATEGORIES[permission.category]].append(self[f"grant_{permission.codename}"])
        return [(title, fields) for title, fields in found.items() if fields]

    def plain(self) -> list[Any]:
        """The other visible fields."""
        return [field for field in self.visible_fields() if not field.name.startswith("grant_")]

    def change(self) -> Change:
        seen = {name: Scope.parse(names) for name, names in self.seen_there.items()}
        asked = {
            name: self.cleaned_data[f"grant_{name}"]
            for name in seen
            if f"grant_{name}" in self.fields and self.cleaned_data[f"grant_{name}"] != seen[name]
        }
        return EditRole(
            account_id=self.account_id,
            role_id=self.row.pk,
            grants=asked,
            name=self.cleaned_data["name"],
            description=self.cleaned_data["description"],
            seen={name: seen[name] for name in asked},
        )


class DeleteRoleForm(OwnRoleForm):
    """Nobody holds it any more, and it goes."""

    title = "Delete the role"
    danger = True

    def change(self) -> Change:
        return DeleteRole(account_id=self.account_id, role_id=self.row.pk)


class OriginFilter(ChoiceFilter):
    """Published roles, or the account's own."""

    title = "origin"
    parameter_name = "origin"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("published", "Published"), ("own", "Our own")]

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        return queryset.filter(account_id__isnull=chosen == "published")


class RoleAdmin(AccessTableAdmin):
    """The roles that the account can give."""

    views = "view_members"
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {"copy": CopyRoleForm, "edit": EditRoleForm}
    removes = DeleteRoleForm
    row_template = "admin/access/role.html"
    list_display = ("name_", "kind_", "origin")
    list_select_related = ("based_on",)
    list_filter: ClassVar[Any] = (OriginFilter,)
    ordering = ("kind", "-rank", "name")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The published roles of the account's scheme, and its own ones."""
        desk = desk_of(request)
        if desk.account is None or not desk.may_anywhere(self.views):
            return Role.objects.none()
        return Role.objects.usable_in(desk.account_id, desk.account.scheme).select_related("based_on")

    @display(description="Role")
    def name_(self, role: Role) -> str:
        """What it is called."""
        return role.name

    @display(description="Held")
    def kind_(self, role: Role) -> str:
        """Where it is held."""
        return "over the account" if role.kind == Role.Kind.PARENT else "on a branch"

    @display(description="Origin")
    def origin(self, role: Role) -> str:
        """Published, or a copy of what."""
        return f"Our own, from {role.based_on}" if role.based_on else "Published"

    def facts_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        marks = [
            words
            for words, holds in (
                ("exactly one holder", row.single),
                ("takes no overrides", row.locked),
                ("may do everything", row.supreme),
            )
            if holds
        ]
        return [
            ("Held", self.kind_(row)),
            ("Origin", self.origin(row)),
            ("Besides", ", ".join(marks)),
            ("What it is for", row.description),
        ]

    def more(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Its grants, by category."""
        standing = grants_of(row)
        found: dict[str, list[tuple[str, str, str]]] = {title: [] for title in CATEGORIES.values()}
        for permission in catalogue.permissions():
            grant = standing.get(permission.codename)
            if grant is not None:
                note = "" if grant.grantable else "never by an override"
                found[CATEGORIES[permission.category]].append((permission.label, grant.scope.label, note))
        return {"groups": [(title, lines) for title, lines in found.items() if lines]}
