"""Invoices: what is owed and not billed yet becomes one, so a second time makes none, and nothing is forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.billing import verbs
from apps.billing.acting import acting, need_operator
from apps.billing.models import Invoice, InvoiceLine, Mailing, Payer, Period, Seller
from apps.billing.money import Rounding, rounded, spread
from apps.billing.plans import Interval
from apps.billing.proration import DateSpan, owed
from apps.billing.refusals import BillingRefused
from apps.billing.sellers import seller as current_seller
from apps.billing.subscription_state import SubscriptionState
from apps.billing.tax import TaxRate, Treatment, taxed

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A line that an invoice is to have; `net` is without tax, and below zero where something is given back."""

    text: str
    net: Decimal
    quantity: int
    starts_on: date | None
    ends_on: date | None
    period: Period | None


@dataclass(frozen=True, slots=True)
class DraftInvoice:
    """What a payer is billed for, with its tax."""

    payer: Payer
    lines: Sequence[DraftLine]
    taxed: TaxRate
    net: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """Return the total."""
        return self.net + self.tax


def unbilled(subscription_state: SubscriptionState, seller: Seller) -> list[DraftInvoice]:
    """What each payer owes by the day of the state, not billed yet. A negative amount waits for the next invoice."""
    found = []
    billed = _billed(subscription_state)
    begun = [period for period in subscription_state.periods if period.starts_on <= subscription_state.day]
    for payer in subscription_state.payers.values():
        lines = []
        for period in begun:
            due = _owed(subscription_state, payer, period, seller)
            before = billed.get((payer.pk, period.pk))
            if due != (before or 0):
                lines.append(
                    _line(subscription_state, payer, period, due - (before or Decimal(0)), anew=before is None)
                )
        if sum(line.net for line in lines) > 0:
            found.append(draft(payer, lines, seller))
    return found


def upcoming(subscription_state: SubscriptionState, seller: Seller) -> tuple[date, list[DraftInvoice]]:
    """When the next period begins, and what each payer will be billed for then, with what is unbilled now."""
    starts_on = subscription_state.turns_on()
    agreed = subscription_state.agreed
    if (
        subscription_state.period() is None
        and agreed.is_trial(subscription_state.day)
        and agreed.trial_ends_on is not None
    ):
        starts_on = agreed.trial_ends_on
    open_lines = {each.payer.pk: list(each.lines) for each in unbilled(subscription_state, seller)}
    if agreed.ends_on is None or agreed.ends_on > starts_on:
        for payer, term in subscription_state.holding(starts_on):
            net = rounded(term.seats * term.unit_price, payer.currency, Rounding(seller.rounding))
            text = f"{term.plan_data.name}, {_seats(term.seats)}"
            line = DraftLine(text, net, term.seats, starts_on, starts_on, None)
            open_lines.setdefault(payer.pk, []).append(line)
    return starts_on, [draft(subscription_state.payers[pk], lines, seller) for pk, lines in sorted(open_lines.items())]


def draft(payer: Payer, lines: Sequence[DraftLine], seller: Seller) -> DraftInvoice:
    """The lines with their sums, and the tax, which is rounded once for the whole invoice."""
    due = taxed(seller.country, payer.country or seller.country, payer.vat_number)
    net = sum((line.net for line in lines), Decimal(0))
    tax = rounded(Fraction(net) * Fraction(due.rate) / 100, payer.currency, Rounding(seller.rounding))
    return DraftInvoice(payer, lines, due, net, tax)


def issue_due(subscription_state: SubscriptionState) -> list[Invoice]:
    """Issue what is unbilled, inside of an act that holds the account's lock; returns the new invoices.

    Payers whose details are not complete are left until they are.
    """
    seller = current_seller()
    return [
        _issue(subscription_state, seller, each)
        for each in unbilled(subscription_state, seller)
        if each.payer.is_complete
    ]


def issue_now(account_id: int) -> list[Invoice]:
    """Issue what an account owes and has not been billed for, in an act of its own; a second time there is nothing.

    Raises:
        Refusal: there is no such account.
    """
    reason = "Scheduled billing run"
    with acting(account_id, verb=verbs.INVOICED, actor=None, reason=reason) as (_, subscription_state):
        return issue_due(subscription_state)


def credit(
    invoice_id: int,
    account_id: int,
    *,
    net: Decimal | None = None,
    again: bool = False,
    actor: User | None,
    reason: str,
) -> Invoice:
    """Write a credit note about an invoice: for all that is left of it, or for a part (`net`, without tax).

    `again` bills the credited amount again with the current billing details; otherwise it is a discount.
    A platform operator's act.

    Raises:
        BillingRefused: there is no such invoice here, or less is left of it.
        Refusal: the reason is blank, or the actor is not an operator.
    """
    with acting(account_id, verb=verbs.CREDITED, actor=actor, reason=reason) as (ground, subscription_state):
        need_operator(ground)
        invoice = find(account_id, invoice_id)
        if invoice.is_credit_note:
            raise BillingRefused(
                _("%(invoice)s is a credit note.") % {"invoice": invoice},
                _("Choose the invoice that it credits."),
            )
        left_net, left_tax = _left(invoice)
        wanted = left_net if net is None else net
        if not 0 < wanted <= left_net:
            raise BillingRefused(
                _("You can credit at most %(amount)s of %(invoice)s, without tax.")
                % {"amount": f"{left_net} {invoice.currency}", "invoice": invoice},
                _("Enter an amount above zero, up to this limit."),
            )
        seller = invoice.seller
        share = Fraction(wanted) * Fraction(invoice.tax_rate) / 100
        tax = (
            left_tax
            if wanted == left_net
            else min(left_tax, rounded(share, invoice.currency, Rounding(seller.rounding)))
        )
        return _credit_note(
            subscription_state, invoice, wanted, tax, again=again and wanted == left_net == invoice.net, note=reason
        )


def find(account_id: int, invoice_id: int) -> Invoice:
    """The account's invoice of that id.

    Raises:
        BillingRefused: there is none.
    """
    found = Invoice.objects.filter(account=account_id, pk=invoice_id).select_related("seller", "payer").first()
    if found is None:
        raise BillingRefused(_("That invoice doesn't exist."))
    found.payer.account = found.account
    return found


def _billed(subscription_state: SubscriptionState) -> Mapping[tuple[int, int], Decimal]:
    lines = InvoiceLine.objects.filter(account=subscription_state.account, counts=True, period__isnull=False).order_by()
    return {
        (payer, period): net for payer, period, net in lines.values_list("payer", "period").annotate(net=Sum("net"))
    }


def _owed(subscription_state: SubscriptionState, payer: Payer, period: Period, seller: Seller) -> Decimal:
    exact = owed(DateSpan(period.starts_on, period.ends_on, period.days), subscription_state.prices(payer.pk))
    return rounded(exact, payer.currency, Rounding(seller.rounding))


def _line(
    subscription_state: SubscriptionState, payer: Payer, period: Period, net: Decimal, *, anew: bool
) -> DraftLine:
    last = period.ends_on - ONE_DAY
    within = (
        min(max(subscription_state.day, period.starts_on), last)
        if period.ends_on > period.starts_on
        else period.starts_on
    )
    term = subscription_state.term(payer.pk, within)
    seats = 0 if term is None else term.seats
    name = "" if term is None else term.plan_data.name
    days = f"{_day(period.starts_on)} – {_day(last)}"
    if net < 0:
        text = f"Credit for what was paid for {days} and not used"
    elif anew:
        each = "yearly" if period.interval == Interval.YEAR else "monthly"
        text = f"{name}, {_seats(seats)}, {days}, {each}"
    else:
        since = max(period.starts_on, term.starts_on) if term is not None else period.starts_on
        text = f"Change to {name}, {_seats(seats)}, {_day(since)} – {_day(last)}"
    return DraftLine(text, net, max(seats, 1), period.starts_on, period.ends_on, period)


def _issue(subscription_state: SubscriptionState, seller: Seller, made: DraftInvoice) -> Invoice:
    payer = made.payer
    invoice = Invoice.objects.create(
        account=subscription_state.account,
        payer=payer,
        branch_id=payer.branch_id,
        seller=seller,
        issued_on=subscription_state.day,
        due_on=subscription_state.day + timedelta(days=seller.days_to_pay),
        currency=payer.currency,
        tax_rate=made.taxed.rate,
        treatment=made.taxed.treatment,
        net=made.net,
        tax=made.tax,
        total=made.total,
        seller_details=_details(seller, "name", "address", "country", "vat_number", "email", "bank", "iban", "bic"),
        buyer_details=_details(payer, "name", "address", "country", "vat_number", "email"),
        note=Treatment(made.taxed.treatment).note,
    )
    taxes = spread(made.tax, [line.net for line in made.lines], payer.currency)
    _write_lines(invoice, zip(made.lines, taxes, strict=True), counts=True)
    Mailing.objects.create(
        account=subscription_state.account,
        invoice=invoice,
        kind=Mailing.Kind.ISSUED,
        address=payer.email,
        made_on=subscription_state.day,
    )
    return invoice


def _write_lines(invoice: Invoice, lines: Iterable[tuple[DraftLine, Decimal]], *, counts: bool) -> None:
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            account_id=invoice.account_id,
            invoice=invoice,
            position=place,
            text=line.text,
            payer_id=invoice.payer_id,
            period=line.period,
            counts=counts,
            starts_on=line.starts_on,
            ends_on=line.ends_on,
            quantity=line.quantity,
            net=line.net,
            tax=tax,
        )
        for place, (line, tax) in enumerate(lines, start=1)
    )


def _left(invoice: Invoice) -> tuple[Decimal, Decimal]:
    credited = invoice.credit_notes.aggregate(net=Sum("net"), tax=Sum("tax"))
    return invoice.net + (credited["net"] or 0), invoice.tax + (credited["tax"] or 0)


def _credit_note(
    subscription_state: SubscriptionState, invoice: Invoice, net: Decimal, tax: Decimal, *, again: bool, note: str
) -> Invoice:
    made = Invoice.objects.create(
        account=subscription_state.account,
        payer=invoice.payer,
        branch_id=invoice.branch_id,
        seller=invoice.seller,
        kind=Invoice.Kind.CREDIT_NOTE,
        credits=invoice,
        issued_on=subscription_state.day,
        due_on=subscription_state.day,
        currency=invoice.currency,
        tax_rate=invoice.tax_rate,
        treatment=invoice.treatment,
        net=-net,
        tax=-tax,
        total=-net - tax,
        seller_details=invoice.seller_details,
        buyer_details=invoice.buyer_details,
        note=note,
    )
    if again:
        # Line by line, so that each period is as if it had not been billed.
        lines = [
            (DraftLine(line.text, -line.net, line.quantity, line.starts_on, line.ends_on, line.period), -line.tax)
            for line in invoice.lines.select_related("period")
        ]
    else:
        first = invoice.lines.all()[0]
        text = f"Credit on invoice {invoice.reference}"
        lines = [(DraftLine(text, -net, 1, first.starts_on, first.ends_on, None), -tax)]
    _write_lines(made, lines, counts=again)
    Mailing.objects.create(
        account=subscription_state.account,
        invoice=made,
        kind=Mailing.Kind.ISSUED,
        address=invoice.payer.email or invoice.buyer_details["email"],
        made_on=subscription_state.day,
    )
    return made


def _details(of: Seller | Payer, *names: str) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}


def _seats(count: int) -> str:
    return "1 seat" if count == 1 else f"{count:,} seats"


def _day(day: date) -> str:
    return f"{day:%-d %B %Y}"
