"""What billing asks of a payment gateway. No card number comes to us: people enter it on the gateway's own page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from apps.billing.models import Attempt, Payer


class GatewayError(Exception):
    """The gateway could not be asked, or did not understand; nothing is known about what it did. To be asked again."""


class InvalidSignature(Exception):
    """A message that the gateway has not signed, or signed too long ago."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of trying to collect: `state` of the attempt, the gateway's name for it, why it failed."""

    state: Attempt.State
    external_id: str = ""
    failure: str = ""


class MessageKind(StrEnum):
    """What a message of the gateway is about."""

    COLLECTED = "collected"
    FAILED = "failed"
    REFUNDED = "refunded"
    METHOD = "method"
    METHOD_GONE = "method gone"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the gateway tells, read and found to be signed by it.

    `attempt` is ours, by its id, `payment` the gateway's. A refund's `amount` is all that was sent back so far.
    """

    id: str
    kind: str
    told: MessageKind
    at: datetime
    customer: str = ""
    attempt: int | None = None
    payment: str = ""
    amount: Decimal = Decimal(0)
    currency: str = ""
    failure: str = ""
    method: str = ""


class BillingGateway(Protocol):
    """Collects invoices from payment methods that people have left with it."""

    key: str
    label: str
    collects: bool

    def customer(self, payer: Payer) -> str:
        """The gateway's name for the payer, made the first time.

        Raises:
            GatewayFailed: it could not be asked.
        """

    def setup_page(self, payer: Payer, *, back: str) -> str:
        """The address of the gateway's page on which a payment method is entered; it leads `back` here.

        Raises:
            GatewayFailed: it could not be asked.
        """

    def collect(self, attempt: Attempt, payer: Payer, currency: str) -> Outcome:
        """Collect an amount. Asked again with the same attempt, the gateway collects nothing more and says the same.

        Raises:
            GatewayFailed: it could not be asked, or what came of it is not known.
        """

    def method_label(self, method: str) -> str:
        """What people call the payment method, such as “Visa ending in 4242”.

        Raises:
            GatewayFailed: it could not be asked.
        """

    def read(self, payload: bytes, signature: str) -> Message:
        """What the gateway tells.

        Raises:
            Forged: it is not from the gateway.
        """
