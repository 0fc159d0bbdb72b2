"""The billing overview: plan, seats, payers, amounts due, and the next invoice."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.billing.gateways import current_gateway
from apps.billing.invoicing import DraftInvoice, upcoming
from apps.billing.models import Invoice, Payer, Term
from apps.billing.money import written
from apps.billing.payments import with_balance
from apps.billing.plans import FEATURES, Plan
from apps.billing.quoting import log_told
from apps.billing.sellers import seller
from apps.billing.sight import BillingScope
from apps.billing.subscription_state import SubscriptionState, SubscriptionStatus, all_seats_taken
from apps.pages.views.page import page, show

SHOWN = 6


@dataclass(frozen=True, slots=True)
class PayerSeats:
    """The seats of one payer, and how many are in use."""

    payer: Payer
    term: Term
    taken: int
    manages: bool

    @property
    def price(self) -> str:
        """What a seat costs."""
        return written(self.term.unit_price, self.payer.currency)


@page("view_billing")
def overview(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Show the subscription and the amounts due that the member may see."""
    assert access.account is not None
    assert access.mandate is not None
    subscription_state = SubscriptionState(access.account)
    context: dict[str, Any] = {"book": subscription_state, "manages": access.may("manage_subscription", access.account)}
    if subscription_state.subscription is not None:
        sight, managing = (
            BillingScope.of(access.mandate, "view_billing"),
            BillingScope.of(access.mandate, "manage_billing"),
        )
        starts_on, fees = upcoming(subscription_state, seller())
        plan = subscription_state.plan()
        context |= {
            "plan": plan,
            "gateway": current_gateway(),
            "features": _features(plan),
            "trial": subscription_state.state is SubscriptionStatus.TRIAL,
            "seats": _seats(subscription_state, sight, managing),
            "coming": _coming(subscription_state),
            "starts_on": starts_on,
            "fees": [_fee(draft) for draft in fees if sight.has(draft.payer)],
            "invoices": newest(access.account.pk, sight)[:SHOWN],
        }
    return show(request, access, "pages/billing/overview.html", _("Billing"), context)


def _features(plan: Plan | None) -> list[str]:
    if plan is None:
        return []
    return [*(str(label) for key, label in FEATURES.items() if key in plan.features), log_told(plan.audit_days)]


def newest(account_id: int, sight: BillingScope) -> Any:
    """Return the visible invoices, each with its amount due, newest first."""
    rows = Invoice.objects.filter(sight.rows, account=account_id).select_related("branch", "credits")
    return with_balance(rows).order_by("-number")


def _seats(subscription_state: SubscriptionState, sight: BillingScope, managing: BillingScope) -> list[PayerSeats]:
    taken = all_seats_taken(subscription_state.account.pk)
    return [
        PayerSeats(payer, term, taken.get(payer.branch_id, 0), managing.has(payer))
        for payer, term in subscription_state.holding()
        if sight.has(payer)
    ]


def _coming(subscription_state: SubscriptionState) -> dict[str, Any] | None:
    """What is to change, where a change is waiting."""
    found = [term for term in subscription_state.coming() if term.seats]
    if not found:
        return None
    first = found[0]
    return {
        "starts_on": first.starts_on,
        "plan": first.plan_data.name,
        "seats": sum(term.seats for term in found if term.starts_on == first.starts_on),
        "interval": first.interval,
    }


def _fee(draft: DraftInvoice) -> dict[str, Any]:
    currency = draft.payer.currency
    return {
        "payer": draft.payer,
        "lines": [{"text": line.text, "net": written(line.net, currency)} for line in draft.lines],
        "tax": written(draft.tax, currency) if draft.tax else "",
        "total": written(max(draft.total, Decimal(0)), currency),
    }
