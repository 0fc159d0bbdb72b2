"""Amounts on pages, and what an invoice's state is called."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils.translation import gettext as _

from apps.billing.money import written
from apps.billing.subscription_state import today

register = template.Library()


@register.filter
def money(amount: Decimal, currency: str) -> str:
    """The amount as people read it."""
    return written(amount, currency)


@register.filter
def rate(percent: Decimal) -> str:
    """The percentage without the places that say nothing: 19, 8.1."""
    return f"{percent.normalize():f}"


@register.filter
def last_day(ends_on: date) -> date:
    """The last day of what ends before a day, as people and invoices tell a period."""
    return ends_on - timedelta(days=1)


@register.inclusion_tag("pages/billing/state.html")
def invoice_state(invoice: Any) -> dict[str, str]:
    """Return the badge with the state of an invoice that was read with its `balance`."""
    if invoice.is_credit_note:
        return {"words": _("Credit note"), "kind": ""}
    if invoice.balance <= 0:
        return {"words": _("Paid"), "kind": "m-badge-brand"}
    if invoice.due_on < today():
        return {"words": _("Overdue"), "kind": "m-badge-danger"}
    return {"words": _("Unpaid"), "kind": "m-badge-amber"}
