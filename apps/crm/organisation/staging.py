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
        self._columns = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
        self._keys = [sql.Identifier(key) for key in keys]
        self._rows: list[Sequence[Any]] = []
        self._run(sql.SQL("CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS {definition}"), definition=definition)

    def add(self, row: Sequence[Any]) -> None:
        """Take a row; it is in the table once there are many, or at `finish`."""
        self._rows.append(row)
        if len(self._rows) == BATCH:
            self._flush()

    def finish(self) -> None:
        """Let the table be searched."""
        self._flush()
        indexes = [sql.SQL("CREATE INDEX ON {} ({});").format(self.name, key) for key in self._keys]
        self._run(sql.SQL("{indexes} ANALYZE {table}"), indexes=sql.Composed(indexes))

    def _flush(self) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(self.name, self._columns)
        with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in self._rows:
                copy.write_row(row)
        self._rows.clear()

    def _run(self, statement: sql.SQL, **parts: sql.Composable) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table=self.name, **parts))


def drop(stages: Iterable[Stage]) -> None:
    """Let the tables go before the transaction ends: another import in it makes its own."""
    names = [stage.name for stage in stages]
    if names:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(names)))
