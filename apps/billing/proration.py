"""What a period costs, when plan and seats change in the middle of it: by the day, exact, and rounded once at the end.

A day costs what holds at its end. A change of the same day therefore replaces the one before it, and the day on which
somebody upgrades is paid at the higher price.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from apps.billing.plans import Interval


@dataclass(frozen=True, slots=True)
class Price:
    """From this day on, a whole period costs this much: the seats times the price of one."""

    since: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DateSpan:
    """The days from `starts_on` up to `ends_on`, without that day; a full period of them has `days`."""

    starts_on: date
    ends_on: date
    days: int


def owed(span: DateSpan, prices: Iterable[Price]) -> Fraction:
    """What the span costs, exactly; of two prices of one day the later one in the list counts."""
    cost = Fraction(0)
    for starts_on, ends_on, amount in stretches(span, prices):
        cost += Fraction(amount) * (ends_on - starts_on).days / span.days
    return cost


def stretches(span: DateSpan, prices: Iterable[Price]) -> Iterator[tuple[date, date, Decimal]]:
    """The parts of the span with one price each, from and up to a day."""
    by_day = {price.since: price.amount for price in prices if price.since < span.ends_on}
    starts = sorted(by_day)
    for place, since in enumerate(starts):
        until = starts[place + 1] if place + 1 < len(starts) else span.ends_on
        starts_on, ends_on = max(since, span.starts_on), min(until, span.ends_on)
        if starts_on < ends_on:
            yield starts_on, ends_on, by_day[since]


def following(anchor: date, day: date, interval: Interval) -> date:
    """The first end of a period after `day`, where periods begin on the day of the month that `anchor` has.

    In a shorter month they begin on its last day, and on the anchor's day again in the next one.
    """
    months = interval.rank
    passed = (day.year - anchor.year) * 12 + day.month - anchor.month
    count = max(passed // months - 1, 0)
    while (found := _months_after(anchor, count * months)) <= day:
        count += 1
    return found


def _months_after(anchor: date, months: int) -> date:
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, calendar.monthrange(year, month + 1)[1]))
