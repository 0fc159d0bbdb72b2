"""Records that nobody would see any more.

Asked only of types of which somebody loses records, and only on branches where nobody sees all of them: there, what was
seen before is held against everybody who reaches it by now (`reaching`).
"""

# ruff: noqa: S608 - the SQL is Django's and our own; what comes from outside is a parameter
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from apps.access import records
from apps.access.mandate import Mandate
from apps.access.querysets import visible
from apps.access.records import Record
from apps.changes.previews.affected_users import Pair
from apps.changes.previews.people import ELSEWHERE, Scopes, Snapshot, UserAccess, everybody, in_batches
from apps.changes.previews.reaching import Statement, pairs, source, within
from apps.changes.previews.temp_tables import TempTables, columns, execute, insert
from apps.roles.scopes import Scope

# Up to this many references are listed.
NAMED = 20
TABLES = """
CREATE TEMPORARY TABLE mandate_lost (record_type text, id bigint, PRIMARY KEY (record_type, id)) ON COMMIT DROP;
CREATE TEMPORARY TABLE mandate_everybody (user_id bigint, standing integer) ON COMMIT DROP;
CREATE TEMPORARY TABLE mandate_eyes (
    user_id bigint, branch_id bigint, own integer, about integer, PRIMARY KEY (branch_id, user_id)
) ON COMMIT DROP
"""
# Records that only operators saw in a session don't count as lost.
BEFORE = (
    "SELECT user_id, before FROM mandate_roll"
    " WHERE NOT operator AND (before, after) IN (SELECT unnest(%s::int[]), unnest(%s::int[]))"
)
AFTER = "SELECT user_id, standing FROM mandate_everybody"
SEES = "(e.own & 16 <> 0 OR e.own & p.own <> 0) AND (e.about & 16 <> 0 OR e.about & p.about <> 0)"


class Kind(NamedTuple):
    """A type of records, and the field by which they live within others of a type, where they do."""

    model: type[Record]
    field: str | None
    about: str | None

    @property
    def name(self) -> str:
        """The type."""
        return self.model.record_type


class Orphans:
    """How many there are by type, and the references of the first of them."""

    def __init__(self, scratch: TempTables, scopes: Scopes, after: Snapshot) -> None:
        self.counts: Counter[str] = Counter()
        self.references: list[str] = []
        self._scratch = scratch
        self._scopes = scopes
        self._after = after
        self._standings: set[int] = set()

    def of_members(self, lost: Mapping[str, Collection[Mandate]], operators: Collection[int]) -> None:
        """Look among what these people saw before, by the types of which they lose some; not what operators saw."""
        for kind, blind in self._blind(lost):
            for mandate in lost[kind.name]:
                saw = visible(mandate, f"view_{kind.name}", kind.name) & self._scratch.untouched(kind.model)
                self._lose(kind, saw.filter(branch__in=blind))
            if kind.name in self._scratch.types:
                sql = "SELECT id FROM mandate_seen WHERE record_type = %s AND user_id <> ALL(%s)"
                seen = RawSQL(sql, [kind.name, list(operators)])  # noqa: S611
                told = self._scratch.ids(kind.name, "told")
                self._lose(kind, kind.model._default_manager.filter(pk__in=seen).filter(pk__in=told, branch__in=blind))
            self._hold_against_everybody(kind)

    def of_crowds(self, lost: Mapping[str, Collection[Pair]]) -> None:
        """The same for very many people on the roll, by their standings before and after."""
        for kind, blind in self._blind(lost):
            held = columns(lost[kind.name], 2)
            befores = [before for (before,) in execute(f"SELECT DISTINCT before FROM ({BEFORE}) AS held", held)]
            overlooking = self._open_eyes(kind, befores, BEFORE, held)
            here = self._scratch.untouched(kind.model).filter(branch__in=blind)
            self._lose(kind, here.filter(branch__in=overlooking))
            if (rows := source(here, kind.field)) is not None:
                sql, parameters = pairs(kind.model, kind.about, rows)
                self._lose_sql(
                    kind,
                    f"SELECT p.id FROM ({sql}) AS p JOIN mandate_eyes e USING (branch_id, user_id) WHERE {SEES}",
                    parameters,
                )
            if kind.name in self._scratch.types:
                touched = "mandate_touched t USING (record_type, id)"
                self._lose_sql(
                    kind,
                    f"SELECT p.id FROM mandate_pairs p JOIN {touched} JOIN mandate_eyes e"
                    f" ON e.user_id = p.user_id AND e.branch_id = t.branch_id"
                    f" WHERE p.record_type = %s AND p.about_type = %s AND t.told AND {SEES}",
                    (kind.name, kind.about or ""),
                )
                self._lose_sql(
                    kind,
                    "SELECT id FROM mandate_touched WHERE record_type = %s AND told AND branch_id = ANY(%s)",
                    (kind.name, sorted(overlooking)),
                )
            self._hold_against_everybody(kind)

    def _blind(self, lost: Iterable[str]) -> Iterator[tuple[Kind, set[int]]]:
        """Kinds of which somebody loses records, each with the branches on which nobody sees all of them."""
        kinds = [Kind(records.model_of(name), *place) for name in lost for place in within(records.model_of(name))]
        if not kinds:
            return
        execute(TABLES)
        blind = {kind: set(self._after.account.branches) for kind in kinds}
        for user_ids in in_batches(everybody(self._after.account.id)):
            rows = []
            for facts, standing in self._after.people(user_ids, teams=False):
                if facts.operator:
                    continue  # what operators see in a session doesn't count
                rows.append((facts.user_id, standing.number))
                if standing.number in self._standings:
                    continue
                self._standings.add(standing.number)
                for kind, branches in blind.items():
                    branches -= self._overlooked(kind, standing)
                if not any(blind.values()):
                    return
            execute("INSERT INTO mandate_everybody SELECT unnest(%s::bigint[]), unnest(%s::int[])", columns(rows, 2))
        yield from ((kind, branches) for kind, branches in blind.items() if branches)

    def _overlooked(self, kind: Kind, standing: UserAccess) -> set[int]:
        """The branches on which somebody sees all records of a kind."""
        found = {branch_id for branch_id, number in standing.scopes.items() if self._sight(kind, number) == (16, 16)}
        if ELSEWHERE in found:
            return found | (self._after.account.branches - standing.scopes.keys())
        return found

    def _sight(self, kind: Kind, number: int) -> tuple[int, int]:
        held = self._scopes[number]
        about = Scope.ALL if kind.about is None else held[f"view_{kind.about}"][0]
        return int(held[f"view_{kind.name}"][0]), int(about)

    def _open_eyes(
        self, kind: Kind, standings: Collection[int], people: str, parameters: Sequence[Any] = ()
    ) -> set[int]:
        """Write down who sees some of a kind; returns the branches on which one of them sees all.

        `people` is SQL for users with their standings, which are among these.
        """
        execute("DELETE FROM mandate_eyes")
        overlooked: set[int] = set()
        rows = []
        for number in standings:
            standing = self._scopes.standings[number]
            overlooked |= self._overlooked(kind, standing)
            for branch_id, held in standing.scopes.items():
                own, about = self._sight(kind, held)
                if branch_id != ELSEWHERE and own and about:
                    rows.append((number, branch_id, own, about))
        seeing = "unnest(%s::int[], %s::bigint[], %s::int[], %s::int[]) AS e (standing, branch_id, own, about)"
        execute(
            "INSERT INTO mandate_eyes SELECT user_id, branch_id, own, about"
            f" FROM ({people}) AS p (user_id, standing) JOIN {seeing} USING (standing)",
            [*parameters, *columns(rows, 4)],
        )
        return overlooked

    def _lose(self, kind: Kind, rows: QuerySet[Any]) -> None:
        rows = rows if kind.field is None else rows.filter(Q(**{f"{kind.field}__isnull": False}))
        insert("mandate_lost (record_type, id)", [kind.name], rows.order_by().values_list("pk"))

    def _lose_sql(self, kind: Kind, sql: str, parameters: tuple[Any, ...]) -> None:
        statement = f"INSERT INTO mandate_lost SELECT %s, id FROM ({sql}) AS lost ON CONFLICT DO NOTHING"
        execute(statement, [kind.name, *parameters])

    def _hold_against_everybody(self, kind: Kind) -> None:
        """Count those of the lost records that nobody sees, and forget them."""
        seen_by_somebody = self._open_eyes(kind, self._standings, AFTER)
        lost = RawSQL("SELECT id FROM mandate_lost WHERE record_type = %s", [kind.name])
        rows = kind.model._default_manager.filter(pk__in=lost).exclude(branch__in=seen_by_somebody)
        found: Statement | None = source(rows, kind.field)
        if found is not None:
            sql, parameters = pairs(kind.model, kind.about, found)
            seen = f"SELECT p.id FROM ({sql}) AS p JOIN mandate_eyes e USING (branch_id, user_id) WHERE {SEES}"
            orphans = rows.exclude(pk__in=RawSQL(seen, parameters)).order_by("pk")  # noqa: S611
            if number := orphans.count():
                self.counts[kind.name] += number
                more = NAMED - len(self.references)
                self.references += orphans.values_list("reference", flat=True)[:more]
        execute("DELETE FROM mandate_lost")
