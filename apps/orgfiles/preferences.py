"""The account's preferences in its organisation file: a mapping of those that are not as every account begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import time
from typing import Any

from apps.accounts.datetime_formats import Clock, DateOrder, Weekday
from apps.accounts.models import Account
from apps.accounts.preferences import Preferences, RowsPerPage, TaskDue
from apps.accounts.time_zones import known_time_zones
from apps.orgfiles import values
from apps.orgfiles.rows import MappingReader
from apps.orgfiles.values import InvalidValue


def read(row: MappingReader) -> dict[str, Any]:
    """The preferences that a file states, by column."""
    found = {name: row.get(name, reader) for name, reader in _READERS.items()}
    row.close()
    return {name: value for name, value in found.items() if value is not None}


def stated(account: Account) -> dict[str, Any]:
    """The account's preferences as a file states them."""
    plain, kept = Preferences(), account.preferences
    found = {name: getattr(kept, name) for name in _READERS if getattr(kept, name) != getattr(plain, name)}
    return {name: f"{each:%H:%M:%S}" if isinstance(each, time) else each for name, each in found.items()}


def _time_zone(value: Any) -> str:
    found = values.text(value)
    if found not in known_time_zones():
        raise InvalidValue(f'"{found}" is not a time zone: write one such as Europe/Oslo')
    return found


def _time(value: Any) -> time:
    try:
        found = time.fromisoformat(values.text(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise InvalidValue(f"must be a time of the day such as 09:00, not {values.kind_of(value)}")
    return found


def _one_of(choices: list[int]) -> Callable[[Any], int]:
    def read_number(value: Any) -> int:
        number = values.integer(value)
        if number not in choices:
            raise InvalidValue(f"is {number}, which is not one of {', '.join(map(str, choices))}")
        return number

    return read_number


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "time_zone": _time_zone,
    "date_order": values.choice(*DateOrder.values),
    "clock": _one_of(Clock.values),
    "week_begins": _one_of(Weekday.values),
    "task_due_days": _one_of(TaskDue.values),
    "task_due_time": _time,
    "next_task": values.flag,
    "rows_per_page": _one_of(RowsPerPage.values),
}
