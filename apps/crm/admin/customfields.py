"""The account's own fields in a record's form: real form fields where they can be filled in, else what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
)

from apps.access.context import access_of
from apps.audit.text import MultiLineInput, SingleLineInput
from apps.crm.admin.entries import CrmForm
from apps.crm.models import CustomField
from apps.crm.services import customvalues
from apps.crm.services.customvalues import DECIMAL_PLACES, LONGEST, RECORD_TYPES, WHOLE_DIGITS

Kind = CustomField.Kind
_FLAGS = {"yes": True, "no": False}


class CustomRecordForm(CrmForm):
    """A record's form with `own` fields of the account in it, each under its slot."""

    own: ClassVar[Sequence[CustomField]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.own:
            self.initial.setdefault(field.slot, _shown_in_form(field, self.instance.custom.get(field.key)))

    @property
    def values(self) -> dict[str, Any]:
        """As ever; those of the account's own fields by their keys, under `custom`."""
        result = super().values
        custom = {field.key: result.pop(field.slot) for field in self.own if field.slot in result}
        return {**result, "custom": custom} if custom else result

    def clean(self) -> dict[str, Any]:
        """As ever; a new record is stored as it comes out of its form."""
        cleaned = super().clean()
        if self.is_new and self.own:
            self.instance.custom = self.values.get("custom", {})
        return cleaned


def fields_for(request: HttpRequest, record_type: str) -> list[CustomField]:
    """The account's own fields of a record type; read once in a request."""
    if record_type not in RECORD_TYPES:
        return []
    kept: dict[str, list[CustomField]] = request.__dict__.setdefault("_custom_fields", {})
    if record_type not in kept:
        kept[record_type] = customvalues.fields_of(access_of(request).account_id, record_type)
    return kept[record_type]


def shown_fields(request: HttpRequest, record_type: str, record: Any) -> list[CustomField]:
    """Those that a form shows: what is offered, and what else the record has a value in."""
    own = fields_for(request, record_type)
    return [field for field in own if field.offered or (record is not None and field.key in record.custom)]


def teller(request: HttpRequest, field: CustomField) -> Callable[[Any], str | SafeString]:
    """The stand-in for the field where it can't be filled in: the same throughout a request, as Django expects."""
    kept: dict[int, Callable[[Any], str | SafeString]] = request.__dict__.setdefault("_custom_tellers", {})
    return kept.setdefault(field.pk, _teller(field))


def _teller(field: CustomField) -> Callable[[Any], str | SafeString]:
    def tell(record: Any) -> str | SafeString:
        value = record.custom.get(field.key)
        if value is not None and field.kind == Kind.URL:
            return format_html('<a href="{0}" class="text-link" rel="noopener nofollow">{0}</a>', value)
        return customvalues.told(field, value) or "-"

    tell.__name__ = field.slot
    tell.short_description = field.name  # type: ignore[attr-defined] # what Django's admin reads
    return tell


def value_of(field: CustomField) -> Callable[[Any], Any]:
    """Return the stored value, for exported files."""

    def read(record: Any) -> Any:
        value = record.custom.get(field.key)
        return customvalues.told(field, value) if isinstance(value, bool) else value

    return read


def form_field(field: CustomField, record: Any) -> forms.Field:
    """The form field of a field; a former choice is offered to the record that has it.

    A help text is HTML to Django, so what people wrote is escaped; labels and choices are text to every template.
    """
    had = None if record is None else record.custom.get(field.key)
    common = {
        "label": field.name,
        "help_text": escape(field.help_text),
        "required": field.required and field.offered,
    }
    return _MAKERS[Kind(field.kind)](field, had, common)


def _shown_in_form(field: CustomField, value: Any) -> Any:
    if field.kind == Kind.FLAG:
        return next((word for word, meant in _FLAGS.items() if value is meant), "")
    if field.kind == Kind.DATE and value is not None:
        return date.fromisoformat(value)
    return value


def _text(field: CustomField, had: Any, common: Mapping[str, Any]) -> forms.Field:
    return SingleLineInput(max_length=LONGEST[Kind.TEXT], widget=UnfoldAdminTextInputWidget(), **common)


def _long_text(field: CustomField, had: Any, common: Mapping[str, Any]) -> forms.Field:
    return MultiLineInput(
        max_length=LONGEST[Kind.LONG_TEXT], widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}), **common
    )


def _number(field: CustomField, had: Any, common: Mapping[str, Any]) -> forms.Field:
    return forms.DecimalField(
        max_digits=WHOLE_DIGITS + DECIMAL_PLACES,
        decimal_places=DECIMAL_PLACES,
        widget=UnfoldAdminDecimalFieldWidget(),
        **common,
    )


def _day(field: CustomField, had: Any, common: Mapping[str, Any]) -> forms.Field:
    return forms.DateField(widget=UnfoldAdminSingleDateWidget(), **common)


def _flag(field: CustomField, had: Any, common: Mapping[str, Any]) -> forms.Field:
    choices = [("", "–"), ("yes", _("Yes")), ("no", _("No"))]
    return forms.TypedChoiceField(
        choices=choices, coerce=_FLAGS.__getitem__, empty_value=None, widget=UnfoldAdminSelectWidget(), **common
    )


def _choice(field: CustomField, had: Any, common: Mapping[str, Any]) -> forms.Field:
    choices = [("", "–"), *_labelled(field, had)]
    return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget(), **common)


def _choices(field: CustomField, had: Any, common: Mapping[str, Any]) -> forms.Field:
    return forms.MultipleChoiceField(
        choices=_labelled(field, had), widget=UnfoldAdminCheckboxSelectMultipleWidget(), **common
    )


def _labelled(field: CustomField, had: Any) -> list[tuple[str, str]]:
    """What can be chosen; choices that are no longer offered are marked."""
    gone = _("%(choice)s (no longer offered)")
    return [
        (each, each if each in field.choices else gone % {"choice": each})
        for each in customvalues.choices_of(field, had)
    ]


def _address(field: CustomField, had: Any, common: Mapping[str, Any]) -> forms.Field:
    return forms.URLField(
        max_length=LONGEST[Kind.URL], assume_scheme="https", widget=UnfoldAdminURLInputWidget(), **common
    )


_MAKERS: Mapping[CustomField.Kind, Callable[[CustomField, Any, Mapping[str, Any]], forms.Field]] = {
    Kind.TEXT: _text,
    Kind.LONG_TEXT: _long_text,
    Kind.NUMBER: _number,
    Kind.DATE: _day,
    Kind.FLAG: _flag,
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choices,
    Kind.URL: _address,
}
