"""The billing app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Plans, seats, invoices and payments."""

    name = "apps.billing"
    label = "billing"
    verbose_name = "Billing"
