"""The invoices of the current account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from apps.access.context import AccessContext, access_of
from apps.accounts import datetime_formats
from apps.audit.text import SingleLineInput
from apps.backoffice.tables import AccessTableAdmin
from apps.billing.models import Invoice
from apps.billing.money import written
from apps.billing.operating import CreditInvoice, EnterPayment
from apps.billing.payments import with_balance
from apps.billing.running import BILLING
from apps.billing.sight import BillingScope
from apps.pages.forms.base import ChangeForm

OPERATORS = gettext_lazy("Only a platform operator with an open session can do this.")


class _OperatorForm(ChangeForm):
    """An act of a platform operator about an invoice."""

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        return "" if access.mandate is not None and access.mandate.operator else str(OPERATORS)

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return not row.is_credit_note


class PaymentForm(_OperatorForm):
    """Money that came by bank transfer."""

    title = gettext_lazy("Record payment")
    amount = forms.DecimalField(
        label=gettext_lazy("Amount"),
        max_digits=14,
        decimal_places=3,
        help_text=gettext_lazy("Enter a negative amount for a refund."),
    )
    received_on = forms.DateField(label=gettext_lazy("Received on"), help_text=gettext_lazy("For example, 2026-01-31."))
    external_id = SingleLineInput(label=gettext_lazy("Bank reference"), max_length=120)

    def change(self) -> EnterPayment:
        """The payment."""
        data = self.cleaned_data
        return EnterPayment(
            account_id=self.account_id,
            invoice_id=self.row.pk,
            amount=data["amount"],
            received_on=data["received_on"],
            external_id=data["external_id"],
        )


class CreditForm(_OperatorForm):
    """A credit note."""

    title = gettext_lazy("Issue credit note")
    danger = True
    net = forms.DecimalField(
        label=gettext_lazy("Amount without tax"),
        max_digits=14,
        decimal_places=3,
        required=False,
        help_text=gettext_lazy("Leave empty to credit the full remaining amount."),
    )
    again = forms.BooleanField(label=gettext_lazy("Bill it again with the current billing details"), required=False)

    def change(self) -> CreditInvoice:
        """The credit note."""
        data = self.cleaned_data
        return CreditInvoice(account_id=self.account_id, invoice_id=self.row.pk, net=data["net"], again=data["again"])


class InvoiceAdmin(AccessTableAdmin):
    """Invoices and credit notes, the newest first."""

    views = "view_billing"
    jobs = (BILLING,)
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {"payment": PaymentForm, "credit": CreditForm}
    list_display = ("reference_", "to", "issued", "due", "total_", "open_")
    search_fields = ("reference",)
    search_help_text = gettext_lazy("Search by invoice number.")
    ordering = ("-number",)
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the visible invoices, each with its amount due."""
        access = access_of(request)
        if access.mandate is None:
            return Invoice.objects.none()
        sight = BillingScope.of(access.mandate, self.views)
        rows = Invoice.objects.filter(sight.rows, account=access.account_id).select_related("branch", "account")
        return with_balance(rows)

    @display(description=gettext_lazy("Number"))
    def reference_(self, invoice: Invoice) -> str:
        """What it is called."""
        return invoice.reference

    @display(description=gettext_lazy("Payer"))
    def to(self, invoice: Invoice) -> str:
        """The branch, or the account as a whole."""
        return str(invoice.branch or invoice.account)

    @display(description=gettext_lazy("Date"))
    def issued(self, invoice: Invoice) -> str:
        """When it was issued."""
        return datetime_formats.written(invoice.issued_on, datetime_formats.DateTimeForm.LONG_DAY)

    @display(description=gettext_lazy("Due date"))
    def due(self, invoice: Invoice) -> str:
        """The last day."""
        return (
            ""
            if invoice.is_credit_note
            else datetime_formats.written(invoice.due_on, datetime_formats.DateTimeForm.LONG_DAY)
        )

    @display(description=gettext_lazy("Total"))
    def total_(self, invoice: Invoice) -> str:
        """With tax."""
        return written(invoice.total, invoice.currency)

    @display(description=gettext_lazy("Amount due"))
    def open_(self, invoice: Any) -> str:
        """Less what was paid and credited."""
        return "" if invoice.is_credit_note else written(invoice.balance, invoice.currency)

    def more(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Its lines, and what was paid."""
        lines = [{"title": line.text, "value": written(line.net, row.currency)} for line in row.lines.all()]
        paid = [
            {
                "title": datetime_formats.written(payment.received_on, datetime_formats.DateTimeForm.LONG_DAY),
                "note": payment.external_id,
                "value": written(payment.amount, row.currency),
            }
            for payment in row.payments.all()
        ]
        return {
            "parts": [
                {"title": _("Lines"), "lines": lines, "empty": ""},
                {"title": _("Payments"), "lines": paid, "empty": _("No payments yet.")},
            ]
        }
