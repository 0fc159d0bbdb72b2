"""Inline tables on a record's page: tasks, activities, contacts and opportunities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from apps.access.context import access_of
from apps.backoffice.inlines import RecordInline, RecordInlineFormSet
from apps.crm.models import Activity, Contact, Opportunity, Task
from apps.crm.pipelines import has_several
from apps.crm.templatetags.crm_columns import due_badge


class TaskInlineFormSet(RecordInlineFormSet):
    """A task that is added begins as it does on its own page."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        account = access_of(self.asked_by).account
        if form.instance.pk is None and account is not None and "due_at" in form.fields:
            due = form.fields["due_at"]
            due.initial = account.preferences.task_due_at(timezone.now())
            # A row that was left empty doesn't count, whatever the hour is by then.
            due.show_hidden_initial = True


class TaskInline(RecordInline):
    """The newest tasks about the record."""

    model = Task
    formset = TaskInlineFormSet
    fields = ("name", "kind", "due_at", "state", "who")
    readonly_fields = ("state", "who")

    @display(description=gettext_lazy("State"))
    def state(self, task: Task) -> Any:
        """Done, overdue or when it is due."""
        return due_badge(task) if task.pk else _("New")

    @display(description=gettext_lazy("Owner"), empty_value=gettext_lazy("Nobody"))
    def who(self, task: Task) -> str | None:
        """Return the owner; at first, the person who adds the task."""
        if not task.pk:
            return _("You")
        return str(task.responsible) if task.responsible else None


class ActivityInline(RecordInline):
    """The newest activities about the record."""

    model = Activity
    fields = ("kind", "happened_at", "name", "body", "who")
    readonly_fields = ("who",)

    @display(description=gettext_lazy("By"), empty_value=gettext_lazy("Nobody"))
    def who(self, activity: Activity) -> str | None:
        """Return the author."""
        if not activity.pk:
            return _("You")
        return str(activity.created_by) if activity.created_by else None


class ReadOnlyInline(RecordInline):
    """Records that are linked to this one, to look at and to open; they are made and changed on their own pages."""

    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ContactInline(ReadOnlyInline):
    """The people of a company."""

    model = Contact
    fk_name = "company"
    fields = readonly_fields = ("name", "job_title", "first_email", "first_phone")

    @display(description=gettext_lazy("Email"))
    def first_email(self, contact: Contact) -> str | None:
        """The first address."""
        return next(iter(contact.emails), None)

    @display(description=gettext_lazy("Phone"))
    def first_phone(self, contact: Contact) -> str | None:
        """The first number."""
        return next(iter(contact.phones), None)


class OpportunityInline(ReadOnlyInline):
    """The deals with a company or a person."""

    model = Opportunity
    fields = ("name", "status", "amount", "close_date", "responsible")
    readonly_fields = ("way", *fields)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        """Where there are several pipelines, a status is shown with its own before it."""
        name, *others = self.fields
        return (name, "way", *others) if has_several(access_of(request)) else self.fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("status__pipeline")

    @display(description=gettext_lazy("Pipeline"))
    def way(self, opportunity: Opportunity) -> str | None:
        """Return the pipeline of its status."""
        return opportunity.pipeline.name if opportunity.pipeline else None


class CompanyOpportunityInline(OpportunityInline):
    """The deals with a company."""

    fk_name = "company"


class ContactOpportunityInline(OpportunityInline):
    """The deals with a person."""

    fk_name = "contact"
