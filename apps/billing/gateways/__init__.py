"""The payment gateway in use: the configured one, or payment by invoice."""

from __future__ import annotations

from django.conf import settings

from apps.billing.gateways.base import BillingGateway
from apps.billing.gateways.invoice import InvoiceOnly
from apps.billing.gateways.stripe import StripeGateway

__all__ = ["current_gateway", "gateway_of"]


def current_gateway() -> BillingGateway:
    """The gateway that this server is set up with."""
    if settings.STRIPE["secret_key"]:
        return StripeGateway(
            settings.STRIPE["secret_key"], settings.STRIPE["webhook_secret"], settings.STRIPE["address"]
        )
    return InvoiceOnly()


def gateway_of(key: str) -> BillingGateway:
    """The gateway of that key, where the server is set up with it; otherwise the invoice alone."""
    found = current_gateway()
    return found if found.key == key else InvoiceOnly()
