"""Lines of a file in a temporary table, so that what needs a view of the whole file is asked of the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from psycopg import sql

BATCH = 2_000


class Stage:
    """A temporary table that is filled by COPY, and is gone with the transaction at the latest."""

    def __init__(self, table: str, definition: sql.Composable, columns: Sequence[str], keys: Sequence[str]) -> None:
        """`definition` is what the table is created by; rows have `columns`; the table is searched by its `keys`."""
        self.name = sql.Identifier(table)
        self.definition = definition
        self.keys = [sql.Identifier(key) for key in keys]
        self._columns = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
        self._rows: list[Sequence[Any]] = []

    def add(self, row: Sequence[Any]) -> None:
        """Take a row; it is in the table once there are many, or once the table is made ready."""
        self._rows.append(row)
        if len(self._rows) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what has been taken."""
        if not self._rows:
            return
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(self.name, self._columns)
        with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in self._rows:
                copy.write_row(row)
        self._rows.clear()


def create(stages: Iterable[Stage]) -> None:
    """Make the tables."""
    statement = sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS {};")
    _run(statement.format(stage.name, stage.definition) for stage in stages)


def make_ready(stages: Sequence[Stage]) -> None:
    """All rows are there: let the tables be searched."""
    for stage in stages:
        stage.flush()
    index = sql.SQL("CREATE INDEX ON {} ({});")
    _run(index.format(stage.name, key) for stage in stages for key in stage.keys)
    _run(sql.SQL("ANALYZE {};").format(stage.name) for stage in stages)


def drop(stages: Iterable[Stage]) -> None:
    """Let the tables go before the transaction ends: another import in it makes its own."""
    _run(sql.SQL("DROP TABLE {};").format(stage.name) for stage in stages)


def _run(statements: Iterable[sql.Composable]) -> None:
    """Run these statements at once."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" ").join(statements))
