"""Entries of the log in words: values before and after, column by column, with the names at that time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime, parse_time
from django.utils.translation import gettext as _

from apps.accounts.datetime_formats import DateTimeForm, written
from apps.audit.models import Entry
from apps.roles import catalogue
from apps.roles.scopes import Scope, ScopeField

# Columns that every row has and that tell a reader nothing.
UNTOLD = {"id", "account_id", "names", "token_digest"}
# Targets about one permission start with its codename, since the database doesn't know the label.
OF_SOMEBODY = re.compile(r"([a-z_]+)(?= of )")


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """One column of a row, before and after; `changed` if these differ."""

    label: str
    before: str
    after: str
    changed: bool


@dataclass(frozen=True, slots=True)
class EntryText:
    """One log entry in words: its target, what happened, and its columns, changed ones first."""

    entry: Entry
    about: str
    kind: str
    event: str
    lines: list[ColumnChange]


def image_of(entry: Entry) -> EntryText:
    """Return the entry in words."""
    model = _model_of(entry.target_type)
    before, after = entry.before or {}, entry.after or {}
    lines = []
    for column in dict.fromkeys([*before, *after]):
        if column in UNTOLD:
            continue
        field = _field_of(model, column)
        was, now = _text(field, column, before), _text(field, column, after)
        if was or now:
            differs = before.get(column) != after.get(column)
            lines.append(ColumnChange(_label(field, column), was, now, differs))
    whole = entry.before is None or entry.after is None
    event = "new" if entry.before is None else "gone" if entry.after is None else "changed"
    kind = str(model._meta.verbose_name) if model is not None else entry.target_type.rpartition(".")[2]
    ordered = lines if whole else sorted(lines, key=lambda line: not line.changed)
    return EntryText(entry, target_in_words(entry.target_text), kind.replace("_", " ").capitalize(), event, ordered)


def target_in_words(text: str) -> str:
    """Return the target of an entry with the permission's label instead of its codename."""
    found = OF_SOMEBODY.match(text)
    return _label_of(found[1]) + text[found.end() :] if found else text


def _label_of(codename: str) -> str:
    try:
        return catalogue.get(codename).label
    except catalogue.UnknownPermission:
        return codename


def value_in_words(field: Any, value: Any) -> str:
    """Return a column's value in words."""
    if value is None or value == "":
        return ""
    if isinstance(field, ScopeField):
        scope = value if isinstance(value, Scope) else Scope.parse(value)
        return scope.label
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(field, models.DateTimeField):
        moment = value if isinstance(value, datetime) else parse_datetime(str(value))
        return str(value) if moment is None else _moment(moment)
    if isinstance(field, models.TimeField):
        return written(parse_time(str(value)), DateTimeForm.TIME)
    if field is not None and getattr(field, "choices", None):
        return str(dict(field.flatchoices).get(value, value))
    if field is not None and field.name == "permission":
        return _label_of(str(value))
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _moment(moment: datetime) -> str:
    aware = moment if timezone.is_aware(moment) else moment.replace(tzinfo=timezone.get_current_timezone())
    return written(aware, DateTimeForm.MOMENT)


def _model_of(target_type: str) -> type[models.Model] | None:
    try:
        return apps.get_model(target_type)
    except (LookupError, ValueError):
        return None


def _field_of(model: type[models.Model] | None, column: str) -> Any:
    if model is None:
        return None
    return next((field for field in model._meta.concrete_fields if field.attname == column), None)


def _label(field: Any, column: str) -> str:
    text = str(field.verbose_name) if field is not None else column.replace("_", " ")
    return text[:1].upper() + text[1:]


def _text(field: Any, column: str, image: Mapping[str, Any]) -> str:
    if column not in image:
        return ""
    name = (image.get("names") or {}).get(field.name if field is not None else column)
    if name and (field is None or field.name != "permission"):
        return str(name)
    return value_in_words(field, name or image[column])
