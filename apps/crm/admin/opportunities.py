"""The admin of opportunities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.access.context import access_of
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.backoffice.actions import DELETE_SELECTED, EXPORT_SELECTED
from apps.backoffice.filters import BranchFilter, ResponsibleFilter
from apps.backoffice.inlines import inline_about
from apps.crm.admin.base import NOTES, OWNERSHIP, CrmAdmin
from apps.crm.admin.bulk import ADD_TAG, ASSIGN, OPPORTUNITY_STATUS
from apps.crm.admin.filters import CreatedFilter, OpportunityStatusFilter, OutcomeFilter, PipelineFilter
from apps.crm.admin.inlines import ActivityInline, TaskInline
from apps.crm.models import Opportunity, Outcome
from apps.crm.pipelines import has_several
from apps.crm.templatetags.crm_columns import badge, link_to, money, status_badge


class OpportunityAdmin(CrmAdmin):
    """A deal that may be made."""

    list_display = ("title", "with_whom", "state", "worth", "closing", "who")
    list_filter = (
        ResponsibleFilter,
        PipelineFilter,
        OpportunityStatusFilter,
        OutcomeFilter,
        CreatedFilter,
        BranchFilter,
    )
    list_select_related = ("branch", "responsible", "status__pipeline")
    list_links = ("company", "contact")
    fieldsets = (
        (
            None,
            {"fields": ("name", ("company", "contact"), ("status", "probability"), "amount", ("close_date", "source"))},
        ),
        (_("Linked to"), {"classes": ["tab"], "fields": ("lead",)}),
        NOTES,
        OWNERSHIP,
    )
    inlines = (inline_about(ActivityInline, "opportunity"), inline_about(TaskInline, "opportunity"))
    bulk_actions = (ASSIGN, OPPORTUNITY_STATUS, ADD_TAG, EXPORT_SELECTED, DELETE_SELECTED)
    export_columns = (
        "reference",
        "name",
        "company",
        "contact",
        "pipeline",
        "status",
        "probability",
        "amount",
        "close_date",
        "source",
        "tags",
        "branch",
        "responsible",
        "created_at",
    )

    export_related = ("status__pipeline", "source")

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        """Where there are several pipelines, a status is shown with its own before it."""
        if not has_several(access_of(request)):
            return self.list_display
        place = self.list_display.index("state")
        return (*self.list_display[:place], "way", *self.list_display[place:])

    @display(description=_("Pipeline"), empty_value="—")
    def way(self, opportunity: Opportunity) -> str | None:
        """Return the pipeline of its status."""
        return opportunity.pipeline.name if opportunity.pipeline else None

    @display(description=_("Client"), empty_value="—")
    def with_whom(self, opportunity: Opportunity) -> Any:
        """The company, or the person."""
        return link_to(opportunity.company or opportunity.contact)

    @display(description=_("Status"), empty_value="—")
    def state(self, opportunity: Opportunity) -> Any:
        """Return the status."""
        return status_badge(opportunity.status)

    @display(description=_("Amount"), ordering="amount", empty_value="—")
    def worth(self, opportunity: Opportunity) -> str | None:
        """For how much."""
        return money(opportunity.amount)

    @display(description=_("Expected close"), ordering="close_date", empty_value="—")
    def closing(self, opportunity: Opportunity) -> Any:
        """Return the expected close; overdue dates are marked."""
        if opportunity.close_date is None:
            return None
        day = written(opportunity.close_date, DateTimeForm.DAY)
        is_open = opportunity.status is None or opportunity.status.outcome == Outcome.OPEN
        return badge(day, "danger") if is_open and opportunity.close_date < timezone.localdate() else day
