"""The admin of leads."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.backoffice.actions import DELETE_SELECTED, EXPORT_SELECTED
from apps.backoffice.filters import BranchFilter, ResponsibleFilter
from apps.backoffice.inlines import inline_about
from apps.crm.admin.base import ADDRESS, NOTES, OWNERSHIP, REACH, CrmAdmin
from apps.crm.admin.bulk import ADD_TAG, ASSIGN, LEAD_STATUS
from apps.crm.admin.filters import CreatedFilter, LeadStatusFilter, OutcomeFilter, SourceFilter
from apps.crm.admin.inlines import ActivityInline, TaskInline
from apps.crm.models import Lead
from apps.crm.templatetags.crm_columns import money, status_badge


class LeadAdmin(CrmAdmin):
    """A person or company that may become a customer."""

    list_display = ("title", "told_company", "state", "worth", "who", "created")
    list_filter = (ResponsibleFilter, LeadStatusFilter, OutcomeFilter, SourceFilter, CreatedFilter, BranchFilter)
    list_select_related = ("branch", "responsible", "status")
    list_links = ("company",)
    fieldsets = (
        (
            None,
            {"fields": ("name", ("person_name", "job_title"), "company_name", ("status", "source"), "value")},
        ),
        REACH,
        (_("Linked to"), {"classes": ["tab"], "fields": ("contact", "company")}),
        ADDRESS,
        NOTES,
        OWNERSHIP,
    )
    inlines = (inline_about(ActivityInline, "lead"), inline_about(TaskInline, "lead"))
    bulk_actions = (ASSIGN, LEAD_STATUS, ADD_TAG, EXPORT_SELECTED, DELETE_SELECTED)
    export_columns = (
        "reference",
        "name",
        "person_name",
        "job_title",
        "company_name",
        "contact",
        "company",
        "status",
        "source",
        "value",
        "emails",
        "phones",
        "postal_address",
        "tags",
        "branch",
        "responsible",
        "created_at",
    )
    export_related = ("status", "source")

    def subtitle(self, record: Lead) -> str:
        return f"{record.reference} · {record.person_name}" if record.person_name else record.reference

    @display(description=_("Company"), empty_value="—")
    def told_company(self, lead: Lead) -> str | None:
        """The linked company, or the one that was told."""
        return str(lead.company) if lead.company else lead.company_name or None

    @display(description=_("Status"), empty_value="—")
    def state(self, lead: Lead) -> Any:
        """Return the status."""
        return status_badge(lead.status)

    @display(description=_("Value"), ordering="value", empty_value="—")
    def worth(self, lead: Lead) -> str | None:
        """Return the value."""
        return money(lead.value)
