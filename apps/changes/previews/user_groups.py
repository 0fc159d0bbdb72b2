"""Crowds: those of whom a change makes the same, and what becomes of the records that they see, in sums."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache

from apps.changes.previews.affected_users import Pair
from apps.changes.previews.people import ELSEWHERE, UserAccess
from apps.changes.previews.values import Numbers
from apps.roles.scopes import Scope

Masks = tuple[int, int]
"""The reaches by which somebody is within a record, and within the one that it lives in."""
Sight = tuple[Scope, Scope]
"""The scope of viewing records of a type, and those that they live in (`all`, where they live in none)."""
Places = tuple[tuple[int, int, int], ...]
"""Branch by branch the numbers of somebody's scopes before and after, where they differ."""
NO_REACH: Masks = (0, 0)


@dataclass(slots=True)
class UserGroup:
    """Those of whom the same becomes, by their standings before and after, and their numbers in all and by reach.

    `first` is the first of those who are `affected`.
    """

    number: int
    places: Places
    pairs: list[Pair] = field(default_factory=list)
    members: int = 0
    affected: int = 0
    first: tuple[int, Pair] | None = None
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


def places_of(before: UserAccess, after: UserAccess, branches: Collection[int]) -> Places:
    """Where somebody may other things than before: of the branches where they are no member, each by itself."""
    elsewhere = before.scopes[ELSEWHERE] != after.scopes[ELSEWHERE]
    named = branches if elsewhere else (before.scopes.keys() | after.scopes.keys()) - {ELSEWHERE}
    found = ((branch_id, before.on(branch_id), after.on(branch_id)) for branch_id in sorted(named))
    return tuple(place for place in found if place[1] != place[2])


@cache
def seen(sight: Sight, masks: Masks) -> str | None:
    """The reach by which such a record is seen; None where it is not."""
    reaches = [_reach(scope, mask) for scope, mask in zip(sight, masks, strict=True)]
    return None if None in reaches else reaches[0]


def _reach(scope: Scope, mask: int) -> str | None:
    if scope & Scope.ALL:
        return Scope.ALL.names[0]
    return next(iter(Scope(int(scope) & mask).names), None)


def differs(was: Sight, is_now: Sight) -> bool:
    """Whether records that nobody reaches but by `all` come or go."""
    return (seen(was, NO_REACH) is None) != (seen(is_now, NO_REACH) is None)
