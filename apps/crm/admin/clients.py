"""The admins of companies and contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.access.context import access_of
from apps.backoffice.actions import DELETE_SELECTED, EXPORT_SELECTED
from apps.backoffice.filters import BranchFilter, ResponsibleFilter
from apps.backoffice.inlines import inline_about
from apps.backoffice.recordform import branches_to_choose
from apps.crm.admin.base import ADDRESS, NOTES, OWNERSHIP, REACH, CrmAdmin
from apps.crm.admin.bulk import ADD_TAG, ASSIGN
from apps.crm.admin.filters import CreatedFilter, PrivateFilter, SourceFilter
from apps.crm.admin.inlines import (
    ActivityInline,
    CompanyOpportunityInline,
    ContactInline,
    ContactOpportunityInline,
    TaskInline,
)
from apps.crm.admin.vcards import VCARD
from apps.crm.models import Company, Contact
from apps.crm.templatetags.crm_columns import link_to


class CompanyAdmin(CrmAdmin):
    """An organisation that the account does business with."""

    list_display = ("title", "industry", "city", "phone", "who", "created")
    list_filter = (ResponsibleFilter, SourceFilter, CreatedFilter, BranchFilter)
    fieldsets = (
        (None, {"fields": ("name", "legal_name", ("industry", "size"), ("tax_number", "source"))}),
        REACH,
        ADDRESS,
        NOTES,
        OWNERSHIP,
    )
    inlines = (
        inline_about(ActivityInline, "company"),
        inline_about(TaskInline, "company"),
        ContactInline,
        CompanyOpportunityInline,
    )
    bulk_actions = (ASSIGN, ADD_TAG, EXPORT_SELECTED, DELETE_SELECTED)
    export_columns = (
        "reference",
        "name",
        "legal_name",
        "industry",
        "size",
        "tax_number",
        "source",
        "emails",
        "phones",
        "website",
        "postal_address",
        "tags",
        "branch",
        "responsible",
        "created_at",
    )
    export_related = ("source",)

    @display(description=_("Phone"), empty_value="—")
    def phone(self, company: Company) -> str | None:
        """The first number."""
        return next(iter(company.phones), None)


class ContactAdmin(CrmAdmin):
    """A person the account does business with."""

    list_display = ("title", "employer", "email", "phone", "who", "created")
    list_filter = (ResponsibleFilter, PrivateFilter, CreatedFilter, BranchFilter)
    fieldsets = (
        (None, {"fields": ("name", ("job_title", "company"), "private")}),
        REACH,
        ADDRESS,
        NOTES,
        OWNERSHIP,
    )
    inlines = (
        inline_about(ActivityInline, "contact"),
        inline_about(TaskInline, "contact"),
        ContactOpportunityInline,
    )
    bulk_actions = (ASSIGN, ADD_TAG, VCARD, EXPORT_SELECTED, DELETE_SELECTED)
    export_columns = (
        "reference",
        "name",
        "job_title",
        "company",
        "emails",
        "phones",
        "website",
        "postal_address",
        "tags",
        "branch",
        "responsible",
        "created_at",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        """A contact is made private, or public again, by those who may keep private contacts on its branch."""
        fixed = super().get_readonly_fields(request, obj)
        access = access_of(request)
        places = [obj.branch] if obj is not None else branches_to_choose(access, self.model(), self.record_type)
        return fixed if any(access.may("own_private_contacts", branch) for branch in places) else [*fixed, "private"]

    def subtitle(self, record: Contact) -> str:
        private = " · private" if record.private else ""
        return f"{record.reference}{f' · {record.job_title}' if record.job_title else ''}{private}"

    @display(description=_("Company"), empty_value="—")
    def employer(self, contact: Contact) -> Any:
        """Return the company."""
        return link_to(contact.company)

    @display(description=_("Email"), empty_value="—")
    def email(self, contact: Contact) -> Any:
        """The first address."""
        address = next(iter(contact.emails), None)
        return format_html('<a href="mailto:{0}" class="m-link">{0}</a>', address) if address else None

    @display(description=_("Phone"), empty_value="—")
    def phone(self, contact: Contact) -> str | None:
        """The first number."""
        return next(iter(contact.phones), None)
