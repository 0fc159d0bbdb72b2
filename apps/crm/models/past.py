"""A record as it was: later changes in the plain history are undone, in memory only.

Only what the rules look at is taken back: branch, responsible, creator, privacy, and what the record is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apps.access.records import AsOf, HistoryUnknown, Record, model_of
from apps.crm.models.history import Change
from apps.roles import catalogue


def ruled_fields(model: type[Record]) -> list[str]:
    """The fields that the rules look at; their columns are all that a deletion leaves of a record."""
    private = ["private"] if "private" in {field.name for field in model._meta.concrete_fields} else []
    return ["branch", "responsible", "created_by", *private, *model.about_fields]


def as_of(model: type[Record], account_id: int, reference: str, at: datetime) -> AsOf:
    """The record of that reference at the moment, with all that it was about, and what that is known from.

    Raises:
        Untold: it was not there then, or its history does not tell how it was.
    """
    changes = Change.objects.filter(account=account_id, record_type=model.record_type, at__gt=at)
    record = model._default_manager.filter(account=account_id, reference=reference).first()
    later = list(changes.filter(reference=reference) if record is None else changes.filter(record_id=record.pk))
    if any(change.action == Change.Action.CREATED for change in later) or (record and record.created_at > at):
        raise HistoryUnknown(f"{reference} didn't exist yet: it was created after that time.")
    if record is None:
        record = _gone(model, account_id, reference, later)
        source = f"{reference} was deleted later. Its state comes from its history."
    else:
        source = f"{reference} has its current state: its history has no relevant later change."
    changed, links = _take_back(record, later)
    if changed and later[0].action != Change.Action.DELETED:
        source = f"{reference} has the state of that time: {', '.join(changed)} changed later."
    for name, kind in model.about_fields.items():
        about = links[name] if name in links else getattr(getattr(record, name), "reference", None)
        setattr(record, name, model_of(kind).as_of(account_id, about, at).record if about else None)
    if catalogue.record_type(model.record_type).follows_about and record.about is not None:
        record.branch_id = record.about.branch_id
    return AsOf(record, source)


def _gone(model: type[Record], account_id: int, reference: str, later: Iterable[Change]) -> Record:
    """Return the deleted record, rebuilt from its deletion, with everything that the rules look at."""
    for change in later:
        if change.action == Change.Action.DELETED and change.fields:
            record = model(account_id=account_id, reference=reference)
            record.pk = change.record_id
            return record
    raise HistoryUnknown(f"{reference} doesn't exist and has no history: it was deleted by then, or never existed.")


def _take_back(record: Record, later: Iterable[Change]) -> tuple[list[str], dict[str, str | None]]:
    """Set the plain fields to what they were; returns what was changed, and the references that links led to."""
    changed: dict[str, None] = {}
    links: dict[str, str | None] = {}
    ruled = ruled_fields(type(record))
    for change in later:
        for name, (before, _) in change.fields.items():
            if name not in ruled:
                continue
            changed[name.replace("_", " ")] = None
            if name == "private":
                record.private = before
            elif name in record.about_fields:
                links[name] = before and before["reference"]
            else:
                setattr(record, f"{name}_id", _key(record, name, before))
    return list(changed), links


def _key(record: Record, name: str, before: Any) -> int | None:
    if isinstance(before, str):
        raise HistoryUnknown(f"The state of {record.reference} is unknown: its history has the {name} by name only.")
    return None if before is None else int(before["id"])
