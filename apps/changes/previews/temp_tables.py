"""What a preview keeps while it looks: tables of ids that go with the transaction.

Records that the change itself touches (handed over, moved, shared) are noted before it is made: which they are, whether
the actor may be told of them, and who sees them. They can be very many, so they stay in the database.
"""

# ruff: noqa: S608 - the SQL is Django's and our own; what comes from outside is a parameter
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from apps.access import records
from apps.access.facts import Facts
from apps.access.mandate import Mandate
from apps.access.querysets import can_be_private, privacy_q, visible
from apps.access.records import Record
from apps.roles import catalogue

TABLES = """
CREATE TEMPORARY TABLE mandate_touched (
    record_type text, round integer, id bigint, branch_id bigint, responsible_id bigint, told boolean, own boolean,
    PRIMARY KEY (record_type, id)
) ON COMMIT DROP;
CREATE TEMPORARY TABLE mandate_seen (
    user_id bigint, record_type text, id bigint, PRIMARY KEY (record_type, id, user_id)
) ON COMMIT DROP
"""


class TempTables:
    """The records that a change touches. `actor` is the Mandate of the one who is told of them, before it is made."""

    def __init__(self, actor: Mandate) -> None:
        self.actor = actor
        self.types: dict[str, type[Record]] = {}
        self.round = 0
        facts = Facts(0, active=True, operator=False, account=actor.facts.account, parent=None, memberships={})
        self._nobody = Mandate(facts, actor.now)

    def touch(self, model: type[Record], condition: Q) -> None:
        """Note these records; those that were noted before stay as they were noted."""
        if not self.types:
            execute(TABLES)
        name = model.record_type
        rows = model._default_manager.filter(condition, account=self.actor.account_id).order_by()
        columns = "record_type, round, id, branch_id, responsible_id"
        stated = [name, self.round]
        insert(f"mandate_touched ({columns})", stated, rows.values_list("pk", "branch_id", "responsible_id"))
        self._mark("told", name, self.told(model))
        self._mark("own", name, self.told(model, self.actor.user_id))
        self.types[name] = model

    def touch_everywhere(self, condition: Q) -> None:
        """Note the records of every type that satisfy a condition, and what lives within them."""
        for model in records.registered().values():
            self.touch(model, condition)
        self.follow()

    def follow(self) -> None:
        """Note what lives within the noted records, and what shares their privacy: it is seen as they are.

        A record is about records of types that were registered before its own.
        """
        for model in records.registered().values():
            within = catalogue.record_type(model.record_type).follows_about
            for name, about in model.about_fields.items():
                if about in self.types and (within or can_be_private(self.types[about])):
                    self.touch(model, Q(**{f"{name}__in": self.ids(about)}))

    def ids(self, record_type: str, column: str = "true", since: int = 0) -> RawSQL:
        """The ids of the noted records of a type; of those alone that are told of, where a column says so."""
        sql = f"SELECT id FROM mandate_touched WHERE record_type = %s AND {column} AND round >= %s"
        return RawSQL(sql, [record_type, since])  # noqa: S611

    def column(self, user_id: int) -> str:
        """What says whether a record counts for this user."""
        return "own" if user_id == self.actor.user_id else "told"

    def told(self, model: type[Record], user_id: int = 0) -> QuerySet[Any]:
        """The records that count for this user: those that the actor may view, and of private ones only their own."""
        rows = visible(self.actor, f"view_{model.record_type}", model.record_type).order_by()
        return rows if user_id == self.actor.user_id else rows.filter(privacy_q(self._nobody, model))

    def untouched(self, model: type[Record], user_id: int = 0) -> QuerySet[Any]:
        """Those of them that the change leaves as they are."""
        rows = self.told(model, user_id)
        if model.record_type not in self.types:
            return rows
        touched = "SELECT FROM mandate_touched t WHERE t.record_type = %s AND t.id = "
        sql = f"NOT EXISTS ({touched}{connection.ops.quote_name(model._meta.db_table)}.id)"
        return rows.filter(RawSQL(sql, [model.record_type], output_field=BooleanField()))  # noqa: S611

    def see(self, mandate: Mandate, since: int) -> None:
        """Note which of the records that were noted in this round, or since, somebody sees."""
        for name in self.types:
            rows = visible(mandate, f"view_{name}", name).order_by()
            seen = rows.filter(pk__in=self.ids(name, self.column(mandate.user_id), since))
            insert("mandate_seen (user_id, record_type, id)", [mandate.user_id, name], seen.values_list("pk"))

    def seen(self, record_type: str, user_id: int) -> RawSQL:
        """The ids of the noted records that this user saw."""
        sql = "SELECT id FROM mandate_seen WHERE record_type = %s AND user_id = %s"
        return RawSQL(sql, [record_type, user_id])  # noqa: S611

    def of_others(self, record_type: str, user_id: int) -> RawSQL:
        """The ids of the noted records that somebody else, or nobody, answered for."""
        sql = "SELECT id FROM mandate_touched WHERE record_type = %s AND responsible_id IS DISTINCT FROM %s"
        return RawSQL(sql, [record_type, user_id])  # noqa: S611

    def count_seen(self, record_type: str, user_id: int) -> int:
        """How many of the noted records this user saw."""
        sql = "SELECT count(*) FROM mandate_seen WHERE record_type = %s AND user_id = %s"
        ((count,),) = execute(sql, [record_type, user_id])
        return int(count)

    def _mark(self, column: str, record_type: str, rows: QuerySet[Any]) -> None:
        """Say of those that are new whether the actor may be told of them."""
        found = compiled(rows.values_list("pk"))
        sql, parameters = found or ("SELECT NULL::bigint", ())
        execute(
            f"UPDATE mandate_touched SET {column} = id IN ({sql}) WHERE record_type = %s AND {column} IS NULL",
            [*parameters, record_type],
        )


def compiled(rows: QuerySet[Any]) -> tuple[str, tuple[Any, ...]] | None:
    """The rows as SQL; None where there can be none."""
    try:
        sql, parameters = rows.query.sql_with_params()
    except EmptyResultSet:
        return None
    return sql, tuple(parameters)


def insert(target: str, constants: Sequence[Any], rows: QuerySet[Any]) -> None:
    """Write rows into a table, constants in front; those that are there already stay."""
    if (found := compiled(rows)) is not None:
        sql, parameters = found
        marks = ", ".join("%s" for _ in constants)
        statement = f"INSERT INTO {target} SELECT {marks}, found.* FROM ({sql}) AS found ON CONFLICT DO NOTHING"
        execute(statement, [*constants, *parameters])


def columns(rows: Iterable[Sequence[Any]], number: int) -> list[list[Any]]:
    """The rows as so many columns, each an array for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(number)]


def execute(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a statement; returns its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return [] if cursor.description is None else list(cursor.fetchall())
