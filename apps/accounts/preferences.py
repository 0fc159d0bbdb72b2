"""An account's preferences: date and time formats, defaults of new tasks, length of lists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.datetime_formats import PLAIN, Clock, DateOrder, DateTimeStyle, Weekday, written_as
from apps.accounts.time_zones import UTC, known_time_zones
from apps.audit.text import SingleLineField

if TYPE_CHECKING:
    from apps.accounts.models import Account, User


class TaskDue(models.IntegerChoices):
    """In how many days a new task is due, as its form begins."""

    TODAY = 0, _("Today")
    TOMORROW = 1, _("Tomorrow")
    IN_THREE_DAYS = 3, _("In three days")
    IN_A_WEEK = 7, _("In a week")
    IN_TWO_WEEKS = 14, _("In two weeks")


class RowsPerPage(models.IntegerChoices):
    """How long a page of a list is."""

    SHORT = 25, "25"
    MIDDLE = 50, "50"
    LONG = 100, "100"


def validate_time_zone(name: str) -> None:
    """Refuse what is no time zone.

    Raises:
        ValidationError: there is none of that name.
    """
    if name not in known_time_zones():
        raise ValidationError(
            _("“%(name)s” is not a time zone. Choose one such as Europe/Oslo."), code="time_zone", params={"name": name}
        )


class Preferences(models.Model):
    """An account's choices. An account that has none yet has these as they begin (`Account.preferences`).

    `task_due_days` empty (NULL) means that a new task is due at no time; else it is due at `task_due_time`. Where
    `next_task` is set, completing a record's task leads to the next one.
    """

    account = models.OneToOneField("accounts.Account", on_delete=models.PROTECT, related_name="stored_preferences")
    time_zone = SingleLineField(_("time zone"), max_length=60, default=UTC, validators=[validate_time_zone])
    date_order = SingleLineField(_("dates"), max_length=12, choices=DateOrder.choices, default=PLAIN.date_order)
    clock = models.PositiveSmallIntegerField(_("times"), choices=Clock.choices, default=PLAIN.clock)
    week_begins = models.PositiveSmallIntegerField(
        _("first day of the week"), choices=Weekday.choices, default=PLAIN.week_begins
    )
    task_due_days = models.PositiveSmallIntegerField(
        _("a new task is due"), choices=TaskDue.choices, null=True, blank=True
    )
    task_due_time = models.TimeField(_("a new task is due at"), default=time(9))
    next_task = models.BooleanField(_("go to the next task after one is done"), default=False)
    rows_per_page = models.PositiveSmallIntegerField(
        _("rows on a page"), choices=RowsPerPage.choices, default=RowsPerPage.MIDDLE
    )

    class Meta:
        """No record type; the catalogue has `manage_preferences`. What no page could show is not stored."""

        default_permissions = ()
        verbose_name = verbose_name_plural = "preferences"
        constraints = [
            models.CheckConstraint(
                condition=Q(date_order__in=DateOrder.values)
                & Q(clock__in=Clock.values)
                & Q(week_begins__in=Weekday.values)
                & (Q(task_due_days=None) | Q(task_due_days__in=TaskDue.values))
                & Q(rows_per_page__in=RowsPerPage.values),
                name="preferences_that_are_offered",
            ),
        ]

    def __str__(self) -> str:
        return str(self.account)

    @property
    def writing(self) -> DateTimeStyle:
        """How days and times are written."""
        return DateTimeStyle(self.date_order, self.clock, self.week_begins)

    def task_due_at(self, now: datetime) -> datetime | None:
        """When a task that is begun now is due, in the current time zone; nothing where it is due at no time.

        It is never overdue as it begins: where today's hour has passed, it is due at the next full one.
        """
        if self.task_due_days is None:
            return None
        local = timezone.localtime(now)
        day = local.date() + timedelta(days=self.task_due_days)
        due = datetime.combine(day, self.task_due_time, tzinfo=local.tzinfo)
        # Compared as moments: where clocks are put back, an hour comes twice.
        if due.timestamp() > now.timestamp():
            return due
        return timezone.localtime(now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)


def zone_of(user: User | None, account: Account | None) -> str:
    """The time zone of a reader in an account: their own, else the account's, else UTC."""
    known = known_time_zones()
    if user is not None and user.time_zone in known:
        return user.time_zone
    zone = UTC if account is None else account.preferences.time_zone
    return zone if zone in known else UTC


@contextmanager
def as_read_by(user: User | None, account: Account | None) -> Iterator[None]:
    """Days and times inside are those of the reader's zone, written as the account has them; then as before.

    Without a reader they are those of the account's zone.
    """
    writing = PLAIN if account is None else account.preferences.writing
    with timezone.override(zone_of(user, account)), written_as(writing):
        yield
