"""Rows before and after an operation of the log, and what prevents their restoration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q, Value
from django.utils.translation import gettext as _

from apps.access import records, shares
from apps.access.models import Override
from apps.access.records import Record
from apps.accounts.models import Branch
from apps.audit.models import Entry
from apps.changes.diff import RowChange
from apps.changes.guards.needs import NEEDS
from apps.changes.refusals import ChangedMeanwhile
from apps.roles.models import Role, RoleGrant
from apps.teams.models import Membership, Team, TeamMember

# Number of rows searched at once by unique values.
AT_ONCE = 200
# Models that other rows depend on.
PARENTS: tuple[type[models.Model], ...] = (Branch, Role, Team)
# Relations that the guards need.
LOOKED_AT: Mapping[type[models.Model], tuple[str, ...]] = {
    RoleGrant: ("role__based_on",),
    TeamMember: ("team",),
    shares.UserShare: ("content_object",),
    shares.TeamShare: ("content_object",),
}

Image = Mapping[str, Any]
Found = Mapping[tuple[type[models.Model], int], models.Model]


@dataclass(frozen=True, slots=True, eq=False)
class RecordedRow:
    """One row before and after an operation, by column; None where it didn't exist."""

    model: type[models.Model]
    key: int
    text: str
    before: Image | None
    after: Image | None

    @property
    def columns(self) -> list[str]:
        """Return the changed columns; all columns of a new or deleted row."""
        if self.before is None or self.after is None:
            return list(self.before or self.after or ())
        return [name for name, value in self.after.items() if self.before.get(name) != value]

    def differences(self, row: models.Model | None, image: Image | None) -> dict[str, tuple[Any, Any]]:
        """Return how the row differs from the image in the changed columns: expected and current values."""
        said: Image = image or {}
        now = {} if row is None else {name: getattr(row, name) for name in self.columns}
        return {name: (said.get(name), now.get(name)) for name in self.columns if said.get(name) != now.get(name)}

    def stands(self, row: models.Model | None, image: Image | None) -> bool:
        """Return whether the row equals the image in the changed columns."""
        return (row is None) == (image is None) and not self.differences(row, image)


def left_by(entry: Entry) -> RecordedRow | None:
    """Return the row of a log entry; None if its table is not an access table."""
    try:
        model: Any = apps.get_model(entry.target_type)
    except (LookupError, ValueError):
        return None
    if not issubclass(model, tuple(NEEDS)):
        return None
    before, after = (None if image is None else _values(model, image) for image in (entry.before, entry.after))
    either: Any = after or before
    return RecordedRow(model, either["id"], entry.target_text, before, after)


def _values(model: type[models.Model], image: Image) -> Image:
    columns: Any = [column for column in model._meta.concrete_fields if column.column in image]
    return {column.attname: column.to_python(image[column.column]) for column in columns}


def standing(lefts: Iterable[RecordedRow]) -> Found:
    """Return the current rows, with one query per table and what the guards need."""
    rows_by_key: dict[tuple[type[models.Model], int], models.Model] = {}
    for model, some in by_model(lefts):
        rows = model._default_manager.filter(pk__in=[left.key for left in some])
        rows_by_key |= {(model, row.pk): row for row in rows}
    return rows_by_key


def by_model(lefts: Iterable[RecordedRow]) -> list[tuple[type[models.Model], list[RecordedRow]]]:
    """Yield the rows of each table."""
    by_table: defaultdict[type[models.Model], list[RecordedRow]] = defaultdict(list)
    for left in lefts:
        by_table[left.model].append(left)
    return list(by_table.items())


def look_around(rows: Iterable[models.Model]) -> None:
    """Prefetch what the guards need for these rows, in one query per table."""
    by_table: defaultdict[type[models.Model], list[models.Model]] = defaultdict(list)
    for row in rows:
        by_table[type(row)].append(row)
    for model, some in by_table.items():
        for base, names in LOOKED_AT.items():
            if issubclass(model, base):
                models.prefetch_related_objects(some, *names)


class UndoConflicts:
    """Finds conflicts that prevent restoring rows: `own` returns the ids of the operation's rows of a table."""

    def __init__(self, own: Callable[[type[models.Model]], Any]) -> None:
        self._own = own

    def standing(self, pairs: Sequence[tuple[RecordedRow, RowChange]]) -> Iterator[ChangedMeanwhile]:
        """Yield a refusal for each row that is in use, or whose place is taken."""
        yield from self._hanging([pair for pair in pairs if pair[1].after is None])
        yield from self._taken([pair for pair in pairs if pair[1].after is not None])

    def _hanging(self, pairs: Sequence[tuple[RecordedRow, RowChange]]) -> Iterator[ChangedMeanwhile]:
        """Yield refusals of rows that later rows depend on."""
        tables: tuple[type[models.Model], ...] = (*PARENTS, Membership)
        for model in tables:
            some = [pair for pair in pairs if pair[0].model is model]
            for few in _chunks(some):
                if self._used(model, [row.before for _left, row in few]) is not None:
                    for left, row in few:
                        if (what := self._used(model, [row.before])) is not None:
                            yield ChangedMeanwhile(
                                _("%(left)s is now in use by %(what)s.") % {"left": left.text, "what": what},
                                {what: (0, None)},
                            )

    def _used(self, model: type[models.Model], rows: Sequence[Any]) -> str | None:
        """Return the plural of what depends on one of these rows; None if nothing does."""
        for others in _hanging_on(model, rows):
            if others.exclude(pk__in=self._own(others.model)).exists():
                return _("records") if issubclass(others.model, Record) else str(others.model._meta.verbose_name_plural)
        return None

    def gone(self, pairs: Sequence[tuple[RecordedRow, RowChange]]) -> Iterator[tuple[RecordedRow, ChangedMeanwhile]]:
        """Yield refusals of rows that would refer to deleted rows."""
        wanted: defaultdict[type[models.Model], set[Any]] = defaultdict(set)
        pointers = [
            (left, column, getattr(row.after, column.attname))
            for left, row in pairs
            if row.after is not None
            for column in _pointers(left.model)
            if column.attname in left.columns and not column.is_cached(row.after)
        ]
        for _left, column, key in pointers:
            if key is not None:
                wanted[column.related_model].add(key)
        there = {
            model: set(model._base_manager.filter(pk__in=keys).values_list("pk", flat=True))
            for model, keys in wanted.items()
        }
        for left, column, key in pointers:
            if key is not None and key not in there[column.related_model]:
                noun = str(column.related_model._meta.verbose_name)
                yield (
                    left,
                    ChangedMeanwhile(
                        _("The %(noun)s of %(left)s no longer exists.") % {"noun": noun, "left": left.text},
                        {column.attname: (key, None)},
                    ),
                )

    def _taken(self, pairs: Sequence[tuple[RecordedRow, RowChange]]) -> Iterator[ChangedMeanwhile]:
        """Yield refusals of rows whose unique place is taken."""
        for model in {left.model for left, _row in pairs}:
            for constraint in model._meta.constraints:
                if isinstance(constraint, models.UniqueConstraint) and "id" not in constraint.fields:
                    some = [pair for pair in pairs if pair[0].model is model and _bound(pair[1], constraint)]
                    for few in _chunks(some):
                        yield from self._taken_places(model, constraint, few)

    def _taken_places(
        self,
        model: type[models.Model],
        constraint: models.UniqueConstraint,
        pairs: Sequence[tuple[RecordedRow, RowChange]],
    ) -> Iterator[ChangedMeanwhile]:
        columns: list[Any] = [model._meta.get_field(name) for name in constraint.fields]

        def place(row: models.Model) -> dict[str, Any]:
            return {column.name: getattr(row, column.attname) for column in columns}

        wanted = {tuple(place(row.after).values()): left for left, row in pairs}
        anywhere = reduce(or_, (Q(**place(row.after)) for _left, row in pairs))
        others = model._default_manager.filter(anywhere, constraint.condition or Q())
        for other in others.exclude(pk__in=[row.after.pk for _left, row in pairs]):
            left = wanted[tuple(place(other).values())]
            now = {column.attname: getattr(other, column.attname) for column in model._meta.concrete_fields}
            differences = {name: (None, value) for name, value in now.items()}
            yield ChangedMeanwhile(_("%(left)s has been replaced since then.") % {"left": left.text}, differences)


def _pointers(model: type[models.Model]) -> list[Any]:
    return [column for column in model._meta.concrete_fields if column.is_relation]


def _bound(row: RowChange, constraint: models.UniqueConstraint) -> bool:
    """Return whether restoring the row takes a unique place."""
    keys: list[Any] = [row.model._meta.get_field(name) for name in constraint.fields]
    names = {column.attname for column in keys}
    if constraint.condition is not None:
        names |= constraint.condition.referenced_base_fields
    if row.before is not None and not names & row.changed.keys():
        return False
    if constraint.condition is None:
        return True
    columns = row.model._meta.concrete_fields
    return constraint.condition.check(
        {column.name: Value(getattr(row.after, column.attname), column) for column in columns}
    )


def _hanging_on(model: type[models.Model], rows: Sequence[Any]) -> Iterator[models.QuerySet[Any]]:
    tables = [found for name in records.registered() if (found := shares.tables(name)) is not None]
    if model is Membership:
        places = [(row.branch_id, row.user_id) for row in rows]
        yield Override.objects.filter(reduce(or_, (Q(branch=b, user=u) for b, u in places)))
        yield TeamMember.objects.filter(reduce(or_, (Q(team__branch=b, user=u) for b, u in places)))
        for table, _shared in tables:
            yield table._default_manager.filter(reduce(or_, (Q(content_object__branch=b, user=u) for b, u in places)))
        return
    relations: Any = model._meta.get_fields(include_hidden=True)
    for relation in relations:
        if relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one):
            yield relation.related_model._base_manager.filter(
                **{f"{relation.field.name}__in": [row.pk for row in rows]}
            )
    if model is Team:
        for _table, shared in tables:
            yield shared._default_manager.filter(group__in=[row.group_id for row in rows])


def _chunks(pairs: Sequence[tuple[RecordedRow, RowChange]]) -> Iterator[Sequence[tuple[RecordedRow, RowChange]]]:
    return (pairs[start : start + AT_ONCE] for start in range(0, len(pairs), AT_ONCE))
