"""Timing contestants in turn, so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, TypeVar

Contestants = Mapping[str, Callable[[], Any]]
ROUNDS = 25
FEWEST = 7
SECONDS = 4.0
TIMES = 200
T = TypeVar("T")


def interleaved(contestants: Contestants, *, rounds: int = ROUNDS) -> dict[str, float]:
    """The median seconds of each, called in turn `rounds` times, or as often as `SECONDS` allow, but `FEWEST` times."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for call in contestants.values():
        call()
    gc.collect()
    began = time.perf_counter()
    for done in range(rounds):
        if done >= FEWEST and time.perf_counter() - began > SECONDS:
            break
        for name, call in contestants.items():
            start = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - start)
    return {name: median(times) for name, times in taken.items()}


def each(contestants: Mapping[str, Callable[[T], Any]], things: Sequence[T]) -> dict[str, float]:
    """The median seconds that one question about one thing takes, for questions too short to be timed one by one."""

    def all_of(ask: Callable[[T], Any]) -> Callable[[], None]:
        def run() -> None:
            for thing in things:
                ask(thing)

        return run

    times = interleaved({name: all_of(ask) for name, ask in contestants.items()}, rounds=TIMES)
    return {name: seconds / len(things) for name, seconds in times.items()}
