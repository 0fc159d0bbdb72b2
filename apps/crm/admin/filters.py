"""The CRM's own filters of lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.access.context import access_of
from apps.backoffice.filters import AccountListFilter
from apps.crm.models import Activity, CallResult, LeadStatus, OpportunityStatus, Outcome, Pipeline, Source, Task
from apps.crm.pipelines import has_several, pipelines_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class LeadStatusFilter(AccountListFilter):
    """The status of a lead."""

    title = _("status")
    parameter_name = "status"
    model = LeadStatus


class PipelineFilter(AccountListFilter):
    """Which way an opportunity takes; no filter where there is only one."""

    title = "pipeline"
    parameter_name = "pipeline"
    path = "status__pipeline"
    model = Pipeline

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        access = access_of(request)
        return [(str(each.pk), each.name) for each in pipelines_of(access)] if has_several(access) else []


class OpportunityStatusFilter(AccountListFilter):
    """The status of an opportunity, with its pipeline where there are several."""

    title = _("status")
    parameter_name = "status"
    model = OpportunityStatus

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        access = access_of(request)
        rows = OpportunityStatus.objects.filter(account=access.account_id).select_related("pipeline")
        several = has_several(access)
        return [(str(row.pk), f"{row.pipeline}: {row}" if several else row.name) for row in rows]


class SourceFilter(AccountListFilter):
    """The source of a record."""

    title = _("source")
    parameter_name = "source"
    model = Source


class CallResultFilter(AccountListFilter):
    """The result of a call."""

    title = _("call result")
    parameter_name = "result"
    model = CallResult


class ChoiceFilter(admin.SimpleListFilter):
    """A fixed set of choices, each with its condition."""

    options: ClassVar[Mapping[str, tuple[StrOrPromise, Callable[[], Q]]]]

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        return [(key, str(label)) for key, (label, _condition) in self.options.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        if value not in self.options:
            return queryset.none()
        return queryset.filter(self.options[value][1]())


def _is(**condition: Any) -> Callable[[], Q]:
    return lambda: Q(**condition)


def _within(days: int) -> Callable[[], Q]:
    return lambda: Q(created_at__gte=timezone.now() - timedelta(days=days))


class OutcomeFilter(ChoiceFilter):
    """Open, won or lost."""

    title = _("outcome")
    parameter_name = "outcome"
    options = {outcome.value: (outcome.label, _is(status__outcome=outcome.value)) for outcome in Outcome}


class CreatedFilter(ChoiceFilter):
    """The age of a record."""

    title = _("created")
    parameter_name = "created"
    options = {
        str(days): (label, _within(days))
        for days, label in (
            (1, _("Last 24 hours")),
            (7, _("Last 7 days")),
            (30, _("Last 30 days")),
            (365, _("Last year")),
        )
    }


class TaskStateFilter(ChoiceFilter):
    """Open, overdue or done."""

    title = _("state")
    parameter_name = "state"
    options = {
        "open": (_("Open"), _is(done=False)),
        "overdue": (_("Overdue"), lambda: Q(done=False, due_at__lt=timezone.now())),
        "done": (_("Done"), _is(done=True)),
    }


class TaskKindFilter(ChoiceFilter):
    """The kind of task."""

    title = _("kind")
    parameter_name = "kind"
    options = {kind.value: (kind.label, _is(kind=kind.value)) for kind in Task.Kind}


class ActivityKindFilter(ChoiceFilter):
    """The kind of activity."""

    title = _("kind")
    parameter_name = "kind"
    options = {kind.value: (kind.label, _is(kind=kind.value)) for kind in Activity.Kind}


class PrivateFilter(ChoiceFilter):
    """Private contacts: of those, everybody sees only their own."""

    title = _("privacy")
    parameter_name = "private"
    options = {
        "yes": (_("My private contacts"), _is(private=True)),
        "no": (_("Not private"), _is(private=False)),
    }
