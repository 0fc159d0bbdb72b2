"""Tasks and activities: what is to be done about a record, and what was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Func, IntegerField, Q
from django.db.models.lookups import Exact, LessThanOrEqual
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.access.records import record_constraints, record_indexes, register
from apps.audit.text import MultiLineField, SingleLineField
from apps.crm.models.base import CrmRecord, DescribedRecord, custom_index, details_index, link, link_index, name_index
from apps.crm.models.clients import Company, Contact
from apps.crm.models.customisation import CallResult
from apps.crm.models.sales import Lead, Opportunity


def _filled(fields: Mapping[str, str]) -> Func:
    """Return the SQL that counts the columns with a value."""
    return Func(*(F(field) for field in fields), function="num_nonnulls", output_field=IntegerField())


_TASK_ABOUT = {
    "about_lead": "lead",
    "about_contact": "contact",
    "about_company": "company",
    "about_opportunity": "opportunity",
}
_ACTIVITY_ABOUT = {**_TASK_ABOUT, "about_task": "task"}


@register
class Task(DescribedRecord):
    """Something to be done, about one record or about none. Its responsible completes and reopens it."""

    record_type = "task"
    about_fields: ClassVar[Mapping[str, str]] = _TASK_ABOUT
    still_to_do: ClassVar[Q] = Q(done=False)

    class Kind(models.TextChoices):
        """The kind of task."""

        TODO = "todo", _("To do")
        CALL = "call", _("Call")
        EMAIL = "email", _("Email")
        MEETING = "meeting", _("Meeting")
        FOLLOW_UP = "follow_up", _("Follow up")

    class Priority(models.IntegerChoices):
        """The priority."""

        LOW = 1, _("Low")
        NORMAL = 2, _("Normal")
        HIGH = 3, _("High")

    kind = SingleLineField(max_length=10, choices=Kind.choices, default=Kind.TODO)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    due_at = models.DateTimeField("due", null=True, blank=True)
    done = models.BooleanField(default=False, editable=False)
    done_at = models.DateTimeField("completed", null=True, blank=True, editable=False)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        editable=False,
    )
    about_lead = link(Lead, "tasks", models.SET_NULL)
    about_contact = link(Contact, "tasks", models.SET_NULL)
    about_company = link(Company, "tasks", models.SET_NULL)
    about_opportunity = link(Opportunity, "tasks", models.SET_NULL)

    class Meta(DescribedRecord.Meta):
        """Newest first; about one record at most; done means when."""

        default_permissions = ("add", "view", "change", "delete")
        constraints = [
            *record_constraints("task"),
            models.CheckConstraint(
                condition=LessThanOrEqual(_filled(_TASK_ABOUT), 1),
                name="tasks_are_about_one_at_most",
                violation_error_message=_("A task can be about one record only."),
            ),
            models.CheckConstraint(
                condition=Q(done=True, done_at__isnull=False) | Q(done=False, done_at=None, done_by=None),
                name="done_tasks_know_when",
            ),
        ]
        indexes = [
            *record_indexes("task"),
            name_index("task"),
            details_index("task", "tags"),
            custom_index("task"),
            *(link_index(f"task_by_{about}", field) for field, about in _TASK_ABOUT.items()),
            models.Index(
                fields=["account", "responsible", "due_at", "id"], condition=Q(done=False), name="task_open_by_due"
            ),
        ]


@register
class Activity(CrmRecord):
    """An activity with a record: a note, a call, a message, an email or a meeting."""

    record_type = "activity"
    about_fields: ClassVar[Mapping[str, str]] = _ACTIVITY_ABOUT

    class Kind(models.TextChoices):
        """The kind of activity."""

        NOTE = "note", _("Note")
        CALL = "call", _("Call")
        MESSAGE = "message", _("Message")
        EMAIL = "email", _("Email")
        MEETING = "meeting", _("Meeting")

    name = SingleLineField("subject", max_length=255, blank=True)
    kind = SingleLineField(max_length=10, choices=Kind.choices, default=Kind.NOTE)
    happened_at = models.DateTimeField("when", default=timezone.now)
    result = link(CallResult, "+", models.PROTECT)
    duration = models.PositiveIntegerField(_("duration in minutes"), null=True, blank=True)
    body = MultiLineField("text", blank=True)
    about_lead = link(Lead, "activities", models.CASCADE)
    about_contact = link(Contact, "activities", models.CASCADE)
    about_company = link(Company, "activities", models.CASCADE)
    about_opportunity = link(Opportunity, "activities", models.CASCADE)
    about_task = link(Task, "activities", models.CASCADE)

    class Meta(CrmRecord.Meta):
        """Newest first; about exactly one record; only a call has a result."""

        default_permissions = ("add", "view", "change", "delete")
        verbose_name_plural = "activities"
        constraints = [
            *record_constraints("activity"),
            models.CheckConstraint(
                condition=Exact(_filled(_ACTIVITY_ABOUT), 1),
                name="activities_are_about_exactly_one",
                violation_error_message=_("An activity must be about one record."),
            ),
            models.CheckConstraint(
                condition=Q(result=None) | Q(kind="call"),
                name="only_calls_have_a_result",
                violation_error_message=_("Only calls have a result."),
            ),
        ]
        indexes = [
            *record_indexes("activity"),
            name_index("activity"),
            link_index("activity_by_result", "result"),
            *(link_index(f"activity_by_{about}", field) for field, about in _ACTIVITY_ABOUT.items()),
        ]
