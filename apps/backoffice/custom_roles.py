"""Roles in the admin: published ones to read and to copy, an account's own to edit and to delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from apps.access.context import access_of
from apps.backoffice.listing import ChoiceFilter
from apps.backoffice.tables import AccessTableAdmin
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.custom_roles import CopyRoleForm, DeleteRoleForm, EditRoleForm, grants_of
from apps.roles import catalogue
from apps.roles.catalogue import CATEGORIES
from apps.roles.models import Role
from apps.roles.scopes import Scope


class OriginFilter(ChoiceFilter):
    """Published roles, or the account's own."""

    title = gettext_lazy("type")
    parameter_name = "origin"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("published", _("Built-in")), ("own", _("Custom"))]

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
        access = access_of(request)
        if access.account is None or not access.may_anywhere(self.views):
            return Role.objects.none()
        return Role.objects.usable_in(access.account_id, access.account.scheme).select_related("based_on")

    @display(description=gettext_lazy("Role"))
    def name_(self, role: Role) -> str:
        """Return its name."""
        return role.name

    @display(description=gettext_lazy("Applies"))
    def kind_(self, role: Role) -> str:
        """Return whether it applies to a branch or to the whole account."""
        return _("to the whole account") if role.kind == Role.Kind.PARENT else _("on a branch")

    @display(description=gettext_lazy("Type"))
    def origin(self, role: Role) -> str:
        """Published, or a copy of what."""
        return _("Custom, based on %(based_on)s") % {"based_on": role.based_on} if role.based_on else _("Built-in")

    def facts_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        marks = [
            words
            for words, holds in (
                (_("exactly one holder"), row.single),
                (_("no overrides"), row.locked),
                (_("every permission"), row.supreme),
            )
            if holds
        ]
        return [
            (_("Applies"), self.kind_(row)),
            (_("Type"), self.origin(row)),
            (_("Limits"), ", ".join(marks)),
            (_("Description"), row.description),
        ]

    def more(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Its grants, by category."""
        standing = grants_of(row)
        values: dict[str, list[tuple[str, Scope, str]]] = {str(title): [] for title in CATEGORIES.values()}
        for permission in catalogue.permissions():
            grant = standing.get(permission.codename)
            if grant is not None:
                note = "" if grant.grantable else _("can’t be granted by override")
                values[str(CATEGORIES[permission.category])].append((permission.label, grant.scope, note))
        return {"groups": [(title, lines) for title, lines in values.items() if lines]}
