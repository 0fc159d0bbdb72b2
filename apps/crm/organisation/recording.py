"""Writing the records of an organisation, type by type: what is linked to comes before what links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import SimpleNamespace
from typing import Any

from apps.access import records
from apps.accounts.models import Account
from apps.crm.models import PREFIXES, ReferenceCounter
from apps.crm.organisation import bulk
from apps.crm.organisation.contents import RecordLine
from apps.crm.organisation.entries import Entries
from apps.crm.organisation.fields import Kind, RecordField, about_columns, fields_of
from apps.crm.organisation.progress import Progress

BATCH = 1_000
ORDER = ("company", "contact", "lead", "opportunity", "task", "activity")
# A reference with more digits was not counted up to, and there must be room for the next number.
_COUNTED_DIGITS = 12


class RecordWriter:
    """Writes the records of a new account, whose users, branches and pipelines are there already."""

    def __init__(
        self,
        account: Account,
        users: Mapping[str, int],
        branches: Mapping[str, int],
        entries: Entries,
        now: datetime,
    ) -> None:
        self._account = account
        self._users = users
        self._branches = branches
        self._entries = entries
        self._now = now
        self._ids: dict[tuple[str, str], int] = {}

    def write(self, lines: Sequence[RecordLine], progress: Progress) -> Mapping[tuple[str, str], int]:
        """The ids of the new records, by type and reference."""
        for record_type in ORDER:
            mine = [line for line in lines if line.type == record_type]
            if not mine:
                continue
            self._entries.make(mine)
            model = records.model_of(record_type)
            defaults = bulk.defaults_of(model) | {"account_id": self._account.pk, "updated_at": self._now}
            for batch in _batches(mine):
                made = bulk.insert(model, [defaults | self._columns(line) for line in batch], "reference")
                self._ids.update(((record_type, reference), key) for reference, key in made)
                progress(len(self._ids), len(lines))
        self._begin_counters(lines)
        return self._ids

    def _columns(self, line: RecordLine) -> dict[str, Any]:
        """What the line says, as columns of its type's table."""
        fields = fields_of(line.type)
        created_at = line.created_at or self._now
        columns = {
            "branch_id": self._branches[line.branch],
            "reference": line.ref,
            "name": line.name,
            "responsible_id": self._users[line.responsible] if line.responsible else None,
            "created_by_id": self._users[line.created_by] if line.created_by else None,
            "created_at": created_at,
            **{
                field.column: self._column(field, line)
                for field in (fields[key] for key in line.values)
                if field.kind is not Kind.LIST
            },
        }
        if line.about is not None:
            columns[about_columns(line.type)[line.about[0]]] = self._ids[line.about]
        if columns.get("done"):
            columns.setdefault("done_at", max(created_at, self._now))
        if line.type == "activity":
            columns.setdefault("happened_at", created_at)
        for amount in ("amount", "value"):
            if amount in columns:
                columns.setdefault(f"{amount}_currency", self._account.currency)
        for field in fields.values():
            if field.normalise is not None and field.column in columns:
                columns[field.column] = field.normalise(columns[field.column], SimpleNamespace(**columns))
        return columns

    def _column(self, field: RecordField, line: RecordLine) -> Any:
        value = line.values[field.key]
        if field.kind is Kind.RECORD:
            return self._ids[field.to.record_type, value]
        if field.kind is Kind.USER:
            return self._users[value]
        if field.kind is Kind.ENTRY:
            return self._entries.id(field, line)
        return value

    def _begin_counters(self, lines: Iterable[RecordLine]) -> None:
        """Let new references come after those of the file. A new account has no counters yet."""
        last: dict[str, int] = {}
        for line in lines:
            prefix, _, number = line.ref.partition("-")
            if (
                prefix == PREFIXES[line.type]
                and number.isascii()
                and number.isdigit()
                and len(number) <= _COUNTED_DIGITS
            ):
                last[line.type] = max(last.get(line.type, 0), int(number))
        ReferenceCounter.objects.bulk_create(
            ReferenceCounter(account=self._account, record_type=record_type, last=number)
            for record_type, number in last.items()
        )


def _batches(lines: Iterable[RecordLine]) -> Iterator[list[RecordLine]]:
    iterator = iter(lines)
    while batch := list(islice(iterator, BATCH)):
        yield batch
