"""The temporary table of each type of record in a file, and what the types' own tables get from it.

A staged record has its new id, and where another record is linked, that one's reference in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection
from psycopg import sql
from psycopg.types.json import Jsonb

from apps.access import records
from apps.accounts.models import Account
from apps.orgfiles.fields import Kind, about_columns, fields_of
from apps.orgfiles.staging import Stage

# Rows for each INSERT; progress is reported between two of them.
INSERTED = 10_000
_STATED_OTHERWISE = frozenset({"account_id", "updated_at", "reference"})
_PLACE = sql.SQL('0::bigint AS place, id, reference COLLATE "C" AS reference')
_DEFINITION = (
    "SELECT {columns} FROM {into} WITH NO DATA;"
    " ALTER TABLE {table} ALTER id SET DEFAULT nextval(pg_get_serial_sequence({name}, 'id'))"
)
_JOIN = sql.SQL(" LEFT JOIN {0} {1} ON {1}.reference = staged.{2}")
_INSERT = sql.SQL(
    "INSERT INTO {into} (id, account_id, updated_at, reference, {columns}) "
    "SELECT staged.id, {account}, {now}, staged.reference, {values} FROM {table} staged{joins} "
    "WHERE staged.id >= {first} AND staged.id < {last} ORDER BY staged.id"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A column that holds another record: which type that has, and by which key the file says it."""

    column: str
    to: str
    key: str


@cache
def links_of(record_type: str) -> tuple[Link, ...]:
    """The links of a type's records to others, what they are about among them."""
    linked = (field for field in fields_of(record_type).values() if field.kind is Kind.RECORD)
    fields = [Link(field.column, field.to.record_type, field.key) for field in linked]
    return (*fields, *(Link(column, to, "about") for to, column in about_columns(record_type).items()))


def defaults_of(record_type: str) -> Mapping[str, Any]:
    """The columns that a file says, each with what stands in it where the file is silent."""
    fields = records.model_of(record_type)._meta.concrete_fields
    columns = {str(field.column): field.get_default() for field in fields if not field.primary_key}
    return {
        column: Jsonb(value) if isinstance(value, dict) else value
        for column, value in columns.items()
        if column not in _STATED_OTHERWISE
    }


class RecordTable:
    """The records of one type in a file."""

    def __init__(self, record_type: str) -> None:
        self.record_type = record_type
        self.links = links_of(record_type)
        self._defaults = defaults_of(record_type)
        self._columns = tuple(self._defaults)
        self._into = sql.Identifier(records.model_of(record_type)._meta.db_table)
        self.stage = Stage(
            f"import_{record_type}",
            self._definition(),
            ("place", "reference", *self._columns),
            ("id", "reference"),
        )

    @property
    def name(self) -> sql.Identifier:
        """The temporary table."""
        return self.stage.name

    @property
    def has_private(self) -> bool:
        """Whether such records can be private."""
        return "private" in self._defaults

    def _definition(self) -> sql.Composable:
        linked = {link.column for link in self.links}
        columns = [
            sql.SQL("''::text COLLATE \"C\" AS {0}" if column in linked else "{0}").format(sql.Identifier(column))
            for column in self._columns
        ]
        return sql.SQL(_DEFINITION).format(
            columns=sql.SQL(", ").join([_PLACE, *columns]),
            into=self._into,
            table=sql.Identifier(f"import_{self.record_type}"),
            name=sql.Literal(self._into.as_string()),
        )

    def add(self, place: int, reference: str, columns: Mapping[str, Any]) -> None:
        """Stage a record: its index in the file, its reference, and its columns, with references in the links."""
        values = [columns.get(name, default) for name, default in self._defaults.items()]
        self.stage.add((place, reference, *values))

    def insert(self, account: Account, now: datetime, ids: range, tables: Mapping[str, RecordTable]) -> Iterator[int]:
        """Write the records, whose ids are in this range, with links to those in the tables of all types.

        Yields how many each statement wrote.
        """
        linked = {link.column for link in self.links}
        plain = [sql.Identifier(column) for column in self._columns if column not in linked]
        joins = [_JOIN.format(tables[link.to].name, _alias(link), sql.Identifier(link.column)) for link in self.links]
        values = [sql.SQL("staged.{}").format(column) for column in plain]
        values += [sql.SQL("{}.id").format(_alias(link)) for link in self.links]
        parts = {
            "table": self.name,
            "into": self._into,
            "columns": sql.SQL(", ").join([*plain, *(sql.Identifier(link.column) for link in self.links)]),
            "values": sql.SQL(", ").join(values),
            "joins": sql.Composed(joins),
            "account": sql.Literal(account.pk),
            "now": sql.Literal(now),
        }
        with connection.cursor() as cursor:
            for first in ids[::INSERTED]:
                last = sql.Literal(first + INSERTED)
                cursor.execute(_INSERT.format(first=sql.Literal(first), last=last, **parts))
                yield cursor.rowcount


def ids_of(tables: Iterable[RecordTable]) -> dict[str, range]:
    """The range in which the ids of each type's staged records are; none of a type that has no records."""
    arms = [
        sql.SQL("SELECT {}, min(id), max(id) FROM {}").format(sql.Literal(table.record_type), table.name)
        for table in tables
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(arms))
        return {kind: range(first, last + 1) for kind, first, last in cursor.fetchall() if first is not None}


def _alias(link: Link) -> sql.Identifier:
    return sql.Identifier(f"of_{link.column}")
