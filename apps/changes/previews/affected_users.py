"""Everybody whom a change of very many makes a preview look at, in a table that goes with the transaction.

Of each there is a line with the numbers of two standings, before and after. Those who stand alike are looked at
together from then on, so that what is kept in memory follows from how many ways to stand there are, and not from the
members.
"""

# ruff: noqa: S608 - the SQL is our own; what comes from outside is a parameter
from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from apps.access.facts import Facts
from apps.changes.previews.people import AT_ONCE, Snapshot, UserAccess
from apps.changes.previews.temp_tables import columns, execute

TABLE = """
CREATE TEMPORARY TABLE mandate_roll (
    user_id bigint PRIMARY KEY, operator boolean, tied boolean,
    before integer, after integer, moved boolean DEFAULT false
) ON COMMIT DROP
"""
AFFECTED = "(before <> after OR moved)"

Pair = tuple[int, int]
"""The numbers of a standing before and of one after."""


class UserGroupCount(NamedTuple):
    """Those who stand alike before and alike after: how many, how many of them are affected, and the first of these."""

    pair: Pair
    members: int
    affected: int
    first: int | None


class AffectedUsers:
    """The table, made with its first use. Who is `tied` was looked at with their teams, and will be again."""

    def __init__(self) -> None:
        execute(TABLE)

    def missing(self, user_ids: Collection[int]) -> set[int]:
        """Those of the users who are not on it."""
        found = execute("SELECT user_id FROM mandate_roll WHERE user_id = ANY(%s)", [list(user_ids)])
        return set(user_ids).difference(user_id for (user_id,) in found)

    def enter(self, people: Iterable[tuple[Facts, UserAccess]], *, tied: bool) -> None:
        """Enter users with what they may before the change."""
        rows = ((facts.user_id, facts.operator, standing.number) for facts, standing in people)
        users = "(SELECT unnest(%s::bigint[]), unnest(%s::boolean[]), unnest(%s::integer[])) AS found"
        sql = f"INSERT INTO mandate_roll (tied, user_id, operator, before) SELECT %s, found.* FROM {users}"
        execute(sql, [tied, *columns(rows, 3)])

    def follow(self, after: Snapshot) -> None:
        """Enter what everybody may after it."""
        for tied in (True, False):
            for users in self._batches(tied=tied):
                rows = ((facts.user_id, standing.number) for facts, standing in after.people(users, teams=tied))
                found = "(SELECT unnest(%s::bigint[]), unnest(%s::integer[])) AS found (id, number)"
                execute(f"UPDATE mandate_roll SET after = number FROM {found} WHERE user_id = id", columns(rows, 2))
        execute("ANALYZE mandate_roll")

    def _batches(self, *, tied: bool) -> Iterator[list[int]]:
        last = 0
        sql = "SELECT user_id FROM mandate_roll WHERE tied = %s AND user_id > %s ORDER BY user_id LIMIT %s"
        while users := [user_id for (user_id,) in execute(sql, [tied, last, AT_ONCE])]:
            yield users
            last = users[-1]

    def alike(self) -> list[UserGroupCount]:
        """Those who stand alike, by both standings."""
        affected = f"count(*) FILTER (WHERE {AFFECTED}), min(user_id) FILTER (WHERE {AFFECTED})"
        sql = f"SELECT before, after, count(*), {affected} FROM mandate_roll GROUP BY 1, 2 ORDER BY 1, 2"
        return [UserGroupCount((before, after), *counts) for before, after, *counts in execute(sql)]

    def affected(self) -> frozenset[int]:
        """The users for whom the change makes a difference."""
        found = execute(f"SELECT user_id FROM mandate_roll WHERE {AFFECTED}")
        return frozenset(user_id for (user_id,) in found)
