"""Collecting what is owed through a gateway, and dealing with what it tells us.

An attempt is committed before the gateway is asked, and what came of it is entered once: whether the answer or a
message brings it, how often, and in which order.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from decimal import Decimal

from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from apps.accounts.fence import tenant
from apps.accounts.isolation import attempt_each
from apps.accounts.models import User
from apps.audit.services import operation
from apps.billing import verbs
from apps.billing.acting import acting, need_for_payer, subscribed
from apps.billing.gateways import current_gateway, gateway_of
from apps.billing.gateways.base import BillingGateway, GatewayError, Message, MessageKind, Outcome
from apps.billing.models import Attempt, Invoice, Payer, Payment, WebhookEvent
from apps.billing.payments import balance, enter, open_invoices
from apps.billing.refusals import BillingRefused
from apps.billing.subscription_state import today

logger = logging.getLogger(__name__)
MOST_ATTEMPTS = 4
BETWEEN = timedelta(days=3)
REASON = "The payment gateway said so"
REFUND = "refund of "


def collect_due(account_id: int) -> int:
    """Collect the open invoices of those who have left a payment method; returns how many were paid.

    Raises:
        Exception: what a gateway raised, such as GatewayFailed, once all invoices were tried.
    """
    paid = 0

    def collect(invoice: Invoice) -> None:
        nonlocal paid
        payer = invoice.payer
        gateway = gateway_of(payer.gateway)
        if gateway.collects and payer.method:
            attempt = _attempt(account_id, invoice)
            if attempt is not None:
                paid += finish(attempt, gateway.collect(attempt, payer, invoice.currency))

    attempt_each(open_invoices(account_id), collect)
    return paid


def _attempt(account_id: int, invoice: Invoice) -> Attempt | None:
    """The attempt to make now: one that was not heard of again, or the next one; None where it is not time for one."""
    with acting(account_id, verb=verbs.PAID, actor=None, reason=REASON):
        made = list(Attempt.objects.filter(account=account_id, invoice=invoice).order_by("number"))
        last = made[-1] if made else None
        if last is not None and last.state == Attempt.State.PENDING:
            return None if last.external_id else last
        if last is not None and (len(made) >= MOST_ATTEMPTS or today() - last.made_on < BETWEEN):
            return None
        due = balance(invoice)
        if due <= 0:
            return None
        return Attempt.objects.create(
            account_id=account_id, invoice=invoice, number=len(made) + 1, amount=due, made_on=today()
        )


def finish(attempt: Attempt, outcome: Outcome) -> bool:
    """Enter what came of an attempt; whether it is paid by now. What was collected stays so, whatever comes later."""
    with acting(attempt.account_id, verb=verbs.PAID, actor=None, reason=REASON):
        standing = Attempt.objects.get(account=attempt.account_id, pk=attempt.pk)
        if standing.state == Attempt.State.SUCCEEDED:
            return True
        standing.state = outcome.state
        standing.external_id = outcome.external_id or standing.external_id
        standing.failure = outcome.failure[:300]
        standing.save()
        if outcome.state != Attempt.State.SUCCEEDED:
            return False
        enter(
            standing.account_id,
            standing.invoice_id,
            amount=standing.amount,
            received_on=today(),
            external_id=outcome.external_id,
            gateway=current_gateway().key,
            actor=None,
            reason=REASON,
        )
    return True


def begin_setup(account_id: int, payer_id: int, *, back: str, actor: User) -> str:
    """The address of the gateway's page on which a payer's payment method is entered. Needs `manage_billing`.

    Raises:
        BillingRefused: no gateway is set up, it does not answer, or there is no such payer.
        Refusal: the right is missing.
    """
    gateway = current_gateway()
    reason = "Setting up a payment method"
    with acting(account_id, verb=verbs.METHOD_CHANGED, actor=actor, reason=reason) as (ground, subscription_state):
        payer = subscribed(subscription_state).payers.get(payer_id)
        if payer is None:
            raise BillingRefused(_("That payer doesn't exist in %(account)s.") % {"account": ground.account})
        need_for_payer(ground, "manage_billing", payer)
        try:
            if not payer.customer or payer.gateway != gateway.key:
                payer.gateway, payer.customer = gateway.key, gateway.customer(payer)
                payer.save()
            return gateway.setup_page(payer, back=back)
        except GatewayError as error:
            raise BillingRefused(
                _("%(gateway)s can't be set up right now: %(error)s") % {"gateway": _(gateway.label), "error": error}
            ) from error


def hear(gateway: BillingGateway, message: Message) -> str:
    """Deal with a message of the gateway, once; returns what came of it.

    It is about the account of the customer that it names, whatever else it says.
    """
    account_id = _account_of(gateway.key, message.customer)
    if account_id is None:
        return "about nobody here"
    with tenant(account_id), transaction.atomic():
        event = WebhookEvent(gateway=gateway.key, external_id=message.id, kind=message.kind)
        try:
            with transaction.atomic():
                event.save()
        except IntegrityError:
            return "heard before"
        event.outcome = _deal(gateway, message, account_id)[:200]
        event.save()
    return event.outcome


def _account_of(gateway: str, customer: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_account_of_customer(%s, %s)", [gateway, customer])
        (found,) = cursor.fetchone()
    return None if found is None else int(found)


def _deal(gateway: BillingGateway, message: Message, account_id: int) -> str:
    payer = Payer.objects.get(account=account_id, gateway=gateway.key, customer=message.customer)
    match message.told:
        case MessageKind.COLLECTED | MessageKind.FAILED:
            return _collected(message, payer)
        case MessageKind.REFUNDED:
            return _refunded(message, payer)
        case MessageKind.METHOD | MessageKind.METHOD_GONE:
            return _method(gateway, message, payer)
    return "nothing to do"


def _collected(message: Message, payer: Payer) -> str:
    attempts = Attempt.objects.filter(account=payer.account_id, pk=message.attempt or 0, invoice__payer=payer)
    attempt = attempts.select_related("invoice").first()
    if attempt is None:
        return "about no attempt of ours"
    if message.told is MessageKind.FAILED:
        finish(attempt, Outcome(Attempt.State.FAILED, message.payment, message.failure))
        return "failed"
    if (message.amount, message.currency) != (attempt.amount, attempt.invoice.currency):
        logger.error("Payment %s is of another amount than attempt %s", message.payment, attempt.pk)
        return "of another amount"
    finish(attempt, Outcome(Attempt.State.SUCCEEDED, message.payment))
    return "paid"


def _refunded(message: Message, payer: Payer) -> str:
    """What was sent back in all so far; a message that is overtaken by a later one adds nothing."""
    paid = Payment.objects.filter(
        account=payer.account_id, external_id=message.payment, amount__gt=0, invoice__payer=payer
    ).first()
    if paid is None:
        # Perhaps it comes before the message of the payment: the gateway tells it again.
        raise GatewayError(f"Payment {message.payment} is sent back before it is known.")
    with acting(payer.account_id, verb=verbs.PAID, actor=None, reason=REASON):
        back = Payment.objects.filter(
            account=payer.account_id, external_id__startswith=f"{REFUND}{message.payment} "
        ).aggregate(all=Sum("amount"))["all"] or Decimal(0)
        more = message.amount + back
        if more <= 0 or message.currency != paid.invoice.currency:
            return "known already"
        enter(
            payer.account_id,
            paid.invoice_id,
            amount=-more,
            received_on=today(),
            external_id=f"{REFUND}{message.payment} up to {message.amount}",
            gateway=payer.gateway,
            actor=None,
            reason=REASON,
        )
    return "sent back"


def _method(gateway: BillingGateway, message: Message, payer: Payer) -> str:
    """The payment method that was entered last, whichever message comes last."""
    with operation(verb=verbs.METHOD_CHANGED, actor=None, reason=REASON):
        standing = Payer.objects.select_for_update().get(account=payer.account_id, pk=payer.pk)
        if standing.method_at is not None and message.at < standing.method_at:
            return "overtaken"
        if message.told is MessageKind.METHOD_GONE:
            if standing.method != message.method:
                return "not the one in use"
            standing.method, standing.method_label = "", ""
        else:
            standing.method, standing.method_label = message.method, gateway.method_label(message.method)[:80]
        standing.method_at = message.at
        standing.save()
    return "payment method"
