"""Who reaches which records, for very many people at once: pairs of a person and a record, with the reaches between.

The reaches of section 2 of the access model as one query over records, whatever anybody's scope is: a pair carries a
number of all the reaches by which the person could see the record, and, where the record lives within another, of all
those by which they could see that one. What nobody could reach but by `all` is in no pair.
"""

# ruff: noqa: S608 - the SQL is Django's and our own; what comes from outside is a parameter
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Case, QuerySet, Value, When

from apps.access import records, shares
from apps.access.records import Record
from apps.changes.previews.temp_tables import compiled
from apps.roles import catalogue
from apps.roles.scopes import Scope
from apps.teams.models import Team, TeamMember

Statement = tuple[str, tuple[Any, ...]]
EVERY = Scope.CREATED | Scope.RESPONSIBLE | Scope.SHARED | Scope.TEAM


def within(model: type[Record]) -> list[tuple[str | None, str | None]]:
    """The fields through which such a record lives within another, with the types of those; else one pair of None."""
    if catalogue.record_type(model.record_type).follows_about:
        return list(model.about_fields.items())
    return [(None, None)]


def source(rows: QuerySet[Any], field: str | None) -> Statement | None:
    """The records as SQL, with what the reaches look at; of those within others, those that are so by this field."""
    model = rows.model
    open_work: Any = Value(True)
    if model.still_to_do:
        open_work = Case(When(model.still_to_do, then=Value(True)), default=Value(False), output_field=BooleanField())
    about = "pk" if field is None else f"{field}_id"
    if field is not None:
        rows = rows.filter(**{f"{field}__isnull": False})
    rows = rows.order_by().annotate(open_work=open_work)
    columns = ["pk", "branch_id", "created_by_id", "responsible_id", "open_work"]
    found = compiled(rows.values_list(*columns, about))
    if found is None:
        return None
    sql, parameters = found
    return f"SELECT * FROM ({sql}) AS s (id, branch_id, created_by_id, responsible_id, open_work, about_id)", parameters


def pairs(model: type[Record], about: str | None, rows: Statement, reaches: Scope = EVERY) -> Statement:
    """SQL for (user_id, id, branch_id, open_work, own, about) of these records (see `source`), by these reaches."""
    sql, parameters = rows
    arms = [f"SELECT user_id, {int(r)}, 0 FROM ({arm}) AS r" for r, arm in _arms("x", model.record_type) if r & reaches]
    joined = ""
    if about is not None:
        joined = f" JOIN {_table(records.model_of(about))} AS y ON y.id = x.about_id"
        arms += [f"SELECT user_id, 0, {int(r)} FROM ({arm}) AS r" for r, arm in _arms("y", about) if r & reaches]
    return (
        f"SELECT c.user_id, x.id, x.branch_id, x.open_work, c.own, c.about FROM ({sql}) AS x{joined}"
        " CROSS JOIN LATERAL (SELECT user_id, bit_or(own) AS own, bit_or(about) AS about"
        f" FROM ({' UNION ALL '.join(arms)}) AS a (user_id, own, about) GROUP BY user_id) AS c",
        parameters,
    )


def _arms(x: str, record_type: str) -> Iterator[tuple[Scope, str]]:
    """For each reach a query of the users who are within it."""
    team, place = _table(Team), _table(TeamMember)
    here = f"t.branch_id = {x}.branch_id"
    yield Scope.CREATED, f"SELECT {x}.created_by_id AS user_id WHERE {x}.created_by_id IS NOT NULL"
    yield Scope.RESPONSIBLE, f"SELECT {x}.responsible_id AS user_id WHERE {x}.responsible_id IS NOT NULL"
    yield (
        Scope.TEAM,
        f"SELECT m.user_id FROM {place} r JOIN {team} t ON t.id = r.team_id AND {here}"
        f" JOIN {place} m ON m.team_id = t.id WHERE r.user_id = {x}.responsible_id",
    )
    if (tables := shares.tables(record_type)) is not None:
        users, teams = (_table(table) for table in tables)
        this = f"s.content_object_id = {x}.id AND s.permission_id = {shares.permission_id(f'view_{record_type}')}"
        yield Scope.SHARED, f"SELECT s.user_id FROM {users} s WHERE {this}"
        yield (
            Scope.SHARED,
            f"SELECT m.user_id FROM {teams} s JOIN {team} t ON t.group_id = s.group_id AND {here}"
            f" JOIN {place} m ON m.team_id = t.id WHERE {this}",
        )


def _table(model: type[Any]) -> str:
    return connection.ops.quote_name(str(model._meta.db_table))
