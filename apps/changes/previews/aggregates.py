"""Numbers of records for very many people: sums for each crowd, those of whom the same becomes.

A crowd has the same scopes before and the same after on every branch. What its members gain and lose together follows
from how many pairs of a member and a record there are by each combination of reaches (`reaching`): a pair is seen where
a scope holds one of them. So the number of queries does not grow with the members.
"""

# ruff: noqa: S608 - the SQL is Django's and our own; what comes from outside is a parameter
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from apps.access import records
from apps.access.records import Record
from apps.changes.previews.affected_users import AffectedUsers, Pair
from apps.changes.previews.counting import is_work
from apps.changes.previews.people import Scopes, UserAccess
from apps.changes.previews.reaching import EVERY, Statement, pairs, source, within
from apps.changes.previews.temp_tables import TempTables, columns, execute
from apps.changes.previews.user_groups import NO_REACH, Masks, Places, Sight, UserGroup, differs, places_of, seen
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

# Columns that distinguish kinds of rows of `mandate_joined`.
KIND = "before, after, was_on, is_on, open_work, old_own, old_about, own, about"
MOVED = "UPDATE mandate_roll SET moved = true"
# Users who don't see all records of a place.
UNLISTED = """
(before, after) IN (SELECT unnest(%s::int[]), unnest(%s::int[])) AND coalesce((
    SELECT sum(number) FROM mandate_joined j
    WHERE j.user_id = mandate_roll.user_id AND was_on = %s AND is_on IS NOT DISTINCT FROM %s AND open_work = %s
), 0) < %s
"""


class RecordPlace(NamedTuple):
    """Where a record was, where it is (None: nowhere any more), and whether there is still work in it."""

    was_on: int
    is_on: int | None
    open_work: bool


class ReachPair(NamedTuple):
    """So many pairs of a record and somebody of those who stand alike, by both reaches."""

    kind: int
    pair: Pair
    place: RecordPlace
    old: Masks
    new: Masks
    number: int


class AggregateCounts:
    """The numbers of crowds; `note` before the change is made, `crowds` when it is."""

    def __init__(self, scratch: TempTables, scopes: Scopes) -> None:
        self._scratch = scratch
        self._scopes = scopes
        self._noted = False
        self._members: dict[Pair, int] = {}
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

    def crowds(self, roll: AffectedUsers, branches: Collection[int]) -> list[UserGroup]:
        """Everybody on the roll in their crowds, with the numbers of each."""
        found: dict[Places, UserGroup] = {}
        crowd_of: dict[Pair, UserGroup] = {}
        for alike in roll.alike():
            before, after = self._standings(alike.pair)
            places = places_of(before, after, branches)
            crowd = crowd_of[alike.pair] = found.setdefault(places, UserGroup(len(found), places))
            crowd.pairs.append(alike.pair)
            crowd.members += alike.members
            self._members[alike.pair] = alike.members
        crowds = list(found.values())
        self._write(crowds)
        for model in records.registered().values():
            for about_field, about in within(model):
                self._untouched(model, about_field, about, crowds)
                if model.record_type in self._scratch.types:
                    self._moved(model, about_field, about, crowd_of)
        for alike in roll.alike():
            crowd = crowd_of[alike.pair]
            crowd.affected += alike.affected
            if alike.first is not None:
                crowd.first = min(crowd.first or (alike.first, alike.pair), (alike.first, alike.pair))
        return crowds

    def _standings(self, pair: Pair) -> tuple[UserAccess, UserAccess]:
        before, after = pair
        return self._scopes.standings[before], self._scopes.standings[after]

    def _sight_of(self, number: int, name: str, about: str | None) -> Sight:
        held = self._scopes[number]
        return held[f"view_{name}"][0], Scope.ALL if about is None else held[f"view_{about}"][0]

    def _write(self, crowds: Collection[UserGroup]) -> None:
        """The members of each crowd, on the branches where records come or go for it."""
        execute(PEOPLE)
        rows = [
            (*pair, branch_id, crowd.number)
            for crowd in crowds
            for branch_id, was, is_now in crowd.places
            if any(self._sight(was, *kind) != self._sight(is_now, *kind) for kind in _kinds())
            for pair in crowd.pairs
        ]
        wanted = "unnest(%s::int[], %s::int[], %s::bigint[], %s::int[]) AS wanted (before, after, branch_id, crowd)"
        execute(
            "INSERT INTO mandate_people SELECT user_id, branch_id, crowd"
            f" FROM mandate_roll JOIN {wanted} USING (before, after)",
            columns(rows, 4),
        )
        execute("ANALYZE mandate_people")

    # Records that the change leaves as they are

    def _untouched(
        self, model: type[Record], about_field: str | None, about: str | None, crowds: list[UserGroup]
    ) -> None:
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
            (number, branch_id, is_open): crowds[number].members * total
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
        self, crowd: UserGroup, name: str, count: int, was: Sight, is_now: Sight, masks: Masks, *, is_open: bool
    ) -> None:
        before, after = seen(was, masks), seen(is_now, masks)
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

    # Records that the change touches

    def _touched(self, model: type[Record], about_field: str | None, since: int = 0) -> Statement | None:
        ids = self._scratch.ids(model.record_type, "told", since)
        return source(model._default_manager.filter(pk__in=ids), about_field)

    def _moved(
        self, model: type[Record], about_field: str | None, about: str | None, crowd_of: Mapping[Pair, UserGroup]
    ) -> None:
        """Of those who stand alike, some may see a record from another branch, or through another colleague."""
        name = model.record_type
        rows = self._touched(model, about_field)
        if rows is None:
            return

        def sights(pair: Pair, place: RecordPlace) -> tuple[Sight, Sight]:
            before, after = self._standings(pair)
            was = self._sight(before.on(place.was_on), name, about)
            gone = (Scope.NONE, Scope.NONE)
            return was, gone if place.is_on is None else self._sight(after.on(place.is_on), name, about)

        def count(pair: Pair, number: int, place: RecordPlace, old: Masks, new: Masks) -> bool:
            was, is_now = sights(pair, place)
            saw, sees = seen(was, old), seen(is_now, new)
            mine, still = bool(new[0] & Scope.RESPONSIBLE), bool(old[0] & Scope.RESPONSIBLE)
            stranded = place.open_work and is_work(name) and mine and sees is None and (saw is not None or not still)
            return crowd_of[pair].count(name, number, saw, sees, stranded=stranded)

        listed: Counter[tuple[Pair, RecordPlace]] = Counter()
        moved = []
        for kind, pair, place, old, new, number in self._joined(model, about, rows):
            listed[pair, place] += number
            if count(pair, number, place, old, new):
                moved.append(kind)
        execute(f"{MOVED} WHERE user_id IN (SELECT user_id FROM mandate_joined WHERE kind = ANY(%s))", [moved])
        for place, total in self._classes(name, rows, gone=about is None).items():
            rest = {pair: self._members[pair] * total - listed[pair, place] for pair in crowd_of}
            others = [pair for pair, number in rest.items() if number and differs(*sights(pair, place))]
            for pair in others:
                count(pair, rest[pair], place, NO_REACH, NO_REACH)
            execute(f"{MOVED} WHERE {UNLISTED}", [*columns(others, 2), *place, total])

    def _joined(self, model: type[Record], about: str | None, rows: Statement) -> Iterator[ReachPair]:
        """How many records those who stand alike reached before or reach now, in all.

        By where these were and are, and by both reaches; each such kind has a number in `mandate_joined`.
        """
        sql, parameters = pairs(model, about, rows)
        now, now_parameters = rows
        execute("DROP TABLE IF EXISTS mandate_joined")
        execute(
            f"CREATE TEMPORARY TABLE mandate_joined ON COMMIT DROP AS WITH now AS ({sql}), was AS ("
            " SELECT id, user_id, own, about FROM mandate_pairs WHERE record_type = %s AND about_type = %s),"
            " reached AS ("
            " SELECT r.user_id, before, after, t.branch_id AS was_on, x.branch_id AS is_on,"
            " coalesce(x.open_work, false) AS open_work, r.old_own, r.old_about, r.own, r.about, count(*) AS number"
            " FROM (SELECT id, user_id, coalesce(was.own, 0) AS old_own, coalesce(was.about, 0) AS old_about,"
            " coalesce(now.own, 0) AS own, coalesce(now.about, 0) AS about"
            " FROM was FULL JOIN now USING (id, user_id)) AS r"
            " JOIN mandate_touched t ON t.record_type = %s AND t.id = r.id JOIN mandate_roll USING (user_id)"
            f" LEFT JOIN ({now}) AS x ON x.id = t.id GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)"
            f" SELECT *, dense_rank() OVER (ORDER BY {KIND}) AS kind FROM reached",
            [*parameters, model.record_type, about or "", model.record_type, *now_parameters],
        )
        for kind, before, after, was_on, is_on, is_open, old_own, old_about, own, within_about, number in execute(
            f"SELECT kind, {KIND}, sum(number)::bigint FROM mandate_joined GROUP BY kind, {KIND} ORDER BY kind"
        ):
            place = RecordPlace(was_on, is_on, is_open)
            yield ReachPair(kind, (before, after), place, (old_own, old_about), (own, within_about), number)

    def _classes(self, name: str, rows: Statement, *, gone: bool) -> dict[RecordPlace, int]:
        """How many touched records there are, by where they were, where they are, and whether there is work in them."""
        sql, parameters = rows
        found = execute(
            f"SELECT t.branch_id, x.branch_id, coalesce(x.open_work, false), count(*) FROM mandate_touched t"
            f" {'LEFT ' if gone else ''}JOIN ({sql}) AS x ON x.id = t.id WHERE t.record_type = %s AND t.told"
            " GROUP BY 1, 2, 3",
            [*parameters, name],
        )
        return {RecordPlace(*place): number for *place, number in found}


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
