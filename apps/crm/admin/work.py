"""The admins of tasks and activities."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.access.context import access_of
from apps.backoffice.actions import DELETE_SELECTED
from apps.backoffice.filters import BranchFilter, ResponsibleFilter
from apps.backoffice.inlines import inline_about
from apps.crm.admin.base import OWNERSHIP, CrmAdmin
from apps.crm.admin.bulk import ADD_TAG, ASSIGN
from apps.crm.admin.filters import ActivityKindFilter, CallResultFilter, CreatedFilter, TaskKindFilter, TaskStateFilter
from apps.crm.admin.inlines import ActivityInline
from apps.crm.admin.writing import WriteRefused, set_done
from apps.crm.models import Activity, Task
from apps.crm.templatetags.crm_columns import badge, due_badge, link_to


class TaskAdmin(CrmAdmin):
    """A task."""

    list_display = ("title", "about_what", "due", "importance", "who", "created")
    list_filter = (TaskStateFilter, ResponsibleFilter, TaskKindFilter, CreatedFilter, BranchFilter)
    readonly_fields = (*CrmAdmin.readonly_fields, "due")
    fieldsets = (
        (None, {"fields": ("name", ("kind", "priority"), "due_at", "description", "tags")}),
        (
            _("About"),
            {
                "classes": ["tab"],
                "description": _("A task can be about one record only."),
                "fields": ("about_lead", "about_contact", "about_company", "about_opportunity"),
            },
        ),
        OWNERSHIP,
    )
    inlines = (inline_about(ActivityInline, "task"),)
    bulk_actions = (ASSIGN, ADD_TAG, DELETE_SELECTED)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the address says, and when a new task is due in the account."""
        account = access_of(request).account
        due = None if account is None else account.preferences.task_due_at(timezone.now())
        return {**({} if due is None else {"due_at": due}), **super().get_changeform_initial_data(request)}

    def get_urls(self) -> list[URLPattern]:
        """The common ones, and completing or reopening a task."""
        wrap = self.admin_site.admin_view
        own = [
            path("<path:object_id>/complete/", wrap(self.complete_view), name="crm_task_complete"),
            path("<path:object_id>/reopen/", wrap(self.reopen_view), name="crm_task_reopen"),
        ]
        return own + super().get_urls()

    def complete_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Complete a task; its responsible needs no right to edit it."""
        return self._execute(request, object_id, done=True)

    def reopen_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open a completed task again; its responsible needs no right to edit it."""
        return self._execute(request, object_id, done=False)

    def _execute(self, request: HttpRequest, object_id: str, *, done: bool) -> HttpResponse:
        task = self.object_or_404(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            set_done(request, task, done=done)
        except WriteRefused as refused:
            messages.error(request, str(refused))
        else:
            sentence = (
                gettext("Completed %(task)s (%(reference)s).")
                if done
                else gettext("Reopened %(task)s (%(reference)s).")
            )
            messages.success(request, sentence % {"task": task, "reference": task.reference})
            if done and (address := self._next_task(request, task)):
                messages.info(request, gettext("What is the next step with %(record)s?") % {"record": task.about})
                return HttpResponseRedirect(address)
        back = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
            back = reverse("admin:crm_task_change", args=[task.pk])
        return HttpResponseRedirect(back)

    def _next_task(self, request: HttpRequest, task: Task) -> str:
        """Return the address for the next task about the same record; or an empty text."""
        access = access_of(request)
        if access.account is None or not access.account.preferences.next_task:
            return ""
        about = task.about
        if about is None or not access.may("add_task", task.branch):
            return ""
        query = urlencode({f"about_{about.record_type}": about.pk, "branch": task.branch_id})
        return f"{reverse('admin:crm_task_add')}?{query}"

    @display(description=_("About"), empty_value="—")
    def about_what(self, task: Task) -> Any:
        """The record that it is about, where it is visible."""
        return link_to(task.about)

    @display(description=_("State"), ordering="due_at")
    def due(self, task: Task) -> Any:
        """Done, overdue or when it is due."""
        return due_badge(task)

    @display(description=_("Priority"), ordering="priority")
    def importance(self, task: Task) -> Any:
        """Return the priority; normal has no colour."""
        tone = {Task.Priority.HIGH: "warning"}.get(Task.Priority(task.priority), "")
        return badge(task.get_priority_display(), tone) if tone else task.get_priority_display()


class ActivityAdmin(CrmAdmin):
    """An activity."""

    list_display = ("title", "what", "about_what", "by", "happened")
    list_filter = (ResponsibleFilter, ActivityKindFilter, CallResultFilter, CreatedFilter, BranchFilter)
    list_select_related = ("branch", "responsible", "created_by", "result")
    fieldsets = (
        (None, {"fields": (("kind", "result"), "happened_at", "name", "body", "duration")}),
        (
            _("About"),
            {
                "classes": ["tab"],
                "description": _("Choose one record. Everyone who can see it sees this activity."),
                "fields": ("about_lead", "about_contact", "about_company", "about_opportunity", "about_task"),
            },
        ),
        OWNERSHIP,
    )
    bulk_actions = (DELETE_SELECTED,)

    @display(description=_("Kind"), ordering="kind")
    def what(self, activity: Activity) -> Any:
        """Return the kind, with the result of a call."""
        kind = activity.get_kind_display()
        return badge(f"{kind}: {activity.result}" if activity.result else kind)

    @display(description=_("About"), empty_value="—")
    def about_what(self, activity: Activity) -> Any:
        """The record that it is about."""
        return link_to(activity.about)

    @display(description=_("By"), empty_value="—")
    def by(self, activity: Activity) -> str | None:
        """Return the author."""
        return str(activity.created_by) if activity.created_by else None

    @display(description=_("When"), ordering="happened_at")
    def happened(self, activity: Activity) -> Any:
        """Return the time of the activity."""
        return activity.happened_at
