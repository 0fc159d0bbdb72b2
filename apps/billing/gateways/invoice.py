"""The default gateway: the payer transfers the money, and an operator records the payment."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

from apps.billing.gateways.base import GatewayError, InvalidSignature, Message, Outcome
from apps.billing.models import Attempt, Payer


class InvoiceOnly:
    """Collects nothing, and has nothing to say."""

    key = "invoice"
    label = gettext_noop("Bank transfer")
    collects = False

    def customer(self, payer: Payer) -> str:
        """Nobody is a customer of it."""
        return ""

    def setup_page(self, payer: Payer, *, back: str) -> str:
        """There is none."""
        raise GatewayError(gettext("This installation accepts bank transfers only."))

    def collect(self, attempt: Attempt, payer: Payer, currency: str) -> Outcome:
        """Nothing is collected."""
        raise GatewayError(gettext("This installation accepts bank transfers only."))

    def method_label(self, method: str) -> str:
        """The one way to pay."""
        return self.label

    def read(self, payload: bytes, signature: str) -> Message:
        """Nobody signs for it."""
        raise InvalidSignature("No payment gateway is set up.")
