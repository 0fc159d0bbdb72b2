"""Companies and contacts: the account's business partners."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.access.records import record_constraints, record_indexes, register
from apps.audit.text import SingleLineField
from apps.crm.models.base import DescribedRecord, custom_index, details_index, link, link_index, name_index
from apps.crm.models.customisation import Source
from apps.crm.models.fields import ContactDetails


@register
class Company(DescribedRecord, ContactDetails):
    """An organisation that the account does business with."""

    record_type = "company"

    class Size(models.TextChoices):
        """The number of employees."""

        MICRO = "1-9", _("1–9 people")
        SMALL = "10-49", _("10–49 people")
        MEDIUM = "50-249", _("50–249 people")
        LARGE = "250-999", _("250–999 people")
        HUGE = "1000+", _("1,000 people or more")

    legal_name = SingleLineField(max_length=255, blank=True)
    industry = SingleLineField(max_length=100, blank=True)
    size = SingleLineField(max_length=10, choices=Size.choices, blank=True)
    tax_number = SingleLineField(_("tax number"), max_length=40, blank=True)
    source = link(Source, "+", models.PROTECT)

    class Meta(DescribedRecord.Meta):
        """Newest first."""

        default_permissions = ("add", "view", "change", "delete", "export")
        verbose_name_plural = "companies"
        constraints = record_constraints("company")
        indexes = [
            *record_indexes("company"),
            name_index("company"),
            details_index("company", "emails", "phones", "tags"),
            custom_index("company"),
        ]


@register
class Contact(DescribedRecord, ContactDetails):
    """A person the account does business with. Only its owner can reach a private one."""

    record_type = "contact"

    job_title = SingleLineField(max_length=150, blank=True)
    company = link(Company, "contacts", models.SET_NULL)
    private = models.BooleanField(default=False, help_text=_("Only the owner can see it, regardless of roles."))

    class Meta(DescribedRecord.Meta):
        """Newest first; a private contact has an owner."""

        default_permissions = ("add", "view", "change", "delete", "export")
        constraints = [
            *record_constraints("contact"),
            models.CheckConstraint(
                condition=Q(private=False) | Q(responsible__isnull=False), name="private_contacts_have_a_responsible"
            ),
        ]
        indexes = [
            *record_indexes("contact"),
            name_index("contact"),
            details_index("contact", "emails", "phones", "tags"),
            custom_index("contact"),
            link_index("contact_by_company", "company"),
        ]
