"""The log of a server: its rows, from the tables that the application's own names lead to, as of one moment.

The server is trusted with nothing but to hand out its rows. They are read as the application reads them: where the
search path leads to other tables, or a view stands in a table's place, those rows are the ones that are verified.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connections, router, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from apps.audit.copying import values
from apps.audit.findings import AccountReport, Key
from apps.audit.models import Link
from apps.audit.rows import LINK, OPERATION, TABLES, Row, Table
from apps.audit.walking import Verification

# Called with the number of steps done and of all steps.
Progress = Callable[[int, int], None]
# Rows between two steps.
STEP = 5_000

WIDTHS = {table.name: len(table.columns) for table in TABLES}
WIDTH = max(WIDTHS.values())

# How values are written. With no schema but PostgreSQL's own in the path, no function or operator of another one is
# ever called, whatever the settings of the database and of the role are.
SETTINGS = {
    "search_path": "pg_catalog, pg_temp",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, YMD",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "transaction_read_only": "on",
}
# Asked before the path is set, so everything in it is qualified.
LOCATE = "SELECT {}".format(", ".join(f"pg_catalog.to_regclass('{table.name}')::pg_catalog.oid" for table in TABLES))
NAME = (
    "SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = %s"
)
COLUMNS = (
    "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
    " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A relation of the database that stands for a table of the log; `columns` by name, with their types."""

    oid: int
    schema: str
    name: str
    columns: dict[str, str]


# Where each table is, by name.
Places = dict[str, Place]


def verify(
    account_id: int | None = None, *, wanted: Collection[Key] = (), progress: Progress | None = None
) -> list[AccountReport]:
    """Verify one account's chain, or every chain, and report on each in the order of the accounts' ids.

    An account for which nothing was ever written has no report. One statement reads all rows, and links are committed
    together with what they seal, so writers may go on meanwhile. `wanted` as in `Verification`. Raises a DatabaseError
    where the server refuses to hand out the rows.
    """
    verification = Verification(account_id, wanted)
    with pinned() as (cursor, places):
        queries = [_query(table, places, account_id) for table in TABLES if table.name in places]
        # Two more steps for what comes after the rows.
        steps = _count(cursor, queries) // STEP + 2 if progress else 0
        if queries:
            for number, (table, row) in enumerate(_rows(cursor, queries), start=1):
                verification.add(table, row)
                if progress and not number % STEP:
                    progress(min(number // STEP, steps - 2), steps)
    if progress:
        progress(steps - 1, steps)
    reports = verification.reports()
    if progress:
        progress(steps, steps)
    return reports


@contextmanager
def pinned() -> Iterator[tuple[CursorWrapper, Places]]:
    """Read with fixed settings inside the block, which are undone at its end; yields a cursor, and where the log is."""
    connection = connections[router.db_for_read(Link) or "default"]
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(LOCATE)
        found = cursor.fetchone()
        for setting in SETTINGS.items():
            cursor.execute("SELECT pg_catalog.set_config(%s, %s, true)", setting)
        yield (
            cursor,
            {table.name: _place(cursor, oid) for table, oid in zip(TABLES, found, strict=True) if oid is not None},
        )
        transaction.set_rollback(True, using=connection.alias)


def _place(cursor: CursorWrapper, oid: int) -> Place:
    cursor.execute(NAME, [oid])
    schema, name = cursor.fetchone()
    cursor.execute(COLUMNS, [oid])
    return Place(oid, schema, name, dict(cursor.fetchall()))


def _query(table: Table, places: Places, account_id: int | None) -> sql.Composed:
    """Selects the table's name and its columns as text, NULL for a column that is not there."""
    place = places[table.name]
    columns = [
        sql.SQL("CAST({} AS text)").format(sql.Identifier(column)) if column in place.columns else sql.SQL("NULL::text")
        for column in table.columns
    ]
    padding = [sql.SQL("NULL::text")] * (WIDTH - len(columns))
    return sql.SQL("SELECT {}, {} FROM {}{}").format(
        sql.Literal(table.name),
        sql.SQL(", ").join(columns + padding),
        sql.Identifier(place.schema, place.name),
        _condition(table, places, account_id),
    )


def _condition(table: Table, places: Places, account_id: int | None) -> sql.Composable:
    """Which rows concern the account: all, where none is named. A column of another type is compared as text."""
    if account_id is None:
        return sql.SQL("")
    if table is not OPERATION:
        return sql.SQL(" WHERE {}").format(_equals(places[table.name], "account_id", account_id))
    if LINK.name not in places or {"operation_id", "account_id"} - places[LINK.name].columns.keys():
        return sql.SQL("")
    link = places[LINK.name]
    plain = places[table.name].columns.get("id") == link.columns["operation_id"] == "bigint"
    compared = "id IN (SELECT operation_id" if plain else "CAST(id AS text) IN (SELECT CAST(operation_id AS text)"
    return sql.SQL(f" WHERE {compared} FROM {{}} WHERE {{}})").format(
        sql.Identifier(link.schema, link.name), _equals(link, "account_id", account_id)
    )


def _equals(place: Place, column: str, value: int) -> sql.Composed:
    kind = place.columns.get(column)
    if kind is None:
        return sql.SQL("true").format()
    plain = "{} = {}" if kind == "bigint" else "CAST({} AS text) = CAST({} AS text)"
    return sql.SQL(plain).format(sql.Identifier(column), sql.Literal(value))


def _count(cursor: CursorWrapper, queries: list[sql.Composed]) -> int:
    cursor.execute(sql.SQL("SELECT count(*) FROM ({}) AS written").format(sql.SQL(" UNION ALL ").join(queries)))
    return int(cursor.fetchone()[0])


def _rows(cursor: CursorWrapper, queries: list[sql.Composed]) -> Iterator[tuple[str, Row]]:
    statement = sql.SQL("COPY ({}) TO STDOUT").format(sql.SQL(" UNION ALL ").join(queries))
    with cursor.copy(statement) as lines:
        for line in lines:
            table, *row = values(bytes(line))
            yield str(table), row[: WIDTHS[str(table)]]
