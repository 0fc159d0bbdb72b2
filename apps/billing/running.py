"""The work of each day, account by account: periods begin, invoices are issued, what is late is reminded of.

Each account is one transaction behind its lock, and everything in it is worked out from what stands: so a run can be
killed anywhere, or run twice at once, and the next one finishes the rest and repeats nothing. An account in which it
fails does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import date

from django.db import transaction
from django.utils.translation import gettext_lazy

from apps.accounts.isolation import AccountsFailed, Failure, Job, attempt_each, due_accounts, in_each_account
from apps.accounts.models import Account
from apps.billing import verbs
from apps.billing.acting import acting
from apps.billing.changes import Entitle, is_given
from apps.billing.collecting import collect_due
from apps.billing.gateways.base import GatewayError
from apps.billing.invoicing import issue_now
from apps.billing.mail import send_mailings
from apps.billing.models import Term
from apps.billing.payments import dun
from apps.billing.subscribing import begin_period
from apps.billing.subscription_state import SubscriptionState, seats_taken
from apps.changes.base import retried
from apps.changes.refusals import Refusal

REASON = "The daily run of billing"
BILLING = Job("billing", gettext_lazy("Billing"), expected=(Refusal, GatewayError))


@dataclass
class BillingRun:
    """What a run did in one account, or in all of them: how many it tried, and in how many of them it issued invoices.

    `failed` names the accounts in which it could not do everything. What was collected or sent there is not counted.
    """

    tried: int = 0
    accounts: int = 0
    periods: int = 0
    invoices: list[str] = field(default_factory=list)
    reminders: int = 0
    suspended: int = 0
    collected: int = 0
    messages: int = 0
    failed: list[Failure] = field(default_factory=list)

    def add(self, other: BillingRun) -> None:
        """Count what was done elsewhere along."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def check(self) -> None:
        """Raise where it failed in any account.

        Raises:
            AccountsFailed: it did.
        """
        if self.failed:
            raise AccountsFailed(BILLING, self.failed, self.tried)


class _RollBack(Exception):
    """Ends a trial, so that the transaction is rolled back."""


def subscribed_accounts() -> list[int]:
    """Return every account with a subscription, also as the web role, which sees one account at a time."""
    return due_accounts(BILLING, "SELECT billing_subscribed_accounts()")


def run_billing(
    account_ids: list[int] | None = None,
    *,
    dry_run: bool = False,
    only_invoices: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> BillingRun:
    """Do the day's work in these accounts, or in all; returns what was done (with `dry_run`: what would be).

    In each account invoices, collecting and messages are tried, whichever of them fails; `Run.failed` names the
    accounts where one did.

    Raises:
        OperationalError: the database takes no more work.
    """
    total = BillingRun()

    def issue(account_id: int) -> None:
        total.add(run_account(account_id, dry_run=dry_run, only_invoices=only_invoices))

    def collect(account_id: int) -> None:
        total.collected += collect_due(account_id)

    def send(account_id: int) -> None:
        total.messages += send_mailings(account_id)

    steps = (issue,) if dry_run else (issue, collect, send)
    finished = in_each_account(
        BILLING,
        subscribed_accounts() if account_ids is None else account_ids,
        lambda account_id: attempt_each(steps, lambda step: step(account_id)),
        marks=not dry_run,
        progress=progress,
    )
    total.tried, total.failed = finished.accounts, finished.failures
    return total


def run_account(account_id: int, *, dry_run: bool = False, only_invoices: bool = False) -> BillingRun:
    """The day's work in one account, in one transaction."""
    done = BillingRun()

    def work() -> BillingRun:
        made = BillingRun(accounts=1)
        with transaction.atomic():
            if not only_invoices:
                made.periods = _roll(account_id)
            made.invoices = [invoice.reference for invoice in issue_now(account_id)]
            if not only_invoices:
                _dun(account_id, made)
            if dry_run:
                done.add(made)
                raise _RollBack
        return made

    with suppress(_RollBack):
        return retried(work)
    return done


def _roll(account_id: int) -> int:
    """Begin the periods that have come, those of missed days too, and let what they give hold; returns how many."""
    with acting(account_id, verb=verbs.ROLLED, actor=None, reason=REASON) as (ground, subscription_state):
        agreed = subscription_state.agreed
        begun = 0
        for starts_on in _starts(subscription_state):
            if not subscription_state.periods and not all(
                payer.is_complete for payer, _ in subscription_state.holding(starts_on)
            ):
                if agreed.suspended_on is None:
                    agreed.suspended_on = subscription_state.day
                    agreed.save()
                break
            _keep_room(subscription_state, starts_on)
            begin_period(subscription_state, starts_on)
            begun += 1
        if not is_given(subscription_state):
            Entitle(account_id=account_id).within(ground)
    return begun


def _starts(subscription_state: SubscriptionState) -> Iterator[date]:
    agreed = subscription_state.agreed
    if subscription_state.account.status == Account.Status.CLOSED:
        return
    while True:
        last = (
            subscription_state.periods[-1].ends_on
            if subscription_state.periods
            else agreed.trial_ends_on or agreed.started_on
        )
        if last > subscription_state.day or (agreed.ends_on is not None and agreed.ends_on <= last):
            return
        yield last


def _keep_room(subscription_state: SubscriptionState, starts_on: date) -> None:
    """No period begins with fewer seats than there are members: those who joined since are counted."""
    for payer, term in subscription_state.holding(starts_on):
        taken = seats_taken(subscription_state.account.pk, payer.branch_id)
        if taken > term.seats:
            more = Term.objects.create(
                account=subscription_state.account,
                payer=payer,
                starts_on=starts_on,
                plan=term.plan,
                interval=term.interval,
                seats=taken,
                unit_price=term.unit_price,
            )
            terms = subscription_state.terms[payer.pk]
            terms.append(more)
            terms.sort(key=lambda each: (each.starts_on, each.pk))


def _dun(account_id: int, made: BillingRun) -> None:
    with acting(account_id, verb=verbs.SUSPENDED, actor=None, reason="Overdue invoices were not paid") as (
        ground,
        subscription_state,
    ):
        done = dun(subscription_state)
        if done.suspended:
            Entitle(account_id=account_id).within(ground)
    made.reminders, made.suspended = done.reminders, int(done.suspended)
