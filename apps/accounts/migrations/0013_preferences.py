"""What an account has chosen for everybody in it: whoever sees the account sees it; the log has every change."""

import datetime

import django.db.models.deletion
from django.db import migrations, models

import apps.accounts.preferences
from apps.accounts.audited import ACCOUNT
from apps.accounts.tenancy import ExtraReadPolicy, Fenced
from apps.audit.operations import Audited

# Those accounts are seen that lead somebody to their own; an operator sees all.
SEEN = "EXISTS (SELECT FROM accounts_account WHERE id = account_id)"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_log_days"),
    ]

    operations = [
        migrations.CreateModel(
            name="Preferences",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC",
                        max_length=60,
                        validators=[apps.accounts.preferences.validate_time_zone],
                        verbose_name="time zone",
                    ),
                ),
                (
                    "date_order",
                    models.CharField(
                        choices=[
                            ("day_first", "5 Mar 2026: the day first"),
                            ("month_first", "Mar 5, 2026: the month first"),
                            ("iso", "2026-03-05: the year first, in figures"),
                        ],
                        default="day_first",
                        max_length=12,
                        verbose_name="dates",
                    ),
                ),
                (
                    "clock",
                    models.PositiveSmallIntegerField(
                        choices=[(24, "14:30: 24 hours"), (12, "2:30 PM: 12 hours")], default=24, verbose_name="times"
                    ),
                ),
                (
                    "week_begins",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "Sunday"), (1, "Monday"), (6, "Saturday")],
                        default=1,
                        verbose_name="first day of the week",
                    ),
                ),
                (
                    "task_due_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        choices=[
                            (0, "Today"),
                            (1, "Tomorrow"),
                            (3, "In three days"),
                            (7, "In a week"),
                            (14, "In two weeks"),
                        ],
                        null=True,
                        verbose_name="a new task is due",
                    ),
                ),
                ("task_due_time", models.TimeField(default=datetime.time(9, 0), verbose_name="a new task is due at")),
                ("next_task", models.BooleanField(default=False, verbose_name="go to the next task after one is done")),
                (
                    "rows_per_page",
                    models.PositiveSmallIntegerField(
                        choices=[(25, "25"), (50, "50"), (100, "100")], default=50, verbose_name="rows on a page"
                    ),
                ),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stored_preferences",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "verbose_name": "preferences",
                "verbose_name_plural": "preferences",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("date_order__in", ["day_first", "month_first", "iso"]),
                            ("clock__in", [24, 12]),
                            ("week_begins__in", [0, 1, 6]),
                            models.Q(("task_due_days", None), ("task_due_days__in", [0, 1, 3, 7, 14]), _connector="OR"),
                            ("rows_per_page__in", [25, 50, 100]),
                        ),
                        name="preferences_that_are_offered",
                    )
                ],
            },
        ),
        Fenced("Preferences"),
        ExtraReadPolicy("Preferences", "of_seen_account", SEEN),
        Audited("Preferences", text=ACCOUNT),
    ]
