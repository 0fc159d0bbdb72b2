"""What is paid, what is still open, and what follows: reminders, the account read-only, and as it was again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import DecimalField, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.billing import verbs
from apps.billing.acting import acting, need_operator
from apps.billing.changes import Entitle
from apps.billing.invoicing import find
from apps.billing.models import Invoice, Mailing, Payment
from apps.billing.refusals import BillingRefused
from apps.billing.subscription_state import SubscriptionState

# How many days late an invoice is when each reminder goes out.
REMINDERS = ((17, Mailing.Kind.REMINDER_3), (10, Mailing.Kind.REMINDER_2), (3, Mailing.Kind.REMINDER_1))
# An account is read-only when an invoice is so late, and the last reminder is so long ago.
LATE, WARNED = 30, 7
BANK = "bank"

_MONEY: DecimalField[Decimal, Decimal] = DecimalField(max_digits=14, decimal_places=3)


@dataclass(frozen=True, slots=True)
class DunningResult:
    """What came of looking at what is late."""

    reminders: int = 0
    suspended: bool = False
    resumed: bool = False


def with_balance(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Each invoice with its `balance`: its total, less what was paid and credited. Of a credit note it is nothing."""
    paid = Invoice.objects.filter(pk=OuterRef("pk")).values("pk").annotate(paid=Sum("payments__amount")).values("paid")
    credited = Invoice.objects.filter(credits=OuterRef("pk")).order_by().values("credits").annotate(all=Sum("total"))
    nothing = Value(Decimal(0), output_field=_MONEY)
    return invoices.annotate(
        balance=F("total")
        - Coalesce(Subquery(paid, output_field=_MONEY), nothing)
        + Coalesce(Subquery(credited.values("all"), output_field=_MONEY), nothing)
    )


def balance(invoice: Invoice) -> Decimal:
    """What is still to be paid of an invoice; below zero where money is to go back."""
    found: Decimal = with_balance(Invoice.objects.filter(pk=invoice.pk)).values_list("balance", flat=True)[0]  # type: ignore[misc]
    return found


def open_invoices(account_id: int) -> list[Invoice]:
    """The account's invoices of which something is still to be paid, the earliest due first."""
    invoices = Invoice.objects.filter(account=account_id, kind=Invoice.Kind.INVOICE)
    return list(with_balance(invoices).filter(balance__gt=0).select_related("payer").order_by("due_on", "pk"))  # type: ignore[misc]


def overdue(account_id: int, day: date) -> list[Invoice]:
    """Those that should have been paid before the day."""
    return [invoice for invoice in open_invoices(account_id) if invoice.due_on < day]


def enter(
    account_id: int,
    invoice_id: int,
    *,
    amount: Decimal,
    received_on: date,
    external_id: str,
    gateway: str = BANK,
    actor: User | None,
    reason: str,
) -> Payment:
    """Enter what was paid for an invoice, or below zero what went back. A platform operator's act, or a gateway's.

    The same `external_id` of a gateway is entered once, however often. An account that is read-only for want of
    payment, and owes nothing overdue any more, is as it was again.

    Raises:
        BillingRefused: there is no such invoice here, it is a credit note, or the amount is nothing; or the id was
            entered for another invoice or amount.
        Refusal: the reason is blank, or the actor is not an operator.
    """
    with acting(account_id, verb=verbs.PAID, actor=actor, reason=reason) as (ground, subscription_state):
        need_operator(ground)
        invoice = find(account_id, invoice_id)
        if invoice.is_credit_note or not amount:
            raise BillingRefused(_("A payment needs an amount and an invoice that is not a credit note."))
        if not external_id.strip():
            raise BillingRefused(_("A payment needs a reference."), _("Enter the reference from the bank statement."))
        made, new = Payment.objects.get_or_create(
            account=subscription_state.account,
            gateway=gateway,
            external_id=external_id.strip(),
            defaults={"invoice": invoice, "amount": amount, "received_on": received_on},
        )
        if not new and (made.invoice_id, made.amount) != (invoice.pk, amount):
            raise BillingRefused(
                _("The payment “%(external_id)s” is already recorded for another invoice or amount.")
                % {"external_id": external_id}
            )
    resume(account_id)
    return made


def dun(subscription_state: SubscriptionState) -> DunningResult:
    """Remind of what is late, and make the account read-only where that did not help; behind the account's lock.

    Each reminder is written once. Of several that are due only the latest goes out.
    """
    late = overdue(subscription_state.account.pk, subscription_state.day)
    reminders = sum(_remind(subscription_state, invoice) for invoice in late)
    if subscription_state.agreed.suspended_on is None and any(
        _is_hopeless(subscription_state, invoice) for invoice in late
    ):
        first = next(invoice for invoice in late if _is_hopeless(subscription_state, invoice))
        subscription_state.agreed.suspended_on = subscription_state.day
        subscription_state.agreed.save()
        _mail(subscription_state, first, Mailing.Kind.SUSPENDED)
        return DunningResult(reminders, suspended=True)
    return DunningResult(reminders)


def resume(account_id: int) -> bool:
    """Let an account be as it was before it was read-only, once nothing is overdue; returns whether it was so."""
    with acting(account_id, verb=verbs.RESUMED, actor=None, reason="The overdue invoices were paid") as (
        ground,
        subscription_state,
    ):
        agreed = subscription_state.subscription
        if (
            agreed is None
            or agreed.suspended_on is None
            or not subscription_state.periods
            or overdue(account_id, subscription_state.day)
        ):
            return False
        agreed.suspended_on = None
        agreed.save()
        Entitle(account_id=account_id).within(ground)
    return True


def _remind(subscription_state: SubscriptionState, invoice: Invoice) -> bool:
    days = (subscription_state.day - invoice.due_on).days
    kinds = [kind for after, kind in REMINDERS if days >= after]
    written = set(Mailing.objects.filter(invoice=invoice).values_list("kind", flat=True))
    if not kinds or written & set(kinds[:1]):
        return False
    return _mail(subscription_state, invoice, kinds[0])


def _mail(subscription_state: SubscriptionState, invoice: Invoice, kind: Mailing.Kind) -> bool:
    address = invoice.payer.email or invoice.buyer_details["email"]
    _, new = Mailing.objects.get_or_create(
        account=subscription_state.account,
        invoice=invoice,
        kind=kind,
        defaults={"address": address, "made_on": subscription_state.day},
    )
    return new


def _is_hopeless(subscription_state: SubscriptionState, invoice: Invoice) -> bool:
    if (subscription_state.day - invoice.due_on).days < LATE:
        return False
    last = Mailing.objects.filter(invoice=invoice, kind=Mailing.Kind.REMINDER_3).first()
    return last is not None and (subscription_state.day - last.made_on).days >= WARNED
