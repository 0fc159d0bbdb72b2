"""Accounts with a subscription, for the tests of billing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import time_machine

from apps.accounts.models import Account, User
from apps.billing import payments, subscribing
from apps.billing.details import change_details
from apps.billing.models import Attempt, Invoice, Payer, Payment, Period, Subscription, Term
from apps.billing.plans import Interval
from apps.billing.running import run_account
from apps.billing.subscribing import PlanChoice, PlanChoiceResult
from apps.billing.subscription_state import SubscriptionState

START = date(2026, 1, 1)
DETAILS: dict[str, Any] = {
    "name": "Acme Ltd",
    "address": "1 Main Street\n10115 Berlin",
    "country": "DE",
    "vat_number": "",
    "email": "bills@acme.example",
}


@contextmanager
def on(day: date) -> Iterator[None]:
    """It is noon of that day."""
    with time_machine.travel(datetime(day.year, day.month, day.day, 12, tzinfo=UTC), tick=False):
        yield


def begin(account: Account, *, day: date = START, seats: int = 5, trial: bool = False, **details: Any) -> Payer:
    """Begin the account's subscription (without a trial unless `trial`) and name who pays; returns the payer."""
    with on(day):
        length = subscribing.TRIAL if trial else subscribing.TRIAL * 0
        subscribing.begin(account, actor=None, reason="A customer signed up", seats=seats, trial=length)
        payer = Payer.objects.get(account=account)
        change_details(account.pk, payer.pk, DETAILS | details, actor=None, reason="They told us")
        run_account(account.pk)
    return payer


def choose(
    account: Account, plan: str, seats: int, *, interval: Interval = Interval.MONTH, actor: User | None = None
) -> PlanChoiceResult:
    """Choose for the one who pays."""
    book = SubscriptionState(account)
    choice = PlanChoice(plan, interval, {payer.pk: seats for payer, _ in book.holding()})
    return subscribing.choose(account.pk, choice, actor=actor, reason="We have grown")


def pay(invoice: Invoice, amount: Decimal | None = None, reference: str = "") -> None:
    """Enter a transfer for what is open of the invoice."""
    payments.enter(
        invoice.account_id,
        invoice.pk,
        amount=payments.balance(invoice) if amount is None else amount,
        received_on=SubscriptionState(invoice.account).day,
        external_id=reference or f"transfer for {invoice.reference}",
        actor=None,
        reason="Found on the bank statement",
    )


def invoices(account: Account) -> list[Invoice]:
    """The account's invoices in the order of their numbers."""
    return list(Invoice.objects.filter(account=account).order_by("number"))


def totals(account: Account) -> list[str]:
    """What they are over, without tax."""
    return [f"{invoice.net:.2f}" for invoice in invoices(account)]


def a_row_in_every_table(account: Account) -> None:
    """A subscription with all that can hang on it, written by hand, so that the account's features stay as they are."""
    payer = Payer.objects.create(account=account, currency="EUR", **DETAILS)
    Subscription.objects.create(account=account, started_on=START)
    Term.objects.create(
        account=account,
        payer=payer,
        starts_on=START,
        plan="business",
        interval="month",
        seats=5,
        unit_price=Decimal(49),
    )
    Period.objects.create(account=account, starts_on=START, ends_on=date(2026, 2, 1), days=31, interval="month")
    with on(START):
        (reference,) = run_account(account.pk, only_invoices=True).invoices
    invoice = Invoice.objects.get(reference=reference)
    Payment.objects.create(
        account=account, invoice=invoice, amount=Decimal(1), received_on=START, gateway="bank", external_id="A1"
    )
    Attempt.objects.create(account=account, invoice=invoice, number=1, amount=Decimal(1), made_on=START)
