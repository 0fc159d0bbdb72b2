"""Invoices and what is paid for them. All of it is only ever added to: the database refuses every other write."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import validate_currency
from apps.audit.models import TransactionId
from apps.audit.text import MultiLineField, SingleLineEmailField, SingleLineField, SingleLineSlugField
from apps.billing.models.base import AccountModel, AddressField, Amount, address_fits, validate_country, within_account
from apps.billing.money import Rounding
from apps.billing.tax import Treatment


class Seller(models.Model):
    """Who issues invoices, and the last number that they gave. A trigger counts on, under the row's lock.

    So the numbers have no gap: an invoice that is rolled back takes its number back with it.
    """

    key = SingleLineSlugField(max_length=40, unique=True)
    name = SingleLineField(max_length=150)
    address = AddressField()
    country = SingleLineField(max_length=2, validators=[validate_country])
    vat_number = SingleLineField(_("VAT number"), max_length=20, blank=True)
    email = SingleLineEmailField(max_length=254)
    bank = SingleLineField(max_length=150, blank=True)
    iban = SingleLineField("IBAN", max_length=34, blank=True)
    bic = SingleLineField("BIC", max_length=11, blank=True)
    prefix = SingleLineField(_("prefix"), max_length=10)
    rounding = SingleLineField(max_length=10, choices=[(each.value, each.value) for each in Rounding])
    days_to_pay = models.PositiveSmallIntegerField(default=14)
    last_number = models.BigIntegerField(default=0, editable=False)

    class Meta:
        """Sellers are the platform's."""

        default_permissions = ()
        constraints = [address_fits("seller_address_fits_invoice")]

    def __str__(self) -> str:
        return self.name


class Invoice(AccountModel):
    """An invoice, or a credit note about one. It keeps what seller and buyer were called when it was issued.

    `number` and `reference` are given by the database. A credit note's amounts are below zero.
    """

    class Kind(models.TextChoices):
        """What it is."""

        INVOICE = "invoice", _("Invoice")
        CREDIT_NOTE = "credit_note", _("Credit note")

    payer = within_account("billing.Payer", related_name="invoices")
    branch = within_account("accounts.Branch", null=True, related_name="+")
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="+")
    kind = SingleLineField(max_length=12, choices=Kind.choices, default=Kind.INVOICE)
    number = models.BigIntegerField(db_default=0, editable=False)
    reference = SingleLineField(max_length=30, db_default="", editable=False)
    credits = within_account("billing.Invoice", null=True, related_name="credit_notes")
    issued_on = models.DateField()
    due_on = models.DateField()
    currency = SingleLineField(max_length=3, validators=[validate_currency])
    tax_rate = models.DecimalField(_("tax in percent"), max_digits=5, decimal_places=2)
    treatment = SingleLineField(max_length=20, choices=[(each.value, each.value) for each in Treatment])
    net = Amount()
    tax = Amount()
    total = Amount()
    seller_details = models.JSONField()
    buyer_details = models.JSONField()
    note = MultiLineField(blank=True)
    transaction_id = models.BigIntegerField(db_default=TransactionId(), editable=False)

    class Meta(AccountModel.Meta):
        """A seller's numbers are each given once."""

        ordering = ["-number"]
        indexes = [models.Index(fields=["account", "payer", "issued_on"], name="billing_invoices_of_payer")]
        constraints = [
            models.UniqueConstraint(fields=["account", "id"], name="invoice_of_account"),
            models.UniqueConstraint(fields=["seller", "number"], name="one_invoice_per_number"),
            models.CheckConstraint(condition=models.Q(total=models.F("net") + models.F("tax")), name="invoices_add_up"),
            models.CheckConstraint(
                condition=models.Q(kind="invoice", credits=None, total__gte=0)
                | models.Q(kind="credit_note", credits__isnull=False, total__lt=0),
                name="credit_notes_credit_an_invoice",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_credit_note(self) -> bool:
        """Whether it takes back what an invoice asked for."""
        return self.kind == self.Kind.CREDIT_NOTE


class InvoiceLine(AccountModel):
    """One line. `counts`: it says what has been billed for its period; a refund that is a favour does not."""

    invoice = within_account("billing.Invoice", related_name="lines")
    position = models.PositiveSmallIntegerField()
    text = SingleLineField(max_length=200)
    payer = within_account("billing.Payer", related_name="+")
    period = within_account("billing.Period", null=True, related_name="+")
    counts = models.BooleanField(default=True)
    starts_on = models.DateField(null=True)
    ends_on = models.DateField(null=True)
    quantity = models.PositiveIntegerField(default=1)
    net = Amount()
    tax = Amount()

    class Meta(AccountModel.Meta):
        """In their order; what was billed for a period is summed by payer."""

        ordering = ["invoice", "position"]
        indexes = [models.Index(fields=["account", "payer", "period"], name="billing_lines_of_period")]
        constraints = [models.UniqueConstraint(fields=["account", "invoice", "position"], name="one_line_per_position")]

    def __str__(self) -> str:
        return self.text


class Payment(AccountModel):
    """Money that came for an invoice; below zero where it went back. A gateway's payment is entered once."""

    invoice = within_account("billing.Invoice", related_name="payments")
    amount = Amount()
    received_on = models.DateField()
    gateway = SingleLineField(max_length=20)
    external_id = SingleLineField(max_length=120)
    entered_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(AccountModel.Meta):
        """One row for each payment of a gateway, even if the gateway reports it several times."""

        ordering = ["received_on", "id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "gateway", "external_id"], name="one_row_per_payment"),
            models.CheckConstraint(condition=~models.Q(amount=0), name="payments_of_something"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} for {self.invoice}"


class Mailing(AccountModel):
    """A message that goes out about an invoice, once for each kind: written with what it tells of, and then sent."""

    class Kind(models.TextChoices):
        """What the message says."""

        ISSUED = "issued", _("Invoice")
        REMINDER_1 = "reminder_1", _("First reminder")
        REMINDER_2 = "reminder_2", _("Second reminder")
        REMINDER_3 = "reminder_3", _("Last reminder")
        SUSPENDED = "suspended", _("Read-only")

    invoice = within_account("billing.Invoice", related_name="mailings")
    kind = SingleLineField(max_length=12, choices=Kind.choices)
    address = SingleLineEmailField(max_length=254)
    made_on = models.DateField()
    sent_at = models.DateTimeField(null=True, editable=False)

    class Meta(AccountModel.Meta):
        """What is still to be sent is found by an index of its own."""

        constraints = [models.UniqueConstraint(fields=["account", "invoice", "kind"], name="one_mailing_per_kind")]
        indexes = [
            models.Index(fields=["account", "id"], name="billing_mailings_to_send", condition=models.Q(sent_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.address}"
