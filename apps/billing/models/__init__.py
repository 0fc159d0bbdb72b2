"""What the billing app keeps: who pays for what, what was invoiced, and what was paid."""

from apps.billing.models.gateways import Attempt, WebhookEvent
from apps.billing.models.invoices import Invoice, InvoiceLine, Mailing, Payment, Seller
from apps.billing.models.subscriptions import Payer, Period, Subscription, Term

__all__ = [
    "Attempt",
    "Invoice",
    "InvoiceLine",
    "Mailing",
    "Payer",
    "Payment",
    "Period",
    "Seller",
    "Subscription",
    "Term",
    "WebhookEvent",
]
