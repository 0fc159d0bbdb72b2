"""The billing app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Plans, seats, invoices and payments."""

    name = "apps.billing"
    label = "billing"
    verbose_name = _("Billing")
