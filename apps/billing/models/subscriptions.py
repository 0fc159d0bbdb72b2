"""What an account has subscribed to, who pays for it, and the periods that are paid."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import validate_currency
from apps.audit.text import SingleLineEmailField, SingleLineField
from apps.billing.models.base import AccountModel, AddressField, Amount, address_fits, validate_country, within_account
from apps.billing.plans import Interval, Plan, plan


class Subscription(AccountModel):
    """What an account as a whole has agreed to. Which plan holds on which day is said by the terms.

    `trial_ends_on`: until that day nothing is owed. `ends_on`: from that day on it is cancelled. `suspended_on`: since
    when the account may only be read, for what it has not paid.
    """

    started_on = models.DateField()
    trial_ends_on = models.DateField(null=True, blank=True)
    anchor_on = models.DateField(_("billing periods start on the day of"), null=True, blank=True)
    ends_on = models.DateField(_("cancelled from"), null=True, blank=True)
    suspended_on = models.DateField(_("read-only since"), null=True, blank=True)
    grows = models.BooleanField(_("add seats for new invitations"), default=False)

    class Meta(AccountModel.Meta):
        """An account has one subscription."""

        constraints = [
            models.UniqueConstraint(fields=["account"], name="one_subscription_per_account"),
        ]

    def __str__(self) -> str:
        return f"the subscription of {self.account}"

    def is_trial(self, day: date) -> bool:
        """Whether nothing is owed yet."""
        return self.trial_ends_on is not None and day < self.trial_ends_on

    def is_cancelled(self, day: date) -> bool:
        """Whether it has ended."""
        return self.ends_on is not None and self.ends_on <= day


class Payer(AccountModel):
    """Who pays: the account as a whole (without a branch), or one branch. Its currency stays once it has an invoice."""

    branch = within_account("accounts.Branch", null=True, blank=True, related_name="+")
    currency = SingleLineField(max_length=3, validators=[validate_currency])
    name = SingleLineField(_("name on the invoice"), max_length=150, blank=True)
    address = AddressField(blank=True)
    country = SingleLineField(max_length=2, blank=True, validators=[validate_country])
    vat_number = SingleLineField(_("VAT number"), max_length=20, blank=True)
    email = SingleLineEmailField(_("email for invoices"), max_length=254, blank=True)
    gateway = SingleLineField(max_length=20, default="invoice")
    customer = SingleLineField(_("customer at the gateway"), max_length=80, blank=True)
    method = SingleLineField(_("payment method at the gateway"), max_length=80, blank=True)
    method_label = SingleLineField(_("payment method"), max_length=80, blank=True)
    method_at = models.DateTimeField(_("payment method since"), null=True, blank=True, editable=False)

    class Meta(AccountModel.Meta):
        """One for each branch, and one for the account as a whole."""

        constraints = [
            models.UniqueConstraint(fields=["account", "id"], name="payer_of_account"),
            address_fits("payer_address_fits_invoice"),
            models.UniqueConstraint(fields=["account", "branch"], name="one_payer_per_branch", nulls_distinct=False),
            models.UniqueConstraint(
                fields=["gateway", "customer"], name="one_payer_per_customer", condition=~models.Q(customer="")
            ),
        ]

    def __str__(self) -> str:
        return str(self.branch or self.account)

    @property
    def is_complete(self) -> bool:
        """Whether an invoice can be written to them."""
        return bool(self.name and self.address and self.country and self.email)


class Term(AccountModel):
    """From a day on, a payer has so many seats of a plan at a price. A term of a later day is a change that is to come.

    Terms that have begun are never altered, so that what a period cost can be worked out at any time.
    """

    payer = within_account("billing.Payer", related_name="terms")
    starts_on = models.DateField()
    plan = SingleLineField(max_length=40)
    interval = SingleLineField(max_length=10, choices=[(each.value, each.value) for each in Interval])
    seats = models.PositiveIntegerField()
    unit_price = Amount(_("price of a seat"))
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(AccountModel.Meta):
        """Looked up by payer, in the order in which they hold."""

        ordering = ["starts_on", "id"]
        indexes = [models.Index(fields=["account", "payer", "starts_on", "id"], name="billing_terms_of_payer")]
        constraints = [
            models.CheckConstraint(condition=models.Q(unit_price__gte=0), name="billing_prices_not_below_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_data.name} from {self.starts_on:%-d %B %Y}"

    @property
    def plan_data(self) -> Plan:
        """The plan."""
        return plan(self.plan)


class Period(AccountModel):
    """The days that are paid together: from `starts_on` up to `ends_on`, without that day.

    `days` is how many the full period has. It ends early if the payer switches to yearly billing.
    """

    starts_on = models.DateField()
    ends_on = models.DateField()
    days = models.PositiveSmallIntegerField()
    interval = SingleLineField(max_length=10, choices=[(each.value, each.value) for each in Interval])

    class Meta(AccountModel.Meta):
        """No two begin on one day with one interval, so none is made twice."""

        ordering = ["starts_on", "id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "id"], name="period_of_account"),
            models.UniqueConstraint(fields=["account", "starts_on", "interval"], name="one_period_per_start"),
            models.CheckConstraint(condition=models.Q(ends_on__gte=models.F("starts_on")), name="periods_end_later"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_on:%-d %B %Y} to {self.ends_on:%-d %B %Y}"
