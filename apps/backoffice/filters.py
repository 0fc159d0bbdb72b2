"""Filters of lists. Their choices come from what the user may see, and an impossible value finds nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import access_of
from apps.pages.forms.picker import LONGEST_WORDS
from apps.pages.forms.pool import PickablePeople


class BranchFilter(admin.SimpleListFilter):
    """The branches in the user's sight; no filter where there is only one."""

    title = gettext_lazy("branch")
    parameter_name = "branch"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        branches = access_of(request).branches
        return [(str(branch.pk), branch.name) for branch in branches] if len(branches) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _narrowed(self, queryset, "branch")


class PersonFilter(admin.SimpleListFilter):
    """A colleague on the visible branches. With many colleagues, the filter offers those who match a search."""

    template = "admin/access/person_filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        words = params.pop(f"{self.parameter_name}_words", [""])
        self.words: str = words[-1].strip()[:LONGEST_WORDS]
        self.submits: bool = model_admin.list_filter_submit
        self.searched = self.found = False
        # What else the list is narrowed by, kept where the search has a form of its own.
        own = (*self.expected_parameters(), PAGE_VAR)
        self.kept = [(key, value) for key, values in request.GET.lists() if key not in own for value in values]
        super().__init__(request, params, model, model_admin)
        self.used_parameters[f"{self.parameter_name}_words"] = self.words

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name, f"{self.parameter_name}_words"]

    def has_output(self) -> bool:
        return self.searched or super().has_output()

    def people(self, request: HttpRequest, *, but: Collection[int] = ()) -> list[tuple[str, str]]:
        """Return everyone where they are few; else the chosen person and those who match the words."""
        pool = PickablePeople(access_of(request), but=frozenset(but))
        result = pool.few()
        if result is None:
            self.searched = True
            chosen = pool.named(self.value() or "")
            result, _more = pool.search(self.words) if self.words else ([], False)
            self.found = bool(result)
            result = [*([] if chosen is None else [chosen]), *(person for person in result if person != chosen)]
        return [(person.value, person.name) for person in result]


class ResponsibleFilter(PersonFilter):
    """Mine, without an owner, or a colleague's: the members of the visible branches."""

    title = gettext_lazy("owner")
    parameter_name = "responsible"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        return [("me", _("Me")), ("nobody", _("No owner")), *self.people(request, but=[access_of(request).user.pk])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "me":
            return queryset.filter(responsible=access_of(request).user)
        if self.value() == "nobody":
            return queryset.filter(responsible=None)
        return _narrowed(self, queryset, "responsible")


class AccountListFilter(admin.SimpleListFilter):
    """The lines of a list that the account keeps, such as its statuses; subclasses name the model and the field.

    `path` leads to the field from the record, where it is not the record's own.
    """

    model: ClassVar[type[models.Model]]
    path: ClassVar[str] = ""

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        rows = self.model._default_manager.filter(account=access_of(request).account_id)
        return [(str(row.pk), str(row)) for row in rows]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _narrowed(self, queryset, self.path or str(self.parameter_name))


def parameters_of(filters: Iterable[Any]) -> set[str]:
    """The parameters that these filters of ours read."""
    result: set[str] = set()
    for spec in filters:
        name = getattr(spec, "parameter_name", None)
        if name is not None:
            result |= {name, f"{name}_words"} if issubclass(spec, PersonFilter) else {name}
    return result


def _narrowed(spec: admin.SimpleListFilter, rows: QuerySet[Any], field: str) -> QuerySet[Any]:
    """The rows with the chosen value; only a value that was offered finds anything."""
    value = spec.value()
    if value is None:
        return rows
    if value not in {str(choice) for choice, _ in spec.lookup_choices}:
        return rows.none()
    return rows.filter(**{f"{field}_id": int(value)})
