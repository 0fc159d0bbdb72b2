"""A change of access, as the rows that it changes: each before and after.

It is what a change plans, what the guards are held against, what is written, and what the log's entries are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections, models, router
from django.db.models.base import ModelState
from django.utils.functional import cached_property

from apps.audit.text import MultiLineField, SingleLineEmailField, SingleLineField, SingleLineSlugField
from apps.changes.refusals import NoSuchTarget, Refusal

BATCH = 5_000
# Rows that get different values are updated one group of equal values at a time, as long as there are so few groups.
FEW = 20


@cache
def _columns(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(column.attname for column in model._meta.concrete_fields)


@dataclass(frozen=True, eq=False)
class RowChange:
    """One row of a table of access, before and after; None where it is not there.

    `seen` is what the page showed that the change was made on, by field, `{}` where it showed that there was none;
    None where no page is behind it. `line` is the line of a file that asks for it.
    """

    before: Any
    after: Any
    seen: Mapping[str, Any] | None = None
    line: int | None = None

    @property
    def either(self) -> Any:
        """The row as it is after, or as it was before it went."""
        return self.before if self.after is None else self.after

    @cached_property
    def model(self) -> type[models.Model]:
        """The table."""
        return type(self.either)

    @cached_property
    def changed(self) -> dict[str, Any]:
        """The columns that get another value, with that value; of an update alone."""
        if self.before is None or self.after is None:
            return {}
        before, after = self.before.__dict__, self.after.__dict__
        return {name: after[name] for name in _columns(self.model) if before[name] != after[name]}

    @property
    def idle(self) -> bool:
        """Whether it is so already: no value is another one, or what goes is not there."""
        if self.after is None:
            return self.before.pk is None
        return self.before is not None and not self.changed

    @property
    def fingerprint(self) -> int:
        """A number that another row, or another change of this row, does not have."""
        values = self.changed if self.before is not None else self.after.__dict__
        return hash((self.model, self.either.pk, repr([each for each in values.items() if each[0] != "_state"])))


@cache
def _texts(model: type[models.Model]) -> Mapping[str, models.Field[Any, Any]]:
    """The columns of the table in which people write, by name."""
    fields = (SingleLineField, SingleLineEmailField, SingleLineSlugField, MultiLineField)
    return {
        column.attname: column
        for column in model._meta.concrete_fields
        if isinstance(column, fields) and not column.choices and column.editable
    }


def _check_texts(model: type[models.Model], values: Mapping[str, Any], line: int | None) -> None:
    """Hold what is written to what the columns take, whichever form or file it comes from.

    Raises:
        NoSuchTarget: a text has characters that are not taken.
    """
    for name, column in _texts(model).items():
        if value := values.get(name):
            try:
                column.run_validators(value)
            except ValidationError as error:
                raise NoSuchTarget(" ".join(error.messages), line=line) from None


def inserted(row: models.Model, *, seen: Mapping[str, Any] | None = None, line: int | None = None) -> RowChange:
    """A row that is to come.

    Raises:
        NoSuchTarget: a text in it has characters that are not taken.
    """
    _check_texts(type(row), row.__dict__, line)
    return RowChange(None, row, seen, line)


def updated(
    row: models.Model, *, seen: Mapping[str, Any] | None = None, line: int | None = None, **changes: Any
) -> RowChange:
    """A row that is to get these values, by field.

    Raises:
        NoSuchTarget: a text among them has characters that are not taken.
    """
    _check_texts(type(row), changes, line)
    # What `copy.copy` does, in a tenth of its time.
    after = row.__class__.__new__(row.__class__)
    after.__dict__ |= row.__dict__
    after._state = ModelState()
    after._state.db, after._state.adding = row._state.db, row._state.adding
    after._state.fields_cache = dict(row._state.fields_cache)
    for name, value in changes.items():
        setattr(after, name, value)
    return RowChange(row, after, seen, line)


def deleted(row: models.Model, *, seen: Mapping[str, Any] | None = None, line: int | None = None) -> RowChange:
    """A row that is to go."""
    return RowChange(row, None, seen, line)


@dataclass(slots=True)
class Diff:
    """Some rows of a change: all of them, or for a change of very many one batch.

    `refusals` are of lines of a file that no row could be planned for.
    """

    rows: list[RowChange] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def write(self) -> int:
        """Write the rows, a statement for each table and kind, and return how many. What goes, goes first."""
        rows = [row for row in self.rows if not row.idle]
        for model, gone in _by_model(row for row in rows if row.after is None):
            for start in range(0, len(gone), BATCH):
                keys = [row.before.pk for row in gone[start : start + BATCH]]
                found = model._default_manager.filter(pk__among=keys)
                found._raw_delete(found.db)  # nothing cascades here
        for model, changed in _by_model(row for row in rows if row.before is not None and row.after is not None):
            _update(model, changed)
        for model, new in _by_model(row for row in rows if row.before is None):
            if model.save is models.Model.save:
                model._default_manager.bulk_create((row.after for row in new), batch_size=BATCH)
            else:
                for row in new:
                    row.after.save(force_insert=True)
        return len(rows)


def _by_model(rows: Iterable[RowChange]) -> list[tuple[type[models.Model], list[RowChange]]]:
    found: defaultdict[type[models.Model], list[RowChange]] = defaultdict(list)
    for row in rows:
        found[row.model].append(row)
    return list(found.items())


def _update(model: type[models.Model], rows: list[RowChange]) -> None:
    groups: defaultdict[Any, list[RowChange]] = defaultdict(list)
    for row in rows:
        groups[tuple((name, repr(value)) for name, value in row.changed.items())].append(row)
    if len(groups) <= FEW:
        for group in groups.values():
            for start in range(0, len(group), BATCH):
                keys = [row.after.pk for row in group[start : start + BATCH]]
                model._default_manager.filter(pk__among=keys).update(**group[0].changed)
        return
    by_columns: defaultdict[tuple[str, ...], list[Any]] = defaultdict(list)
    for row in rows:
        by_columns[tuple(row.changed)].append(row.after)
    for names, after in by_columns.items():
        for start in range(0, len(after), BATCH):
            _set_each(model, names, after[start : start + BATCH])


def _set_each(model: type[models.Model], names: Sequence[str], rows: Sequence[models.Model]) -> None:
    """Give each row its own values in these columns, by a join: `bulk_update` writes a CASE as long as the rows."""
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    columns = [next(c for c in model._meta.concrete_fields if c.attname == name) for name in names]
    cells = ", ".join(f"%s::{column.rel_db_type(connection)}" for column in (model._meta.pk, *columns))
    values = ", ".join([f"({cells})"] * len(rows))
    given = ", ".join(f"v{place}" for place in range(len(columns)))
    stated = ", ".join(f"{quote(str(column.column))} = v{place}" for place, column in enumerate(columns))
    table = quote(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {stated} FROM (VALUES {values}) AS given(k, {given}) WHERE {table}.id = k",  # noqa: S608 - names of ours
            [
                column.get_db_prep_save(getattr(row, column.attname), connection)
                for row in rows
                for column in (model._meta.pk, *columns)
            ],
        )
