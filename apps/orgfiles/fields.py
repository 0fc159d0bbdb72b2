"""The fields that each record type has of its own, derived from its model: how each is read from a file and written.

A key is named as the model's field; the currency of a type's amount is `currency`. Links to other records are written
as references, people as addresses, entries of the account's lists by name (the status of an opportunity beside that of
its `pipeline`, where it has to be), and what a record is about as `about: type/reference`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import override
from djmoney.models.fields import CurrencyField, MoneyField

from apps.access import records
from apps.access.records import Record
from apps.accounts.models import User
from apps.crm.models.customisation import ListEntry, OpportunityStatus, Pipeline
from apps.orgfiles import values
from apps.orgfiles.rows import MappingReader
from apps.orgfiles.values import InvalidValue

_OF_EVERY_RECORD = frozenset(
    {"id", "account", "branch", "reference", "name", "responsible", "created_by", "created_at", "updated_at"}
)
# The tables hold these to at most 100.
_PERCENTAGES = frozenset({"probability"})


class Kind(StrEnum):
    """How a value of the file maps to a column of the table."""

    TEXT = "text"
    VALUE = "value"
    WORD = "word"
    RECORD = "record"
    USER = "user"
    ENTRY = "entry"
    # Which of several lists the entry is of: no column of the record's own.
    LIST = "list"


@dataclass(frozen=True, slots=True)
class RecordField:
    """A key of a record type. `to` is the model of what is linked, if anything; `words` stand for stored numbers;
    `normalise` brings a value, given with the other columns, into the one form that it is compared in.
    """

    key: str
    column: str
    kind: Kind
    read: Callable[[Any], Any]
    longest: int | None = None
    to: Any = None
    words: Mapping[str, Any] | None = None
    normalise: Callable[[Any, Any], Any] | None = None

    def value(self, row: MappingReader) -> Any:
        """The field's value in a row: for links and people still their names. None where it is left out."""
        if self.kind is Kind.TEXT:
            return row.text(self.key, self.longest)
        return row.get(self.key, self.read)


@cache
def fields_of(record_type: str) -> Mapping[str, RecordField]:
    """The type's own fields by key, in the order of the model.

    Raises:
        LookupError: no installed app keeps such records.
    """
    model = records.model_of(record_type)
    found = (
        derived
        for field in model._meta.concrete_fields
        if field.name not in _OF_EVERY_RECORD and field.name not in model.about_fields
        for derived in (_derived(field), *_list(field))
    )
    return {field.key: field for field in found}


@cache
def about_columns(record_type: str) -> Mapping[str, str]:
    """The column for each type of record that such a record can be about; empty for most types."""
    return {about: f"{name}_id" for name, about in records.model_of(record_type).about_fields.items()}


@cache
def name_length(record_type: str) -> int | None:
    """How long the name of such a record may be."""
    model: Any = records.model_of(record_type)
    longest: int | None = model._meta.get_field("name").max_length
    return longest


def _derived(field: models.Field[Any, Any]) -> RecordField:
    if isinstance(field, CurrencyField):
        return RecordField("currency", field.attname, Kind.VALUE, values.currency)
    if isinstance(field, models.ForeignKey):
        return _link(field)
    if isinstance(field, ArrayField):
        longest = field.base_field.max_length
        read = values.several(values.short(longest) if longest else values.text)
        normalise = getattr(field, "normalised", None)
        return RecordField(field.name, field.attname, Kind.VALUE, lambda value: list(read(value)), normalise=normalise)
    if field.choices:
        words = _words(field)
        return RecordField(field.name, field.attname, Kind.WORD, values.meaning(words), words=words)
    if isinstance(field, models.JSONField):
        return RecordField(field.name, field.attname, Kind.VALUE, values.mapping)
    if isinstance(field, models.URLField):
        return RecordField(field.name, field.attname, Kind.VALUE, values.web_address(field.max_length or 0))
    if isinstance(field, models.CharField | models.TextField):
        return RecordField(field.name, field.attname, Kind.TEXT, values.text, longest=field.max_length)
    return RecordField(field.name, field.attname, Kind.VALUE, _plain_reader(field))


def _words(field: models.Field[Any, Any]) -> dict[str, Any]:
    """What each choice is called: its stored word first (where it is a word), and its label in small letters."""
    # A file is the same whatever language its writer and its reader have.
    with override(None):
        choices = [(stored, str(label)) for stored, label in field.flatchoices]
    words = {} if isinstance(field, models.IntegerField) else {str(stored): stored for stored, _ in choices}
    return words | {str(label).lower(): stored for stored, label in choices if str(label).lower() not in words}


def _link(field: models.ForeignKey[Any, Any]) -> RecordField:
    to = field.related_model
    if issubclass(to, Record):
        return RecordField(field.name, field.attname, Kind.RECORD, values.text, to=to)
    if issubclass(to, User):
        return RecordField(field.name, field.attname, Kind.USER, values.email, to=to)
    if issubclass(to, ListEntry):
        return RecordField(field.name, field.attname, Kind.ENTRY, values.short(60), to=to)
    raise TypeError(f"{field} links to {to}, which an organisation file has no name for.")


def _list(field: models.Field[Any, Any]) -> list[RecordField]:
    """The key that says of which list an entry is, where the account can keep several."""
    if field.related_model is not OpportunityStatus:
        return []
    return [RecordField("pipeline", f"{field.name}__pipeline__name", Kind.LIST, values.short(60), to=Pipeline)]


def _plain_reader(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    if isinstance(field, MoneyField):
        return _amount(field.max_digits - field.decimal_places, field.decimal_places)
    if isinstance(field, models.BooleanField):
        return values.flag
    if isinstance(field, models.DateTimeField):
        return values.moment
    if isinstance(field, models.DateField):
        return values.day
    if isinstance(field, models.IntegerField):
        return _within(field)
    raise TypeError(f"{field} is of a kind that an organisation file cannot state.")


def _amount(whole: int, places: int) -> Callable[[Any], Decimal]:
    def read(value: Any) -> Decimal:
        found = values.number(value)
        if abs(found) >= Decimal(10) ** whole:
            raise InvalidValue(f"{value} is too large: at most {whole} digits are allowed")
        if found != round(found, places):
            raise InvalidValue(f"{value} has more than {places} decimal places")
        return found

    return read


def _within(field: models.IntegerField[Any, Any]) -> Callable[[Any], int]:
    small = isinstance(field, models.PositiveSmallIntegerField)
    return values.within(100 if field.name in _PERCENTAGES else 2**15 - 1 if small else 2**31 - 1)
