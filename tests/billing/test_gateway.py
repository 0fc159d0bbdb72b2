"""Collecting through Stripe: its contract held against localstripe, and what it tells us however it comes."""

from __future__ import annotations

import itertools
import json
import random
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from queue import Queue
from threading import Barrier, Thread
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs

import pytest
import stripe
from django.db import connections
from pytest_django.fixtures import Settings

from apps.billing.collecting import collect_due, hear
from apps.billing.gateways import current_gateway
from apps.billing.gateways.base import GatewayError, InvalidSignature, MessageKind
from apps.billing.gateways.stripe import StripeGateway
from apps.billing.models import Attempt, Invoice, Payer, Payment, WebhookEvent
from apps.billing.payments import balance
from tests.admin.people import browser
from tests.billing.cases import START, begin, invoices, on
from tests.billing.stripes import SECRET, event, local_stripe, signature, stripe_settings, tell
from tests.factories import Cast, make_cast
from tests.server_log import log

__all__ = ["log"]

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with local_stripe() as found:
        yield found


@pytest.fixture
def gateway(address: str, settings: Settings) -> StripeGateway:
    settings.STRIPE = stripe_settings(address)
    found = current_gateway()
    assert isinstance(found, StripeGateway)
    return found


def with_card(gateway: StripeGateway, payer: Payer, number: str = "4242424242424242") -> Payer:
    """The payer as a customer of the gateway, with a card that a person entered there."""
    payer.gateway, payer.customer = gateway.key, gateway.customer(payer)
    card: Any = {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    made = gateway._client.v1.payment_methods.create({"type": "card", "card": card})
    gateway._client.v1.payment_methods.attach(made.id, {"customer": payer.customer})
    payer.method = made.id
    payer.save()
    return payer


def test_an_open_invoice_is_collected_once(gateway: StripeGateway) -> None:
    cast = make_cast()
    with_card(gateway, begin(cast.account))
    with on(START):
        assert collect_due(cast.account.pk) == 1
        assert collect_due(cast.account.pk) == 0
    (payment,) = Payment.objects.filter(account=cast.account)
    assert (payment.amount, payment.gateway) == (Decimal("142.80"), "stripe")
    intent = gateway._client.v1.payment_intents.retrieve(payment.external_id)
    assert (intent.amount, intent.currency, intent.status) == (14280, "eur", "succeeded")
    assert intent.metadata["attempt"] == str(Attempt.objects.get().pk)


def test_a_card_that_is_declined_is_tried_again_some_days_later(gateway: StripeGateway) -> None:
    cast = make_cast()
    payer = with_card(gateway, begin(cast.account), "4000000000000341")
    for day, tries in ((START, 1), (START, 1), (START.replace(day=4), 2)):
        with on(day):
            assert collect_due(cast.account.pk) == 0
        assert Attempt.objects.filter(account=cast.account).count() == tries
    assert all(attempt.failure for attempt in Attempt.objects.all())
    with_card(gateway, payer)
    with on(START.replace(day=8)):
        assert collect_due(cast.account.pk) == 1


def test_a_gateway_that_does_not_answer_is_asked_again_with_the_same_key(gateway: StripeGateway) -> None:
    cast = make_cast()
    with_card(gateway, begin(cast.account))
    keys = []

    def lost(_: Any, attempt: Attempt, *rest: Any) -> None:
        keys.append(attempt.key)
        raise GatewayError("The line broke.")

    with on(START), patch.object(StripeGateway, "collect", lost):
        for _ in range(2):
            with pytest.raises(GatewayError, match="The line broke"):
                collect_due(cast.account.pk)
    assert len(set(keys)) == 1
    with on(START):
        assert collect_due(cast.account.pk) == 1
    assert Attempt.objects.get().key == keys[0]


def test_a_server_out_of_reach_is_no_failure_of_the_card(settings: Settings) -> None:
    settings.STRIPE = stripe_settings("http://127.0.0.1:9")
    cast = make_cast()
    payer = begin(cast.account)
    payer.gateway, payer.customer, payer.method = "stripe", "cus_1", "pm_1"
    payer.save()
    found = current_gateway()
    assert isinstance(found, StripeGateway)
    found._client = stripe.StripeClient(
        "sk_test_1", base_addresses={"api": "http://127.0.0.1:9"}, max_network_retries=0
    )
    with on(START), patch("apps.billing.collecting.gateway_of", return_value=found), pytest.raises(GatewayError):
        collect_due(cast.account.pk)
    assert Attempt.objects.get().state == Attempt.State.PENDING


def test_a_method_is_called_by_its_last_digits(gateway: StripeGateway) -> None:
    cast = make_cast()
    payer = with_card(gateway, begin(cast.account))
    assert gateway.method_label(payer.method) == "Visa ending in 4242"
    with pytest.raises(GatewayError):
        gateway.method_label("pm_nothing")


def test_what_localstripe_signs_is_read_as_stripes(gateway: StripeGateway, address: str) -> None:
    cast = make_cast()
    heard: Queue[tuple[bytes, str]] = Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.put((self.rfile.read(int(self.headers["Content-Length"])), self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Listener)
    Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}/"
    register = json.dumps({"url": here, "secret": SECRET, "events": ["payment_intent.succeeded"]}).encode()
    urllib.request.urlopen(f"{address}/_config/webhooks/tests", register).close()
    with_card(gateway, begin(cast.account))
    with on(START):
        collect_due(cast.account.pk)
    attempt = Attempt.objects.get()
    # It tells a second later, so that what other tests did may come first.
    read = (gateway.read(*heard.get(timeout=20)) for _ in itertools.count())
    message = next(message for message in read if message.attempt == attempt.pk)
    server.shutdown()
    assert (message.told, message.amount) == (MessageKind.COLLECTED, attempt.amount)
    assert hear(gateway, message) == "paid"
    assert Payment.objects.count() == 1


def test_a_card_that_was_set_up_there_is_used_from_then_on(gateway: StripeGateway) -> None:
    cast = make_cast()
    payer = begin(cast.account)
    payer.gateway, payer.customer = gateway.key, gateway.customer(payer)
    payer.save()
    card: Any = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    method = gateway._client.v1.payment_methods.create({"type": "card", "card": card})
    intent = gateway._client.v1.setup_intents.create({"customer": payer.customer})
    gateway._client.v1.payment_methods.attach(method.id, {"customer": payer.customer})
    done = gateway._client.v1.setup_intents.confirm(intent.id, {"payment_method": method.id})
    assert done.status == "succeeded"
    # What localstripe does not send by itself: the event around the intent as it stands there.
    about = {name: done[name] for name in ("id", "customer", "payment_method", "status")}
    body = event("setup_intent.succeeded", 77, **about)
    assert hear(gateway, gateway.read(body, signature(body))) == "payment method"
    payer.refresh_from_db()
    assert (payer.method, payer.method_label) == (method.id, "Visa ending in 4242")
    with on(START):
        assert collect_due(cast.account.pk) == 1


def test_the_page_for_a_card_is_asked_for_as_stripe_wants_it() -> None:
    asked: Queue[tuple[str, dict[str, list[str]]]] = Queue()

    class Checkout(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.put((self.path, parse_qs(body)))
            answer = b'{"id": "cs_1", "object": "checkout.session", "url": "https://checkout.example/cs_1"}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Checkout)
    Thread(target=server.serve_forever, daemon=True).start()
    gateway = StripeGateway("sk_test_12345", SECRET, f"http://127.0.0.1:{server.server_port}")
    payer = Payer(customer="cus_acme", currency="EUR")
    assert gateway.setup_page(payer, back="https://mandate.example/a/acme/billing/") == "https://checkout.example/cs_1"
    server.shutdown()
    back = ["https://mandate.example/a/acme/billing/"]
    told = {"mode": ["setup"], "customer": ["cus_acme"], "currency": ["eur"], "success_url": back, "cancel_url": back}
    assert asked.get(timeout=5) == ("/v1/checkout/sessions", told)


# What it tells


@pytest.fixture
def waiting(settings: Settings) -> tuple[Cast, Attempt]:
    """An account whose invoice is being collected."""
    settings.STRIPE = stripe_settings()
    return _waiting()


def _waiting() -> tuple[Cast, Attempt]:
    cast = make_cast()
    payer = begin(cast.account)
    payer.gateway, payer.customer, payer.method = "stripe", "cus_acme", "pm_1"
    payer.save()
    invoice = invoices(cast.account)[0]
    attempt = Attempt.objects.create(
        account=cast.account, invoice=invoice, number=1, amount=invoice.total, made_on=START
    )
    return cast, attempt


def succeeded(attempt: Attempt, **other: Any) -> bytes:
    about: dict[str, Any] = {
        "id": "pi_1",
        "customer": "cus_acme",
        "amount": 14280,
        "amount_received": 14280,
        "currency": "eur",
        "metadata": {"attempt": str(attempt.pk)},
    }
    return event("payment_intent.succeeded", **(about | other))


def failed(attempt: Attempt) -> bytes:
    return event(
        "payment_intent.payment_failed",
        id="pi_1",
        customer="cus_acme",
        amount=14280,
        currency="eur",
        metadata={"attempt": str(attempt.pk)},
        last_payment_error={"message": "Declined"},
    )


def refunded(amount: int, number: int) -> bytes:
    return event(
        "charge.refunded",
        number,
        id="ch_1",
        payment_intent="pi_1",
        customer="cus_acme",
        amount=14280,
        amount_refunded=amount,
        currency="eur",
    )


def test_a_payment_that_is_told_of_is_entered_once(waiting: tuple[Cast, Attempt]) -> None:
    _, attempt = waiting
    assert tell(succeeded(attempt)).content == b"paid\n"
    assert tell(succeeded(attempt)).content == b"heard before\n"
    assert balance(attempt.invoice) == 0
    assert WebhookEvent.objects.count() == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
def test_the_order_in_which_it_is_told_does_not_matter(waiting: tuple[Cast, Attempt], order: tuple[int, ...]) -> None:
    _, attempt = waiting
    told = [succeeded(attempt), failed(attempt), refunded(5000, 1), refunded(8000, 2)]
    left = [told[place] for place in order]
    # What cannot be dealt with yet is told again, after all else.
    for body in left:
        answer = tell(body)
        assert answer.status_code in (200, 503)
        if answer.status_code == 503:
            left.append(body)
    attempt.refresh_from_db()
    assert attempt.state == Attempt.State.SUCCEEDED
    assert balance(attempt.invoice) == Decimal("80.00")


@pytest.mark.parametrize(
    ("signed", "says"),
    [
        ("", "none"),
        ("t=1,v1=abc", "nonsense"),
        ("of another secret", "another"),
        ("late", "an hour ago"),
    ],
)
def test_what_is_forged_or_late_has_no_effect_and_is_logged(
    waiting: tuple[Cast, Attempt], signed: str, says: str, log: StringIO
) -> None:
    _, attempt = waiting
    body = succeeded(attempt)
    if says == "another":
        signed = signature(body, "whsec_another")
    elif says == "an hour ago":
        signed = signature(body, at=int(json.loads(body)["created"]) - 3600)
    assert tell(body, signed).status_code == 400
    altered = body.replace(b"14280", b"99999")
    assert tell(altered, signature(body)).status_code == 400
    assert log.getvalue().count("POST /billing/webhook/ was answered with 400") == 2
    assert not Payment.objects.exists()
    assert not WebhookEvent.objects.exists()


def test_what_is_signed_and_makes_no_sense_has_no_effect(waiting: tuple[Cast, Attempt]) -> None:
    _, attempt = waiting
    assert tell(b"[]").status_code == 400
    assert tell(b'{"id": "evt_1"}').status_code == 400
    assert tell(succeeded(attempt, amount_received=1)).content == b"of another amount\n"
    assert tell(event("customer.created", id="cus_acme", customer="cus_acme")).content == b"nothing to do\n"
    assert not Payment.objects.exists()


def test_another_accounts_customer_pays_nothing_here(waiting: tuple[Cast, Attempt]) -> None:
    cast, attempt = waiting
    other = begin(cast.elsewhere.account)
    other.gateway, other.customer = "stripe", "cus_hooli"
    other.save()
    assert tell(succeeded(attempt, customer="cus_hooli")).content == b"about no attempt of ours\n"
    body = event("payment_intent.succeeded", 2, id="pi_2", customer="cus_nobody", amount=1, currency="eur")
    assert tell(body).content == b"about nobody here\n"
    assert not Payment.objects.exists()


def test_the_card_that_was_entered_last_is_the_one_in_use(waiting: tuple[Cast, Attempt]) -> None:
    cast, _ = waiting
    now = int(json.loads(event("x"))["created"])

    def entered(method: str, number: int, at: int) -> bytes:
        return event("setup_intent.succeeded", number, at, id="seti", customer="cus_acme", payment_method=method)

    with patch.object(StripeGateway, "method_label", lambda _, method: f"Visa {method}"):
        assert tell(entered("pm_new", 1, now)).content == b"payment method\n"
        assert tell(entered("pm_old", 2, now - 60)).content == b"overtaken\n"
    payer = Payer.objects.get(account=cast.account)
    assert (payer.method, payer.method_label) == ("pm_new", "Visa pm_new")
    tell(event("payment_method.detached", 3, now + 1, id="pm_new", customer="cus_acme"))
    payer.refresh_from_db()
    assert (payer.method, payer.method_label) == ("", "")


def test_the_page_leads_to_the_gateway_and_says_so_where_it_cannot(
    waiting: tuple[Cast, Attempt], settings: Settings
) -> None:
    cast, attempt = waiting
    payer = attempt.invoice.payer_id
    client = browser(cast.owner)
    with patch.object(StripeGateway, "setup_page", lambda *_, **__: "https://checkout.stripe.example/c"):
        answer = client.post(f"/a/acme/billing/payers/{payer}/method/")
    assert answer.headers["Location"] == "https://checkout.stripe.example/c"
    settings.STRIPE = stripe_settings() | {"secret_key": ""}
    answer = client.post(f"/a/acme/billing/payers/{payer}/method/", follow=True)
    assert "accepts bank transfers only" in answer.content.decode()


def test_without_a_gateway_nothing_is_read(settings: Settings) -> None:
    with pytest.raises(InvalidSignature):
        current_gateway().read(b"{}", "")


@pytest.mark.django_db(transaction=True)
def test_each_told_a_hundred_times_at_once_in_any_order_has_one_effect(settings: Settings) -> None:
    settings.STRIPE = stripe_settings()
    cast, attempt = _waiting()
    other = begin(cast.elsewhere.account)
    other.gateway, other.customer = "stripe", "cus_hooli"
    other.save()
    now = int(json.loads(event("x"))["created"])
    card = event("setup_intent.succeeded", 1, now, id="seti", customer="cus_acme", payment_method="pm_new")
    bodies = [succeeded(attempt), failed(attempt), refunded(5000, 1), refunded(8000, 2), card]
    foreign = json.dumps(json.loads(succeeded(attempt, customer="cus_hooli")) | {"id": "evt_foreign"}).encode()
    told = [(body, signature(body)) for body in (*bodies, foreign)]
    told += [(bodies[0], signature(bodies[0], "whsec_forged")), (bodies[0], signature(bodies[0], at=now - 3600))]
    told *= 100
    random.Random(3).shuffle(told)
    meeting = Barrier(8)

    def post(part: list[tuple[bytes, str]]) -> list[int]:
        try:
            meeting.wait()
            return [tell(*what).status_code for what in part]
        finally:
            connections.close_all()

    with (
        patch.object(StripeGateway, "method_label", lambda _, method: f"Visa {method}"),
        ThreadPoolExecutor(meeting.parties) as pool,
    ):
        answers = [
            code for codes in pool.map(post, [told[place :: meeting.parties] for place in range(8)]) for code in codes
        ]
    assert answers.count(400) == 200
    assert set(answers) <= {200, 400, 503}
    assert Invoice.objects.filter(account=cast.account).count() == 1
    assert Payment.objects.filter(amount__gt=0).count() == 1
    assert not Payment.objects.filter(account=other.account).exists()
    assert balance(attempt.invoice) == Decimal("80.00")
    assert WebhookEvent.objects.count() == len(bodies) + 1
    assert Payer.objects.get(account=cast.account, customer="cus_acme").method == "pm_new"
    other.refresh_from_db()
    assert other.method == ""
