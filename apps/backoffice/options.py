"""`MandateAdmin`: a Django admin that obeys the engine in every view. The one place where the two meet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from django.contrib.admin import ShowFacets
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import SuspiciousOperation
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from apps.access import lists
from apps.access.context import access_of, links_of, veil
from apps.access.records import Record
from apps.backoffice.actions import RecordActions
from apps.backoffice.changelist import RecordChangeList
from apps.backoffice.deletion import summary_of
from apps.backoffice.filters import parameters_of
from apps.backoffice.recordform import FormRefusal, LinkField, RecordForm, is_of_account


class CappedPaginator(Paginator[Any]):
    """Counts no further than a list's cap: for pickers, which only ask whether there is more."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most the cap."""
        rows: Any = self.object_list
        return int(rows.order_by()[: lists.CAP].count())


class MandateAdmin(RecordActions, ModelAdmin):
    """The admin of a record type. Rows, objects, fields, actions and pickers come from the user's Mandate.

    What is not visible answers 404, exactly as a missing object does; what is visible but not allowed raises
    `MissingPermission`, and the page that answers names the permission. Writing is left to `write_record` and
    `remove_record`, which subclasses lead to their services; nothing is ever saved or deleted here. `list_links` names
    the links that the list shows, where it does not show all of them.
    """

    form = RecordForm
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering: ClassVar[Sequence[str]] = lists.NEWEST_FIRST
    list_select_related: ClassVar[Sequence[str]] = ("branch", "responsible")
    list_links: ClassVar[Collection[str] | None] = None
    list_filter_submit = False
    view_on_site = False
    save_as = False
    list_fullwidth = True
    list_disable_select_all = True
    paginator = CappedPaginator

    @property
    def record_type(self) -> str:
        """The record type that this admin is of."""
        return str(self.model.record_type)

    def codename(self, verb: str) -> str:
        """The permission behind a verb: `change_lead`."""
        return f"{verb}_{self.record_type}"

    # Questions that Django asks

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access_of(request).may_anywhere(self.codename("view"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access_of(request).may_anywhere(self.codename("add"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the form can be sent: who may only hand a record over has just that field to fill."""
        return self._may(request, "change", obj) or (obj is not None and access_of(request).may("assign_record", obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "delete", obj)

    def _may(self, request: HttpRequest, verb: str, obj: Any) -> bool:
        access = access_of(request)
        return access.may_anywhere(self.codename(verb)) if obj is None else access.may(self.codename(verb), obj)

    # Rows and objects

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return access_of(request).rows(self.codename("view"), self.record_type).order_by(*self.ordering)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The record with its links veiled, or None where it is not visible; read once in a request."""
        kept: dict[str, Any] = request.__dict__.setdefault("_records", {})
        if object_id not in kept:
            rows = self.get_queryset(request).select_related("branch", "responsible", "created_by")
            record = rows.filter(pk=int(object_id)).first() if _is_id(object_id) else None
            if record is not None:
                record.account = record.branch.account = access_of(request).account
                self.ask_before_veiling(request, record)
                veil(access_of(request), [record])
            kept[object_id] = record
        return kept[object_id]

    def ask_before_veiling(self, request: HttpRequest, record: Any) -> None:
        """Ask what the page will ask, while the record is as the database has it."""
        for verb in ("view", "change", "delete"):
            self._may(request, verb, record)
        access_of(request).may("assign_record", record)

    def object_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """The record.

        Raises:
            Http404: it is not visible, or there is none: the same.
        """
        result = self.get_object(request, object_id)
        if result is None:
            raise Http404
        return result

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RecordChangeList]:
        return RecordChangeList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only our own filters narrow a list: a free look-up could ask what a row does not show."""
        return lookup in parameters_of(self.get_list_filter(request) if request else ())

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """A record is picked by its id only."""
        return to_field == self.opts.pk.name

    # Views

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        access = access_of(request)
        access.require(self.codename("view"))
        context = {"tools": self.tools(request), "may_add": self.has_add_permission(request)}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form. A write that a service refuses is shown again with its words, and nothing of it is kept."""
        if "_saveasnew" in request.POST:
            raise SuspiciousOperation("Records are not copied by saving them as new.")
        record = self._let_pass(request, object_id)
        title = {} if record is None else {"title": str(record), "subtitle": None}
        context = {**title, **(extra_context or {})}
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except FormRefusal as refusal:
            request.__dict__["_refusal"] = refusal
            request.__dict__.pop("_records", None)
            return super().changeform_view(request, object_id, form_url, {**context, "again": refusal.again})

    def _let_pass(self, request: HttpRequest, object_id: str | None) -> Any:
        """Return the record, None for a new one, after asking for the permission that the form needs."""
        if object_id is None:
            access_of(request).require(self.codename("add"))
            return None
        record = self.object_or_404(request, object_id)
        if request.method == "POST" and not self.has_change_permission(request, record):
            access_of(request).require(self.codename("change"), record)
        return record

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        record = self.object_or_404(request, object_id)
        access_of(request).require(self.codename("delete"), record)
        context = {"title": _("Delete %(record)s") % {"record": record}, **(extra_context or {})}
        return super().delete_view(request, object_id, context)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Return what is deleted, limited to what the person may see (access model, section 5)."""
        return (*summary_of(access_of(request), list(objs)), set(), [])

    # Forms

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        made = super().get_form(request, obj, change=change, **kwargs)
        made.request = request
        made.refusal = request.__dict__.get("_refusal")
        return made

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        """The fields that this person may not change on this record, beside those that are always read only."""
        fixed = list(super().get_readonly_fields(request, obj))
        if obj is None:
            return fixed
        access = access_of(request)
        if not access.may(self.codename("change"), obj):
            fixed += [name for name in flatten_fieldsets(self.get_fieldsets(request, obj)) if name != "responsible"]
        if not access.may("assign_record", obj):
            fixed.append("responsible")
        return list(dict.fromkeys(fixed))

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        access = access_of(request)
        target: Any = db_field.related_model
        if isinstance(target, type) and issubclass(target, Record):
            kwargs["queryset"] = access.rows(f"view_{target.record_type}", target.record_type)
        elif is_of_account(target):
            kwargs["queryset"] = target._default_manager.filter(account=access.account_id)
        return super().formfield_for_foreignkey(db_field, request, **{"form_class": LinkField, **kwargs})

    def formfield_for_dbfield(self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """A link's picker adds a record in a window where that is allowed; everything else is one click away."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and hasattr(field.widget, "can_change_related"):
            field.widget.can_change_related = False
            field.widget.can_delete_related = False
            field.widget.can_view_related = False
            field.widget.can_add_related &= IS_POPUP_VAR not in request.GET
        return field

    def get_autocomplete_fields(self, request: HttpRequest) -> Sequence[str]:
        return tuple(links_of(self.model))

    # Writing

    def write_record(self, request: HttpRequest, form: RecordForm, record: Any) -> Any:
        """Create or change the record through the app's services; returns it as stored.

        Raises:
            Refusal: the services say no.
        """
        raise NotImplementedError

    def remove_record(self, request: HttpRequest, record: Any) -> None:
        """Delete the record through the app's services.

        Raises:
            MissingPermission: the person may not.
        """
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        written = self.write_record(request, form, obj)
        obj.pk, obj.reference = written.pk, written.reference
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.remove_record(request, obj)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Django's log would keep names for everybody to read; the services write the record's own history."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """See `log_addition`."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """See `log_addition`."""


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
