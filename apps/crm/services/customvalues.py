"""The values of an account's own fields: the one form that each is kept in, and what a record may be given.

Kept are texts as they are, numbers as texts (so that no program on the way rounds them), dates as 2027-01-31, yes and
no as true and false, a choice as its text, several as a list in the order of the field's choices. What is empty is not
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db.models import Model
from django.utils.translation import gettext as _

from apps.accounts.datetime_formats import DateTimeForm, written
from apps.audit.text import validate_multi_line, validate_single_line
from apps.crm.models import CrmRecord, CustomField, Task
from apps.crm.models.base import DescribedRecord
from apps.crm.models.customfields import PREFIX

RECORD_TYPES = ("lead", "contact", "company", "opportunity", Task.record_type)
LONGEST = {CustomField.Kind.TEXT: 255, CustomField.Kind.LONG_TEXT: 10_000, CustomField.Kind.URL: 300}
WHOLE_DIGITS, DECIMAL_PLACES = 14, 6
_is_address = URLValidator(schemes=["http", "https"])
# So that a field that is about to go, or to change, waits for the values that are being written, and they for it.
_LOCKED = "SELECT * FROM crm_customfield WHERE account_id = %s AND record_type = %s ORDER BY position, id FOR KEY SHARE"


def fields_of(account_id: int | None, record_type: str) -> list[CustomField]:
    """The account's own fields of a record type in their order, those that are no longer offered included."""
    return list(CustomField.objects.filter(account=account_id, record_type=record_type))


def settle(record: CrmRecord, *, standing: Mapping[str, Any] | None, complete: bool) -> None:
    """Bring what is new among a record's own values into form; `standing` are those that it has, None for a new record.

    Raises:
        ValidationError: there is no such field, a value is off, or a required one is emptied or, where the record has
            to be `complete`, missing; by the fields' slots.
    """
    if not isinstance(record, DescribedRecord):
        return
    had, given = standing or {}, record.custom
    if standing is not None and given == had:
        return
    fields = {field.key: field for field in CustomField.objects.raw(_LOCKED, [record.account_id, record.record_type])}
    errors: dict[str, str] = {}
    values = {}
    for key, value in given.items():
        if key in had and had[key] == value:
            values[key] = value
            continue
        try:
            kept = _settled(fields.get(key), key, value, had.get(key))
        except ValidationError as error:
            errors[f"{PREFIX}{key}"] = " ".join(error.messages)
        else:
            if kept is not None:
                values[key] = kept
    for field in fields.values():
        asked = complete if standing is None else field.key in had
        if field.required and field.offered and asked and field.key not in values:
            errors.setdefault(field.slot, _named(field, _("This field is required.")))
    if errors:
        raise ValidationError({slot: [sentence] for slot, sentence in errors.items()})
    record.custom = values


def _settled(field: CustomField | None, key: str, value: Any, had: Any) -> Any:
    if field is None:
        raise ValidationError(_("The field “%(key)s” doesn’t exist."), params={"key": key})
    try:
        kept = canonical(field, value, among=choices_of(field, had))
    except ValidationError as error:
        raise ValidationError(_named(field, " ".join(error.messages))) from None
    if kept is not None and had is None and not field.offered:
        raise ValidationError(_named(field, _("This field is no longer offered.")))
    return kept


def choices_of(field: CustomField, had: Any) -> list[str]:
    """Return the choices for a record: those on offer, and its own."""
    kept = [] if had is None or not field.has_choices else had if isinstance(had, list) else [had]
    return list(dict.fromkeys((*field.choices, *kept)))


def _named(field: CustomField, problem: str) -> str:
    return f"“{field.name}”: {problem}"


def canonical(field: CustomField, value: Any, *, among: Collection[str]) -> Any:
    """The value in the form in which it is kept; None for nothing. `among` are the choices there are.

    Raises:
        ValidationError: it is no value of the field's kind.
    """
    if value is None or value in ("", [], ()):
        return None
    kind = CustomField.Kind(field.kind)
    if kind is CustomField.Kind.CHOICE:
        return _choice(value, among)
    if kind is CustomField.Kind.CHOICES:
        return _choices(value, among)
    return _READERS[kind](value)


def _text(value: Any, longest: int) -> str | None:
    if not isinstance(value, str):
        raise ValidationError(_("Enter text."))
    result = value.strip()
    if len(result) > longest:
        raise ValidationError(
            _("Enter %(longest)s characters at most. This has %(length)s."),
            params={"length": len(result), "longest": longest},
        )
    return result or None


def _line(value: Any) -> str | None:
    result = _text(value, LONGEST[CustomField.Kind.TEXT])
    validate_single_line(result)
    return result


def _lines(value: Any) -> str | None:
    result = _text(value, LONGEST[CustomField.Kind.LONG_TEXT])
    validate_multi_line(result)
    return result


def _address(value: Any) -> str | None:
    result = _text(value, LONGEST[CustomField.Kind.URL])
    validate_single_line(result)
    if result:
        try:
            _is_address(result)
        except ValidationError:
            raise ValidationError(_("Enter a web address, such as https://example.com.")) from None
    return result


def _number(value: Any) -> str:
    try:
        result = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value).strip())
    except InvalidOperation:
        result = Decimal("NaN")
    if not result.is_finite():
        raise ValidationError(_("Enter a number."))
    if result.copy_abs() >= Decimal(10) ** WHOLE_DIGITS:
        raise ValidationError(_("Enter a number with %(digits)s digits at most."), params={"digits": WHOLE_DIGITS})
    if result != round(result, DECIMAL_PLACES):
        raise ValidationError(_("Enter %(places)s decimal places at most."), params={"places": DECIMAL_PLACES})
    return format((result + 0).normalize(), "f")


def _day(value: Any) -> str:
    try:
        result = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        result = None
    if not isinstance(result, date) or isinstance(result, datetime):
        raise ValidationError(_("Enter a date, such as 2027-01-31."))
    return result.isoformat()


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValidationError(_("Choose yes or no."))
    return value


def _choice(value: Any, among: Collection[str]) -> str:
    if not isinstance(value, str) or value not in among:
        raise ValidationError(_("“%(choice)s” is not one of the choices."), params={"choice": str(value)[:60]})
    return value


def _choices(value: Any, among: Collection[str]) -> list[str]:
    if not isinstance(value, list | tuple):
        raise ValidationError(_("Choose from the list."))
    chosen = {_choice(each, among) for each in value}
    return [each for each in dict.fromkeys(among) if each in chosen]


_READERS: Mapping[CustomField.Kind, Callable[[Any], Any]] = {
    CustomField.Kind.TEXT: _line,
    CustomField.Kind.LONG_TEXT: _lines,
    CustomField.Kind.NUMBER: _number,
    CustomField.Kind.DATE: _day,
    CustomField.Kind.FLAG: _flag,
    CustomField.Kind.URL: _address,
}


def told(field: CustomField | None, value: Any) -> str:
    """A kept value in words; what was kept by a field that is gone, or was of another kind then, as it is."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if field is not None and field.kind == CustomField.Kind.DATE:
        try:
            return written(date.fromisoformat(value), DateTimeForm.DAY)
        except ValueError:
            return str(value)
    return str(value)


def joined(record: Model, given: Mapping[str, Any]) -> dict[str, Any]:
    """A record's own values with these in their places."""
    return {**_values_of(record), **given}


def differences(before: Model, after: Model) -> dict[str, tuple[Any, Any]]:
    """What changed among a record's own values, before and after, by the fields' slots."""
    had, has = _values_of(before), _values_of(after)
    keys: Iterable[str] = dict.fromkeys((*had, *has))
    return {f"{PREFIX}{key}": (had.get(key), has.get(key)) for key in keys if had.get(key) != has.get(key)}


def _values_of(record: Model) -> Mapping[str, Any]:
    return record.custom if isinstance(record, DescribedRecord) else {}
