"""What platform operators do about bills by hand: enter what was paid, write credit notes. Changes like any other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing import verbs
from apps.billing.acting import need_operator
from apps.billing.invoicing import credit, find
from apps.billing.money import written
from apps.billing.payments import balance, enter
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff


@dataclass(frozen=True, kw_only=True)
class _ByOperator(Change):
    """A change that an operator makes to an invoice."""

    invoice_id: int

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """Changes no rows of access; `accompany` does the work."""
        need_operator(ground)
        find(ground.account.pk, self.invoice_id)
        return []


@dataclass(frozen=True, kw_only=True)
class EnterPayment(_ByOperator):
    """Record a bank transfer for an invoice; a negative amount is a refund."""

    verb = verbs.PAID
    final = gettext_lazy("A payment can't be undone. Record a refund as a negative payment.")

    amount: Decimal
    received_on: date
    external_id: str

    def accompany(self, ground: ChangeContext) -> None:
        """Record the payment, and make a read-only account writable again."""
        enter(
            ground.account.pk,
            self.invoice_id,
            amount=self.amount,
            received_on=self.received_on,
            external_id=self.external_id,
            actor=ground.actor,
            reason=ground.reason,
        )

    def notes(self, ground: ChangeContext) -> Iterable[str]:
        """Yield the payment and the remaining amount due."""
        invoice = find(ground.account.pk, self.invoice_id)
        left = balance(invoice) - self.amount
        yield _("%(amount)s is recorded for %(invoice)s.") % {
            "amount": written(self.amount, invoice.currency),
            "invoice": invoice,
        }
        yield (
            _("%(amount)s is still due after this payment.") % {"amount": written(left, invoice.currency)}
            if left
            else _("The invoice is then fully paid.")
        )


@dataclass(frozen=True, kw_only=True)
class CreditInvoice(_ByOperator):
    """Issue a credit note for an invoice: for the remaining amount, or for a part (`net`, without tax)."""

    verb = verbs.CREDITED
    final = gettext_lazy("A credit note can't be undone. Issue a new invoice instead.")

    net: Decimal | None = None
    again: bool = False

    def accompany(self, ground: ChangeContext) -> None:
        """The credit note."""
        credit(
            self.invoice_id, ground.account.pk, net=self.net, again=self.again, actor=ground.actor, reason=ground.reason
        )

    def notes(self, ground: ChangeContext) -> Iterable[str]:
        """Yield what is credited and whether it is billed again."""
        invoice = find(ground.account.pk, self.invoice_id)
        if self.net is None:
            sentence, amount = (
                _("The full remaining amount of %(invoice)s is credited. The credit note is sent by email."),
                "",
            )
        else:
            amount = written(self.net, invoice.currency)
            sentence = _("%(amount)s of %(invoice)s, without tax, is credited. The credit note is sent by email.")
        yield sentence % {"amount": amount, "invoice": invoice}
        if self.again:
            yield _("The next billing run bills it again with the current billing details.")
