"""Leads and opportunities: business that may come about."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.access.records import record_constraints, record_indexes, register
from apps.audit.text import SingleLineField
from apps.crm.models.base import (
    DescribedRecord,
    custom_index,
    details_index,
    link,
    link_index,
    name_index,
    prefix_index,
)
from apps.crm.models.clients import Company, Contact
from apps.crm.models.customisation import LeadStatus, OpportunityStatus, Pipeline, Source
from apps.crm.models.fields import AmountField, ContactDetails


@register
class Lead(DescribedRecord, ContactDetails):
    """A person or company that may become a customer. `name` is its title.

    Person and company are text until they are linked.
    """

    record_type = "lead"

    person_name = SingleLineField("person", max_length=255, blank=True)
    job_title = SingleLineField(max_length=150, blank=True)
    company_name = SingleLineField(_("company name"), max_length=255, blank=True)
    contact = link(Contact, "leads", models.SET_NULL)
    company = link(Company, "leads", models.SET_NULL)
    status = link(LeadStatus, "+", models.PROTECT)
    source = link(Source, "+", models.PROTECT)
    value = AmountField()
    closed_at = models.DateTimeField("closed", null=True, blank=True, editable=False)

    class Meta(DescribedRecord.Meta):
        """Newest first; money has a currency."""

        default_permissions = ("add", "view", "change", "delete", "export")
        constraints = [
            *record_constraints("lead"),
            models.CheckConstraint(
                condition=Q(value=None) | Q(value_currency__isnull=False), name="lead_values_have_a_currency"
            ),
        ]
        indexes = [
            *record_indexes("lead"),
            name_index("lead"),
            prefix_index("lead_by_person", "person_name"),
            prefix_index("lead_by_company_name", "company_name"),
            details_index("lead", "emails", "phones", "tags"),
            custom_index("lead"),
            link_index("lead_by_contact", "contact"),
            link_index("lead_by_company", "company"),
            link_index("lead_by_status", "status"),
        ]


@register
class Opportunity(DescribedRecord):
    """A possible deal: client, amount, probability and expected date."""

    record_type = "opportunity"

    company = link(Company, "opportunities", models.SET_NULL)
    contact = link(Contact, "opportunities", models.SET_NULL)
    lead = link(Lead, "opportunities", models.SET_NULL)
    status = link(OpportunityStatus, "+", models.PROTECT)
    source = link(Source, "+", models.PROTECT)
    amount = AmountField()
    probability = models.PositiveSmallIntegerField(null=True, blank=True, help_text=_("Per cent."))
    close_date = models.DateField(_("expected close"), null=True, blank=True)
    closed_at = models.DateTimeField("closed", null=True, blank=True, editable=False)

    class Meta(DescribedRecord.Meta):
        """Newest first; money has a currency, and a probability is a percentage."""

        default_permissions = ("add", "view", "change", "delete", "export")
        verbose_name_plural = "opportunities"
        constraints = [
            *record_constraints("opportunity"),
            models.CheckConstraint(
                condition=Q(amount=None) | Q(amount_currency__isnull=False), name="opportunity_amounts_have_a_currency"
            ),
            models.CheckConstraint(
                condition=Q(probability=None) | Q(probability__lte=100), name="opportunity_probability_is_a_share"
            ),
        ]
        indexes = [
            *record_indexes("opportunity"),
            name_index("opportunity"),
            details_index("opportunity", "tags"),
            custom_index("opportunity"),
            link_index("opportunity_by_company", "company"),
            link_index("opportunity_by_contact", "contact"),
            link_index("opportunity_by_lead", "lead"),
            link_index("opportunity_by_status", "status"),
        ]

    @property
    def pipeline(self) -> Pipeline | None:
        """Return the pipeline of its status, None without a status."""
        return None if self.status is None else self.status.pipeline
