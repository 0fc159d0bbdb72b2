"""What the admins of all six record types share beyond obeying the engine: search, writing, history, rights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from djmoney.models.fields import MoneyField
from unfold.decorators import display

from apps.access.context import access_of
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.backoffice.actions import DELETE_SELECTED, BulkAction
from apps.backoffice.filters import BranchFilter, ResponsibleFilter
from apps.backoffice.options import MandateAdmin
from apps.backoffice.recordform import RecordForm
from apps.backoffice.sharing import share_page
from apps.crm.admin.bulk import ASSIGN
from apps.crm.admin.customfields import CustomRecordForm, fields_for, form_field, shown_fields, teller, value_of
from apps.crm.admin.deletion import consequences_of
from apps.crm.admin.entries import EntryField
from apps.crm.admin.history import history_page
from apps.crm.admin.rights import rights_page
from apps.crm.admin.widgets import SeveralWidget
from apps.crm.admin.writing import remove, write, write_rows
from apps.crm.models import CrmRecord
from apps.crm.models.customisation import ListEntry
from apps.crm.querysets import search

CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "CAD", "AUD", "JPY", "CNY", "INR", "BRL")
OWNERSHIP = (
    _("Ownership"),
    {
        "classes": ["tab"],
        "fields": ("branch", "responsible", ("reference", "created_by"), ("created_at", "updated_at")),
    },
)
ADDRESS = (
    _("Address"),
    {"classes": ["tab"], "fields": ("street", ("postal_code", "city"), ("region", "country"))},
)
REACH = (_("Contact details"), {"classes": ["tab"], "fields": ("emails", "phones", "website")})
NOTES = (_("Description"), {"classes": ["tab"], "fields": ("description", "tags")})


class CrmAdmin(MandateAdmin):
    """The admin of a CRM record type. Writes go through the app's services, so the rules of a write hold here too."""

    form = CustomRecordForm
    search_fields = ("name",)
    search_help_text = _("Name, email address, phone number, reference (such as L-17) or ID.")
    readonly_fields: ClassVar[Sequence[str]] = ("reference", "created_by", "created_at", "updated_at")
    list_filter: ClassVar[Sequence[Any]] = (ResponsibleFilter, BranchFilter)
    formfield_overrides = {ArrayField: {"widget": SeveralWidget}}
    change_form_outer_before_template = "admin/crm/record_head.html"
    bulk_actions: ClassVar[Sequence[BulkAction]] = (ASSIGN, DELETE_SELECTED)
    warn_unsaved_form = True
    compressed_fields = True

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the pages about access to a record and its shares."""
        wrap = self.admin_site.admin_view
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path("<path:object_id>/rights/", wrap(self.rights_view), name=f"{name}_rights"),
            path("<path:object_id>/share/", wrap(self.share_view), name=f"{name}_share"),
        ]
        return own + super().get_urls()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search(queryset, search_term), False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """With the account's own fields, where it has some. A new record has no reference and no past yet."""
        fieldsets = self._with_custom_fields(request, obj, super().get_fieldsets(request, obj))
        if obj is not None:
            return fieldsets
        gone = {"reference", "created_by", "created_at", "updated_at"}
        return [
            (name, {**options, "fields": [line for line in options["fields"] if not gone & set(_flat(line))]})
            for name, options in fieldsets
        ]

    def _with_custom_fields(self, request: HttpRequest, obj: Any, fieldsets: Any) -> Any:
        """The fieldsets with one more behind the first, whose lines are read where the record may not be changed."""
        own = shown_fields(request, self.record_type, obj)
        if not own:
            return fieldsets
        filled = self._fills_in(request, obj)
        lines = [field.slot if filled else teller(request, field) for field in own]
        return [fieldsets[0], (_("Custom fields"), {"fields": lines}), *fieldsets[1:]]

    def _fills_in(self, request: HttpRequest, obj: Any) -> bool:
        return obj is None or access_of(request).may(self.codename("change"), obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        own = shown_fields(request, self.record_type, obj)
        if own and self._fills_in(request, obj):
            fields = {field.slot: form_field(field, obj) for field in own}
            kwargs["form"] = type(self.form.__name__, (self.form,), {**fields, "own": own})
        return super().get_form(request, obj, change=change, **kwargs)

    def export_cells(self, request: HttpRequest) -> dict[str, Callable[[Any], Any]]:
        """Those of every account, and the account's own fields behind them."""
        own = {field.slot: value_of(field) for field in fields_for(request, self.record_type)}
        return super().export_cells(request) | own

    def get_inline_instances(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Related records are shown and added once the record itself is there."""
        return [] if obj is None else super().get_inline_instances(request, obj)

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        target: Any = db_field.related_model
        if issubclass(target, ListEntry):
            kwargs["form_class"] = EntryField
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, models.URLField):
            kwargs["assume_scheme"] = "https"
        if isinstance(db_field, MoneyField):
            account = access_of(request).account
            own = [account.currency] if account else []
            kwargs["currency_choices"] = [(code, code) for code in dict.fromkeys([*own, *CURRENCIES])]
            field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
            field.widget.widgets[1].choices = kwargs["currency_choices"]
            field.widget.default_currency = own[0] if own else None
            return field
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    # Writing

    def write_record(self, request: HttpRequest, form: RecordForm, record: Any) -> Any:
        return write(request, form, record)

    def remove_record(self, request: HttpRequest, record: Any) -> None:
        remove(request, record)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        write_rows(request, form.instance, formset)

    # Pages beside the form

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The question first, with what the deletion changes elsewhere."""
        if request.method == "GET" and (record := self.get_object(request, object_id)) is not None:
            for level, sentence in consequences_of(request, record):
                messages.add_message(request, level, sentence)
        return super().delete_view(request, object_id, extra_context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return history_page(self, request, self.object_or_404(request, object_id))

    def rights_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the person may do with this record and why, and who else has access."""
        return rights_page(self, request, self.object_or_404(request, object_id))

    def share_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the shares of this record, with links to grant, change and revoke them."""
        return share_page(self, request, self.object_or_404(request, object_id))

    # Columns

    @display(description=_("Name"), ordering="name", header=True)
    def title(self, record: CrmRecord) -> list[str]:
        """The name with the reference under it."""
        return [str(record), self.subtitle(record)]

    def subtitle(self, record: Any) -> str:
        """Return the line under the name in a list."""
        return str(record.reference)

    @display(description=_("Owner"), ordering="responsible__name", empty_value=_("No owner"))
    def who(self, record: CrmRecord) -> str | None:
        """Return the owner."""
        return str(record.responsible) if record.responsible else None

    @display(description=_("Created"), ordering="created_at")
    def created(self, record: CrmRecord) -> SafeString:
        """The day, with the minute to hover over."""
        moment = timezone.localtime(record.created_at)
        exact, day = written(moment, DateTimeForm.MOMENT), written(moment, DateTimeForm.DAY)
        return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, day)


def _flat(line: Any) -> Sequence[str]:
    return (line,) if isinstance(line, str) else tuple(line)
