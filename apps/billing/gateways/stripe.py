"""Stripe, through its own library: customers, payment methods entered on its page, and payments off session."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import stripe
from django.utils.translation import gettext_noop

from apps.audit.untrusted import read_json
from apps.billing.gateways.base import GatewayError, InvalidSignature, Message, MessageKind, Outcome
from apps.billing.models import Attempt, Payer
from apps.billing.money import smallest

TOLD = {
    "payment_intent.succeeded": MessageKind.COLLECTED,
    "payment_intent.payment_failed": MessageKind.FAILED,
    "charge.refunded": MessageKind.REFUNDED,
    "setup_intent.succeeded": MessageKind.METHOD,
    "payment_method.detached": MessageKind.METHOD_GONE,
}
# How many seconds after it was signed a message still counts.
FRESH = 300
STATES = {"succeeded": Attempt.State.SUCCEEDED, "processing": Attempt.State.PENDING}


class StripeGateway:
    """Speaks to Stripe with an account's secret key; `address` is another server's in tests."""

    key = "stripe"
    label = gettext_noop("Card or direct debit")
    collects = True

    def __init__(self, secret_key: str, webhook_secret: str, address: str = "") -> None:
        self._webhook_secret = webhook_secret
        addresses: Any = {"api": address} if address else {}
        self._client = stripe.StripeClient(secret_key, base_addresses=addresses, max_network_retries=2)

    def customer(self, payer: Payer) -> str:
        """A customer with the payer's name and address for mail, once however often it is asked for."""
        told: Any = {"name": payer.name or str(payer), "email": payer.email, "metadata": {"payer": str(payer.pk)}}
        # One key goes with one text: Stripe refuses it with another, and a name may change before the answer is kept.
        digest = sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
        try:
            made = self._client.v1.customers.create(told, {"idempotency_key": f"customer-of-payer-{payer.pk}-{digest}"})
        except stripe.StripeError as error:
            raise GatewayError(_said(error)) from error
        return str(made.id)

    def setup_page(self, payer: Payer, *, back: str) -> str:
        """A Checkout session that only stores a payment method."""
        try:
            made = self._client.v1.checkout.sessions.create(
                {
                    "mode": "setup",
                    "customer": payer.customer,
                    "currency": payer.currency.lower(),
                    "success_url": back,
                    "cancel_url": back,
                }
            )
        except stripe.StripeError as error:
            raise GatewayError(_said(error)) from error
        return str(made.url)

    def collect(self, attempt: Attempt, payer: Payer, currency: str) -> Outcome:
        """A payment intent that is confirmed at once, without the person being there."""
        try:
            made = self._client.v1.payment_intents.create(
                {
                    "amount": int(attempt.amount / smallest(currency)),
                    "currency": currency.lower(),
                    "customer": payer.customer,
                    "payment_method": payer.method,
                    "confirm": True,
                    "off_session": True,
                    "metadata": {"attempt": str(attempt.pk), "invoice": attempt.invoice.reference},
                },
                {"idempotency_key": attempt.key},
            )
        except stripe.CardError as error:
            return Outcome(Attempt.State.FAILED, failure=_said(error))
        except stripe.StripeError as error:
            raise GatewayError(_said(error)) from error
        state = STATES.get(str(made.status), Attempt.State.FAILED)
        failure = "" if state in STATES.values() else "The bank wants the payment to be confirmed by a person."
        return Outcome(state, str(made.id), failure)

    def method_label(self, method: str) -> str:
        """Brand and last digits of a card; the kind of anything else."""
        try:
            found = self._client.v1.payment_methods.retrieve(method)
        except stripe.StripeError as error:
            raise GatewayError(_said(error)) from error
        if found.card is not None:
            return f"{str(found.card.brand).title()} ending in {found.card.last4}"
        return str(found.type).replace("_", " ").capitalize()

    def read(self, payload: bytes, signature: str) -> Message:
        """A signed event, at most five minutes old when it was signed."""
        try:
            stripe.WebhookSignature.verify_header(payload.decode(), signature, self._webhook_secret, FRESH)
            return _message(read_json(payload))
        except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidSignature(str(error)) from error


def _message(event: dict[str, Any]) -> Message:
    about: dict[str, Any] = event["data"]["object"]
    told = TOLD.get(event["type"], MessageKind.OTHER)
    currency = str(about.get("currency") or "").upper()
    cents = (
        about.get("amount_refunded" if told is MessageKind.REFUNDED else "amount_received", about.get("amount")) or 0
    )
    attempt = str((about.get("metadata") or {}).get("attempt", ""))
    error = about.get("last_payment_error") or {}
    before = event["data"].get("previous_attributes") or {}
    return Message(
        id=str(event["id"]),
        kind=str(event["type"]),
        told=told,
        at=datetime.fromtimestamp(int(event["created"]), UTC),
        customer=str(about.get("customer") or before.get("customer") or ""),
        attempt=int(attempt[:18]) if attempt.isdecimal() else None,
        payment=str(about.get("payment_intent") or about["id"]),
        amount=Decimal(int(cents)) * smallest(currency) if currency else Decimal(0),
        currency=currency,
        failure=str(error.get("message") or ""),
        method=str(about["id"] if told is MessageKind.METHOD_GONE else about.get("payment_method") or ""),
    )


def _said(error: stripe.StripeError) -> str:
    return str(error.user_message or error)[:300]
