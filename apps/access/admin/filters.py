"""Filters of lists. Their choices come from what the user may see, and an impossible value finds nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.access.desk import desk_of


class BranchFilter(admin.SimpleListFilter):
    """The branches in the user's sight; no filter where there is only one."""

    title = "branch"
    parameter_name = "branch"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        branches = desk_of(request).branches
        return [(str(branch.pk), branch.name) for branch in branches] if len(branches) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _narrowed(self, queryset, "branch")


class ResponsibleFilter(admin.SimpleListFilter):
    """Mine, nobody's, or one colleague's: the members of the branches in sight."""

    title = "responsible"
    parameter_name = "responsible"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        desk = desk_of(request)
        people = [(str(pk), name) for pk, name, _ in desk.colleagues if pk != desk.user.pk]
        return [("me", "Me"), ("nobody", "Nobody"), *people]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "me":
            return queryset.filter(responsible=desk_of(request).user)
        if self.value() == "nobody":
            return queryset.filter(responsible=None)
        return _narrowed(self, queryset, "responsible")


class AccountListFilter(admin.SimpleListFilter):
    """The lines of a list that the account keeps, such as its statuses; subclasses name the model and the field."""

    model: ClassVar[type[models.Model]]

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        rows = self.model._default_manager.filter(account=desk_of(request).account_id)
        return [(str(row.pk), str(row)) for row in rows]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _narrowed(self, queryset, str(self.parameter_name))


def _narrowed(spec: admin.SimpleListFilter, rows: QuerySet[Any], field: str) -> QuerySet[Any]:
    """The rows with the chosen value; only a value that was offered finds anything."""
    value = spec.value()
    if value is None:
        return rows
    if value not in {str(choice) for choice, _ in spec.lookup_choices}:
        return rows.none()
    return rows.filter(**{f"{field}_id": int(value)})
