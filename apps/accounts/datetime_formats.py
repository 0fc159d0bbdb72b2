"""How days and times are written: a few forms by name, as the account that is worked in has chosen.

What is shown to people goes through `written`, or in templates through the filters of the same names. What is meant for
machines (exports, `datetime=` attributes, the organisation file) is ISO 8601, whatever an account prefers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time
from enum import StrEnum
from typing import NamedTuple

from django.db.models import IntegerChoices, TextChoices
from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext_lazy as _


class DateOrder(TextChoices):
    """In which order a date is written."""

    DAY_FIRST = "day_first", _("5 Mar 2026: the day first")
    MONTH_FIRST = "month_first", _("Mar 5, 2026: the month first")
    ISO = "iso", _("2026-03-05: the year first, in figures")


class Clock(IntegerChoices):
    """How many hours the clock counts to."""

    TWENTY_FOUR = 24, _("14:30: 24 hours")
    TWELVE = 12, _("2:30 PM: 12 hours")


class Weekday(IntegerChoices):
    """A day that weeks begin with, numbered from Sunday as calendars in the browser do."""

    SUNDAY = 0, _("Sunday")
    MONDAY = 1, _("Monday")
    SATURDAY = 6, _("Saturday")


class DateTimeStyle(NamedTuple):
    """How one account has days and times written, and its calendars begin."""

    date_order: str = DateOrder.DAY_FIRST
    clock: int = Clock.TWENTY_FOUR
    week_begins: int = Weekday.MONDAY


class DateTimeForm(StrEnum):
    """What of a day or a moment is written."""

    DAY = "day"
    SHORT_DAY = "short_day"
    LONG_DAY = "long_day"
    WEEKDAY = "weekday"
    TIME = "time_of_day"
    MOMENT = "moment"
    SHORT_MOMENT = "short_moment"
    EXACT_MOMENT = "exact_moment"
    LONG_MOMENT = "long_moment"
    ZONED_MOMENT = "zoned_moment"
    ZONED_WEEKDAY = "zoned_weekday"


# Of each order: a day without its year, with it, with the month in full, and with the day of the week.
_DAYS = {
    DateOrder.DAY_FIRST: ("j M", "j M Y", "j F Y", "l, j F"),
    DateOrder.MONTH_FIRST: ("M j", "M j, Y", "F j, Y", "l, F j"),
    DateOrder.ISO: ("Y-m-d", "Y-m-d", "Y-m-d", "l, Y-m-d"),
}
_WITH_YEAR = {
    DateOrder.DAY_FIRST: "l, j F Y",
    DateOrder.MONTH_FIRST: "l, F j, Y",
    DateOrder.ISO: "l, Y-m-d",
}
_TIMES = {Clock.TWENTY_FOUR: ("H:i", "H:i:s"), Clock.TWELVE: ("g:i A", "g:i:s A")}

PLAIN = DateTimeStyle()
_writing: ContextVar[DateTimeStyle] = ContextVar("writing", default=PLAIN)


def current() -> DateTimeStyle:
    """How days and times are written here and now."""
    return _writing.get()


@contextmanager
def written_as(writing: DateTimeStyle) -> Iterator[None]:
    """Days and times inside are written so, and then as before."""
    token = _writing.set(writing)
    try:
        yield
    finally:
        _writing.reset(token)


def pattern(form: str) -> str:
    """The form in the letters of Django's `date` filter, as days and times are written here and now."""
    writing = current()
    short_day, day, long_day, weekday = _DAYS[DateOrder(writing.date_order)]
    minutes, seconds = _TIMES[Clock(writing.clock)]
    return {
        DateTimeForm.DAY: day,
        DateTimeForm.SHORT_DAY: short_day,
        DateTimeForm.LONG_DAY: long_day,
        DateTimeForm.WEEKDAY: weekday,
        DateTimeForm.TIME: minutes,
        DateTimeForm.MOMENT: f"{day}, {minutes}",
        DateTimeForm.SHORT_MOMENT: f"{short_day}, {minutes}",
        DateTimeForm.EXACT_MOMENT: f"{day}, {seconds}",
        DateTimeForm.LONG_MOMENT: f"{long_day}, {minutes}",
        DateTimeForm.ZONED_MOMENT: f"{long_day}, {minutes} e",
        DateTimeForm.ZONED_WEEKDAY: f"{_WITH_YEAR[DateOrder(writing.date_order)]}, {minutes} e",
    }[DateTimeForm(form)]


def written(value: date | datetime | time | None, form: str) -> str:
    """The day or moment in that form, a moment as it is in the current time zone; empty where there is none."""
    if not value:
        return ""
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    if isinstance(value, time):
        return time_format(value, pattern(form))
    return date_format(value, pattern(form))
