"""Records inside another record's page: only visible ones, each row by its own rights."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.db.models import QuerySet
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.forms import PaginationInlineFormSet

from apps.access import lists
from apps.access.context import access_of
from apps.access.records import Record

SHOWN = 10


class RecordInlineFormSet(PaginationInlineFormSet):
    """The newest visible rows; those that the person may not change or delete have disabled fields and no box.

    An id that is not visible is refused with the same words as an id that doesn't exist.
    """

    asked_by: ClassVar[HttpRequest]

    def get_queryset(self) -> Any:
        if not hasattr(self, "_queryset"):
            rows = self.queryset
            if self.is_bound:
                key = self.model._meta.pk.name
                posted = [self.data.get(f"{self.add_prefix(i)}-{key}", "") for i in range(self.initial_form_count())]
                rows = rows.filter(pk__in=[int(value) for value in posted if value.isascii() and value.isdigit()])
            else:
                rows = rows[:SHOWN]
            self._queryset = list(rows)
            for row in self._queryset:
                setattr(row, self.fk.name, self.instance)
            self._ask(self._queryset)
        return self._queryset

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        rows = self.get_queryset()
        pk = self.model._meta.pk.name
        if pk in form.fields:
            form.fields[pk].queryset = self.model._default_manager.filter(pk__in=[row.pk for row in rows])
        row_id = form.instance.pk
        if row_id is not None and row_id not in self.changeable:
            for name, field in form.fields.items():
                if name not in {pk, self.fk.name, DELETION_FIELD_NAME}:
                    field.disabled = True
        if row_id is not None and row_id not in self.deletable and DELETION_FIELD_NAME in form.fields:
            form.fields[DELETION_FIELD_NAME].disabled = True

    def _ask(self, rows: list[Any]) -> None:
        access, record_type = access_of(self.asked_by), self.model.record_type
        self.changeable = access.allowed_of(f"change_{record_type}", rows)
        self.deletable = access.allowed_of(f"delete_{record_type}", rows)


class RecordInline(TabularInline):
    """A table of related records. Adding needs the right to create on the parent's branch, and a visible parent."""

    model: type[Record]
    formset = RecordInlineFormSet
    form = forms.ModelForm
    extra = 0
    tab = True
    show_change_link = True
    ordering = lists.NEWEST_FIRST

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        record_type = self.model.record_type
        rows = access_of(request).rows(f"view_{record_type}", record_type)
        return rows.select_related("responsible", "created_by").order_by(*self.ordering)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        made = super().get_formset(request, obj, **kwargs)
        made.asked_by = request
        return made

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).may_anywhere(f"view_{self.model.record_type}")

    def has_add_permission(self, request: HttpRequest, obj: Any) -> bool:
        return obj is not None and access_of(request).may(f"add_{self.model.record_type}", obj.branch)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).may_anywhere(f"change_{self.model.record_type}")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).may_anywhere(f"delete_{self.model.record_type}")


def inline_about(inline: type[RecordInline], parent_type: str) -> type[RecordInline]:
    """The inline for records that are about a record of the parent's type."""
    name = next(field for field, about in inline.model.about_fields.items() if about == parent_type)
    return cast("type[RecordInline]", type(f"{inline.__name__}_{name}", (inline,), {"fk_name": name}))
