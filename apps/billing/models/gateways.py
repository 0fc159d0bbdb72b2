"""What is asked of a payment gateway, and what it tells us."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.text import SingleLineField
from apps.billing.models.base import AccountModel, Amount, within_account


class Attempt(AccountModel):
    """One try to collect an invoice, committed before the gateway is asked; its key makes asking again safe."""

    class State(models.TextChoices):
        """What came of it."""

        PENDING = "pending", _("Pending")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")

    invoice = within_account("billing.Invoice", related_name="attempts")
    number = models.PositiveSmallIntegerField()
    amount = Amount()
    state = SingleLineField(max_length=10, choices=State.choices, default=State.PENDING)
    external_id = SingleLineField(max_length=120, blank=True)
    failure = SingleLineField(max_length=300, blank=True)
    made_on = models.DateField()

    class Meta(AccountModel.Meta):
        """Numbered for each invoice."""

        ordering = ["invoice", "number"]
        constraints = [models.UniqueConstraint(fields=["account", "invoice", "number"], name="one_attempt_per_number")]

    def __str__(self) -> str:
        return f"try {self.number} to collect {self.invoice}"

    @property
    def key(self) -> str:
        """The idempotency key, the same whenever this try is made again."""
        return f"invoice-{self.invoice_id}-try-{self.number}"


class WebhookEvent(models.Model):
    """A message of a gateway that has been dealt with, so that its second coming does nothing."""

    gateway = SingleLineField(max_length=20)
    external_id = SingleLineField(max_length=120)
    kind = SingleLineField(max_length=80)
    outcome = SingleLineField(max_length=200, blank=True)
    received_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """Each message once."""

        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["gateway", "external_id"], name="one_row_per_event")]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"
