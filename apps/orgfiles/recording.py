"""The records of an organisation: staged as the file has them, then written, what is linked to before what links."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from psycopg.types.json import Jsonb

from apps.accounts.models import Account
from apps.crm.models import PREFIXES, ReferenceCounter
from apps.orgfiles.contents import RecordLine
from apps.orgfiles.entries import Entries
from apps.orgfiles.fields import Kind, RecordField, about_columns, fields_of
from apps.orgfiles.progress import Steps
from apps.orgfiles.recordtables import RecordTable, ids_of

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
        self._last: dict[str, int] = {}
        self.tables = {record_type: RecordTable(record_type) for record_type in ORDER}

    def stage(self, place: int, line: RecordLine, *, sound: bool) -> None:
        """Take the line at that place. Of one that is not `sound` only what other lines can ask of it."""
        self.tables[line.type].add(place, line.ref, self._columns(line) if sound else self._links(line))
        self._count(line)

    def write(self, steps: Steps) -> None:
        """Write what is staged, and let new references come after those of the file."""
        for record_type, ids in ids_of(self.tables.values()).items():
            for number in self.tables[record_type].insert(self._account, self._now, ids, self.tables):
                steps.more(number)
        # A new account has no counters yet.
        ReferenceCounter.objects.bulk_create(
            ReferenceCounter(account=self._account, record_type=record_type, last=number)
            for record_type, number in self._last.items()
        )

    def _links(self, line: RecordLine) -> dict[str, Any]:
        fields = fields_of(line.type)
        links = {fields[key].column: value for key, value in line.values.items() if fields[key].kind is Kind.RECORD}
        if line.about is not None and line.about[0] in about_columns(line.type):
            links[about_columns(line.type)[line.about[0]]] = line.about[1]
        return {"branch_id": self._branches.get(line.branch), **links}

    def _columns(self, line: RecordLine) -> dict[str, Any]:
        """What the line says, as columns of its type's table."""
        fields = fields_of(line.type)
        created_at = line.created_at or self._now
        columns = {
            "branch_id": self._branches[line.branch],
            "name": line.name,
            "responsible_id": self._users[line.responsible] if line.responsible else None,
            "created_by_id": self._users[line.created_by] if line.created_by else None,
            "created_at": created_at,
        }
        for key, value in line.values.items():
            field = fields[key]
            if field.kind is not Kind.LIST:
                columns[field.column] = self._column(field, value, line)
        if line.about is not None:
            columns[about_columns(line.type)[line.about[0]]] = line.about[1]
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

    def _column(self, field: RecordField, value: Any, line: RecordLine) -> Any:
        if field.kind is Kind.USER:
            return self._users[value]
        if field.kind is Kind.ENTRY:
            return self._entries.id(field, line)
        return Jsonb(value) if isinstance(value, dict) else value

    def _count(self, line: RecordLine) -> None:
        prefix, _, number = line.ref.partition("-")
        if prefix == PREFIXES[line.type] and number.isascii() and number.isdigit() and len(number) <= _COUNTED_DIGITS:
            self._last[line.type] = max(self._last.get(line.type, 0), int(number))
