"""The demo accounts' bills: on the largest plan, with seats to spare, and some of them paid."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from apps.accounts.models import Account
from apps.billing import payments, subscribing
from apps.billing.details import change_details
from apps.billing.models import Subscription
from apps.billing.plans import Interval
from apps.billing.running import run_account
from apps.billing.subscribing import PlanChoice
from apps.billing.subscription_state import SubscriptionState, seats_taken

REASON = "The demo begins"
SPARE = 5


def bill_demo(slugs: Iterable[str]) -> None:
    """Begin a subscription in each of these accounts that has none; those of several branches pay by branch."""
    accounts = Account.objects.filter(slug__in=set(slugs)).order_by("pk")
    for place, account in enumerate(accounts.exclude(pk__in=Subscription.objects.values("account"))):
        _subscribe(account)
        run_account(account.pk)
        if place % 2:
            _pay(account)


def _subscribe(account: Account) -> None:
    subscribing.begin(account, actor=None, reason=REASON, trial=timedelta(0))
    for payer in SubscriptionState(account).payers.values():
        given = {
            "name": account.name,
            "address": "Market Square 1\n10117 Berlin",
            "country": "DE",
            "email": f"billing@{account.slug}.example",
        }
        change_details(account.pk, payer.pk, given, actor=None, reason=REASON)
    if account.branches.count() > 1:
        subscribing.bill_by(account.pk, branches=True, actor=None, reason=REASON)
    subscription_state = SubscriptionState(account)
    seats = {payer.pk: seats_taken(account.pk, payer.branch_id) + SPARE for payer, _ in subscription_state.holding()}
    subscribing.choose(account.pk, PlanChoice("business", Interval.MONTH, seats), actor=None, reason=REASON)


def _pay(account: Account) -> None:
    for invoice in payments.open_invoices(account.pk):
        payments.enter(
            account.pk,
            invoice.pk,
            amount=payments.balance(invoice),
            received_on=invoice.issued_on,
            external_id=f"transfer {invoice.reference}",
            actor=None,
            reason="Found on the bank statement",
        )
