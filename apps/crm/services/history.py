"""The records' plain history: written with each change, read through the reader's own eyes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from djmoney.money import Money

from apps.access.operators import log_write
from apps.access.querysets import visible_to
from apps.access.records import Record
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.accounts.models import Account, User
from apps.crm.models import Change, CrmRecord, CustomField, OpportunityStatus
from apps.crm.models.customfields import PREFIX
from apps.crm.services import customvalues

Fields = Mapping[str, tuple[Any, Any]]
"""Before and after, by the name of the changed field."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One changed field as text."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change as its reader may see it."""

    at: datetime
    actor_name: str
    action: str
    lines: tuple[FieldChange, ...]


def remember(record: CrmRecord, action: Change.Action, *, actor: User, fields: Fields | None = None) -> None:
    """Write one entry of the record's history, in the transaction of the change; an operator's is logged too."""
    remember_all([record], action, actor=actor, fields=fields)
    log_write(actor, record, action.value)


def remember_all(
    changed: Iterable[CrmRecord], action: Change.Action, *, actor: User, fields: Fields | None = None
) -> None:
    """Write the same entry of the history of each of these records, in one statement."""
    stored = {name: [_stored(before), _stored(after)] for name, (before, after) in (fields or {}).items()}
    Change.objects.bulk_create(
        Change(
            account_id=record.account_id,
            record_type=record.record_type,
            record_id=record.pk,
            reference=record.reference,
            actor=actor,
            actor_name=str(actor),
            action=action,
            fields=stored,
        )
        for record in changed
    )


def history_of(record: CrmRecord, *, reader: User, limit: int = 100) -> list[HistoryEntry]:
    """What was done to a record that the reader may view, newest first.

    A link to what the reader may not view reads as no link; lines and changes that then say nothing are left out.
    """
    changes = list(
        Change.objects.filter(account=record.account_id, record_type=record.record_type, record_id=record.pk)[:limit]
    )
    names = _visible_names(changes, reader, record.account)
    own = _own_fields(record, changes)
    entries = (
        HistoryEntry(
            change.at, change.actor_name, change.get_action_display(), tuple(_lines(record, change, names, own))
        )
        for change in changes
    )
    return [entry for entry in entries if entry.lines or entry.action != str(Change.Action.CHANGED.label)]


def _stored(value: Any) -> Any:
    """The value as JSON keeps it. Of a linked record only what it is called by everybody: its reference."""
    if isinstance(value, Record):
        return {"type": value.record_type, "id": value.pk, "reference": value.reference}
    if isinstance(value, Money):
        return f"{value.amount} {value.currency}"
    if isinstance(value, OpportunityStatus):
        return {"id": value.pk, "name": value.name, "pipeline": value.pipeline.name}
    if isinstance(value, models.Model):
        return {"id": value.pk, "name": str(value)}
    if isinstance(value, date):
        return value.isoformat()
    return value


def _visible_names(changes: Iterable[Change], reader: User, account: Account) -> dict[tuple[str, int], str]:
    wanted: dict[str, set[int]] = defaultdict(set)
    for change in changes:
        for value in (value for pair in change.fields.values() for value in pair):
            if isinstance(value, dict) and "type" in value:
                wanted[value["type"]].add(value["id"])
    return {
        (record_type, linked.pk): str(linked)
        for record_type, ids in wanted.items()
        for linked in visible_to(reader, f"view_{record_type}", account=account).filter(pk__in=ids)
    }


def _own_fields(record: CrmRecord, changes: Iterable[Change]) -> dict[str, CustomField]:
    """The account's own fields by their slots, where a change tells of one."""
    if not any(name.startswith(PREFIX) for change in changes for name in change.fields):
        return {}
    return {field.slot: field for field in customvalues.fields_of(record.account_id, record.record_type)}


def _lines(
    record: CrmRecord, change: Change, names: Mapping[tuple[str, int], str], own: Mapping[str, CustomField]
) -> Iterable[FieldChange]:
    for name, pair in change.fields.items():
        if name.startswith(PREFIX):
            yield _own_line(name, pair, own.get(name))
            continue
        field = record._meta.get_field(name)
        before, after = (_shown(field, value, names) for value in _placed(pair))
        if before != after:
            label = str(getattr(field, "verbose_name", name))
            yield FieldChange(label[:1].upper() + label[1:], before, after)


def _placed(pair: Sequence[Any]) -> Sequence[Any]:
    """Before and after; a status that is in another pipeline than the other one is named with its own."""
    before, after = (value.get("pipeline") if isinstance(value, dict) else None for value in pair)
    if before == after:
        return pair
    return [
        {**value, "name": f"{pipeline}: {value['name']}"} if pipeline else value
        for value, pipeline in zip(pair, (before, after), strict=True)
    ]


def _own_line(slot: str, pair: Iterable[Any], field: CustomField | None) -> FieldChange:
    """A changed value of a field of the account's own; one that has been deleted since is called by its key."""
    label = field.name if field else slot.removeprefix(PREFIX).replace("_", " ").capitalize()
    before, after = (customvalues.told(field, value) for value in pair)
    return FieldChange(label, before, after)


def _shown(field: Any, value: Any, names: Mapping[tuple[str, int], str]) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return str(value["name"]) if "name" in value else names.get((value["type"], value["id"]), "")
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(field, models.DateTimeField):
        return written(datetime.fromisoformat(value), DateTimeForm.MOMENT)
    if isinstance(field, models.DateField):
        return written(date.fromisoformat(value), DateTimeForm.DAY)
    return str(dict(field.flatchoices).get(value, value))
