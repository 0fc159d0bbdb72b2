"""Numbers of records for very many people: sums for each crowd, those of whom the same becomes.

A crowd has the same scopes before and the same after on every branch. What its members gain and lose together follows
from how many pairs of a member and a record there are by each combination of reaches (`reaching`): a pair is seen where
a scope holds one of them. So the number of queries does not grow with the members.
"""

# ruff: noqa: S608 - the SQL is Django's and our own; what comes from outside is a parameter
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from apps.access import records
from apps.access.previews.counting import is_work
from apps.access.previews.people import ELSEWHERE, Scopes, Standing
from apps.access.previews.reaching import EVERY, Statement, pairs, source, within
from apps.access.previews.scratch import Scratch, execute, execute_many
from apps.access.previews.values import Numbers
from apps.access.records import Record
from apps.roles.scopes import Scope

NOTED = """
CREATE TEMPORARY TABLE mandate_pairs (
    record_type text, about_type text, id bigint, user_id bigint, own integer, about integer
) ON COMMIT DROP
"""
PEOPLE = """
CREATE TEMPORARY TABLE mandate_people (
    user_id bigint, branch_id bigint, crowd integer, PRIMARY KEY (branch_id, user_id)
) ON COMMIT DROP
"""

Masks = tuple[int, int]
"""The reaches by which somebody is within a record, and within the one that it lives in."""
Sight = tuple[Scope, Scope]
"""The scope of viewing records of a type, and those that they live in (`all`, where they live in none)."""
Places = tuple[tuple[int, int, int], ...]
"""Branch by branch the numbers of somebody's scopes before and after, where they differ."""
NO_REACH: Masks = (0, 0)


@dataclass(slots=True)
class Crowd:
    """Those of whom the same becomes, and their numbers in all and by reach."""

    number: int
    places: Places
    users: set[int] = field(default_factory=set)
    affected: set[int] = field(default_factory=set)
    numbers: Numbers = field(default_factory=Numbers)
    gains: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    loses: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def count(self, name: str, number: int, before: str | None, after: str | None, *, stranded: bool) -> bool:
        """So many pairs, seen by these reaches before and after (None: not at all); whether that is any difference."""
        if stranded:
            self.numbers.add(name, stranded=number)
        if before is None and after is not None:
            self.numbers.add(name, gains=number)
            self.gains[name][after] += number
        elif before is not None and after is None:
            self.numbers.add(name, loses=number)
            self.loses[name][before] += number
        return stranded or (before is None) != (after is None)


class Sums:
    """The numbers of crowds; `note` before the change is made, `crowds` when it is."""

    def __init__(self, scratch: Scratch, scopes: Scopes) -> None:
        self._scratch = scratch
        self._scopes = scopes
        self._noted = False
        self._sight = cache(self._sight_of)

    def note(self, since: int) -> None:
        """Keep who reaches the records that were noted in this round, or since."""
        if not self._noted:
            execute(NOTED)
            self._noted = True
        for name, model in self._scratch.types.items():
            for about_field, about in within(model):
                if (rows := self._touched(model, about_field, since)) is not None:
                    sql, parameters = pairs(model, about, rows)
                    execute(
                        "INSERT INTO mandate_pairs SELECT %s, %s, found.id, found.user_id, found.own, found.about"
                        f" FROM ({sql}) AS found",
                        [name, about or "", *parameters],
                    )

    def crowds(
        self, before: Mapping[int, Standing], after: Mapping[int, Standing], branches: Collection[int]
    ) -> list[Crowd]:
        """Everybody who was looked at in their crowds, with the numbers of each."""
        found: dict[Places, Crowd] = {}
        for user_id, standing in before.items():
            places = _places(standing, after[user_id], branches)
            crowd = found.setdefault(places, Crowd(len(found), places))
            crowd.users.add(user_id)
            if places or standing != after[user_id]:
                crowd.affected.add(user_id)
        crowds = list(found.values())
        self._write(crowds)
        for model in records.registered().values():
            for about_field, about in within(model):
                self._untouched(model, about_field, about, crowds)
                if model.record_type in self._scratch.types:
                    self._moved(model, about_field, about, crowds, before, after)
        return crowds

    def _sight_of(self, number: int, name: str, about: str | None) -> Sight:
        held = self._scopes[number]
        return held[f"view_{name}"][0], Scope.ALL if about is None else held[f"view_{about}"][0]

    def _write(self, crowds: Collection[Crowd]) -> None:
        """The members of each crowd, on the branches where records come or go for it."""
        execute(PEOPLE)
        rows = (
            (sorted(crowd.users), branch_id, crowd.number)
            for crowd in crowds
            for branch_id, was, is_now in crowd.places
            if any(self._sight(was, *kind) != self._sight(is_now, *kind) for kind in _kinds())
        )
        execute_many("INSERT INTO mandate_people SELECT unnest(%s::bigint[]), %s, %s", rows)
        execute("ANALYZE mandate_people")

    # What the change leaves as it is

    def _untouched(self, model: type[Record], about_field: str | None, about: str | None, crowds: list[Crowd]) -> None:
        name = model.record_type
        sights = {
            (crowd.number, branch_id): (self._sight(was, name, about), self._sight(is_now, name, about))
            for crowd in crowds
            for branch_id, was, is_now in crowd.places
        }
        sights = {place: (was, is_now) for place, (was, is_now) in sights.items() if was != is_now}
        told = self._scratch.untouched(model).filter(branch__in={branch_id for _, branch_id in sights})
        rows = source(told, about_field) if sights else None
        if rows is None:
            return
        totals = _totals(rows)
        left = {
            (number, branch_id, is_open): len(crowds[number].users) * total
            for number, branch_id in sights
            for is_open, total in totals.get(branch_id, {}).items()
        }
        for number, branch_id, is_open, own, within_about, count in self._cells(model, about, rows, sights.values()):
            if (number, branch_id) in sights:
                left[number, branch_id, is_open] -= count
                was, is_now = sights[number, branch_id]
                self._count(crowds[number], name, count, was, is_now, (own, within_about), is_open=is_open)
        for (number, branch_id, is_open), count in left.items():
            was, is_now = sights[number, branch_id]
            self._count(crowds[number], name, count, was, is_now, NO_REACH, is_open=is_open)

    def _count(
        self, crowd: Crowd, name: str, count: int, was: Sight, is_now: Sight, masks: Masks, *, is_open: bool
    ) -> None:
        before, after = _seen(was, masks), _seen(is_now, masks)
        answers = is_open and is_work(name) and bool(masks[0] & Scope.RESPONSIBLE)
        crowd.count(name, count, before, after, stranded=answers and before is not None and after is None)

    def _cells(
        self, model: type[Record], about: str | None, rows: Statement, sights: Collection[tuple[Sight, Sight]]
    ) -> list[tuple[Any, ...]]:
        """How many pairs of a crowd there are on a branch, by whether there is still work, and by the reaches."""
        reaches = Scope.RESPONSIBLE
        for scope in {scope for pair in sights for sight in pair for scope in sight}:
            reaches |= scope & EVERY
        sql, parameters = pairs(model, about, rows, reaches)
        return execute(
            f"SELECT crowd, branch_id, open_work, own, about, count(*) FROM ({sql}) AS found"
            " JOIN mandate_people USING (branch_id, user_id) GROUP BY 1, 2, 3, 4, 5",
            parameters,
        )

    # What the change touches

    def _touched(self, model: type[Record], about_field: str | None, since: int = 0) -> Statement | None:
        ids = self._scratch.ids(model.record_type, "told", since)
        return source(model._default_manager.filter(pk__in=ids), about_field)

    def _moved(
        self,
        model: type[Record],
        about_field: str | None,
        about: str | None,
        crowds: list[Crowd],
        before: Mapping[int, Standing],
        after: Mapping[int, Standing],
    ) -> None:
        """One person after the other: somebody may see a record from another branch, or through another colleague."""
        name = model.record_type
        rows = self._touched(model, about_field)
        if rows is None:
            return
        crowd_of = {user_id: crowd for crowd in crowds for user_id in crowd.users}

        def sights(user_id: int, was_on: int, is_on: int | None) -> tuple[Sight, Sight]:
            gone = (Scope.NONE, Scope.NONE)
            was = self._sight(before[user_id].on(was_on), name, about)
            return was, gone if is_on is None else self._sight(after[user_id].on(is_on), name, about)

        def count(user_id: int, number: int, place: tuple[int, int | None, bool], old: Masks, new: Masks) -> None:
            was, is_now = sights(user_id, *place[:2])
            saw, sees = _seen(was, old), _seen(is_now, new)
            mine, still = bool(new[0] & Scope.RESPONSIBLE), bool(old[0] & Scope.RESPONSIBLE)
            stranded = place[2] and is_work(name) and mine and sees is None and (saw is not None or not still)
            if crowd_of[user_id].count(name, number, saw, sees, stranded=stranded):
                crowd_of[user_id].affected.add(user_id)

        totals = self._classes(name, rows, gone=about is None)
        listed: Counter[tuple[int, tuple[int, int | None, bool]]] = Counter()
        for user_id, was_on, is_on, is_open, old_own, old_about, own, within_about, number in self._joined(
            model, about, rows
        ):
            if user_id in crowd_of:
                place = (was_on, is_on, is_open)
                listed[user_id, place] += number
                count(user_id, number, place, (old_own, old_about), (own, within_about))
        for place, total in totals.items():
            for user_id in crowd_of:
                was, is_now = sights(user_id, *place[:2])
                differs = (_seen(was, NO_REACH) is None) != (_seen(is_now, NO_REACH) is None)
                if differs and (rest := total - listed[user_id, place]):
                    count(user_id, rest, place, NO_REACH, NO_REACH)

    def _joined(self, model: type[Record], about: str | None, rows: Statement) -> list[tuple[Any, ...]]:
        """How many records somebody reached before or reaches now, by where they were and are and by both reaches."""
        sql, parameters = pairs(model, about, rows)
        now, now_parameters = rows
        return execute(
            f"WITH now AS ({sql}), was AS ("
            " SELECT id, user_id, own, about FROM mandate_pairs WHERE record_type = %s AND about_type = %s)"
            " SELECT r.user_id, t.branch_id, x.branch_id, coalesce(x.open_work, false), r.old_own, r.old_about,"
            " r.own, r.about, count(*) FROM (SELECT id, user_id, coalesce(was.own, 0) AS old_own,"
            " coalesce(was.about, 0) AS old_about, coalesce(now.own, 0) AS own, coalesce(now.about, 0) AS about"
            " FROM was FULL JOIN now USING (id, user_id)) AS r"
            " JOIN mandate_touched t ON t.record_type = %s AND t.id = r.id"
            f" LEFT JOIN ({now}) AS x ON x.id = t.id GROUP BY 1, 2, 3, 4, 5, 6, 7, 8",
            [*parameters, model.record_type, about or "", model.record_type, *now_parameters],
        )

    def _classes(self, name: str, rows: Statement, *, gone: bool) -> dict[tuple[int, int | None, bool], int]:
        """How many touched records there are, by where they were, where they are, and whether there is work in them."""
        sql, parameters = rows
        found = execute(
            f"SELECT t.branch_id, x.branch_id, coalesce(x.open_work, false), count(*) FROM mandate_touched t"
            f" {'LEFT ' if gone else ''}JOIN ({sql}) AS x ON x.id = t.id WHERE t.record_type = %s AND t.told"
            " GROUP BY 1, 2, 3",
            [*parameters, name],
        )
        return {(was_on, is_on, is_open): number for was_on, is_on, is_open, number in found}


def _places(before: Standing, after: Standing, branches: Collection[int]) -> Places:
    """Where somebody may other things than before: of the branches where they are no member, each by itself."""
    elsewhere = before.scopes[ELSEWHERE] != after.scopes[ELSEWHERE]
    named = branches if elsewhere else (before.scopes.keys() | after.scopes.keys()) - {ELSEWHERE}
    found = ((branch_id, before.on(branch_id), after.on(branch_id)) for branch_id in sorted(named))
    return tuple(place for place in found if place[1] != place[2])


def _kinds() -> Iterator[tuple[str, str | None]]:
    for name, model in records.registered().items():
        for _, about in within(model):
            yield name, about


def _totals(rows: Statement) -> dict[int, dict[bool, int]]:
    sql, parameters = rows
    found: defaultdict[int, dict[bool, int]] = defaultdict(dict)
    counted = f"SELECT branch_id, open_work, count(*) FROM ({sql}) AS x GROUP BY 1, 2"
    for branch_id, is_open, number in execute(counted, parameters):
        found[branch_id][is_open] = number
    return found


@cache
def _seen(sight: Sight, masks: Masks) -> str | None:
    """The reach by which such a record is seen; None where it is not."""
    reaches = [_reach(scope, mask) for scope, mask in zip(sight, masks, strict=True)]
    return None if None in reaches else reaches[0]


def _reach(scope: Scope, mask: int) -> str | None:
    if scope & Scope.ALL:
        return Scope.ALL.names[0]
    return next(iter(Scope(int(scope) & mask).names), None)
