"""What each answer of the pages says to the browser, and what each form needs, whatever the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import zeal
from django.conf import settings
from django.db import transaction
from django.test import Client

from apps.access.mandate_cache import forget_kept
from apps.accounts.models import User
from apps.audit.models import Operation
from tests.admin.people import browser, everything, staff
from tests.factories import Cast, make_cast
from tests.pages.table import OPEN, ROUTES, ROWS
from tests.pages.test_routes import address_of

pytestmark = pytest.mark.django_db
# What in a pattern stands for a secret: who has the address is let in by it.
SECRETS = ("<str:token>", "<str:sealed>", "<key>")
SECRET = {
    f"/{route.path or route.pattern}": route.signed_in
    for route in OPEN
    if any(secret in route.pattern for secret in SECRETS)
}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def viewer(cast: Cast) -> User:
    return staff(cast.branch, everything())


def answers(cast: Cast, viewer: User, client: Client, method: str) -> Iterator[tuple[str, Any]]:
    """What each address of the tables answers to this method; nothing of it stays."""
    for open_route in OPEN:
        if open_route.method == method:
            address = f"/{open_route.path or open_route.pattern}"
            with transaction.atomic(), zeal.zeal_ignore():
                yield address, client.generic(method, address)
                transaction.set_rollback(True)
    for route in ROUTES:
        if route.method == method:
            with transaction.atomic(), zeal.zeal_ignore():
                named = ROWS[route.row](cast.branch, viewer) if route.row else {}
                address = address_of(route, cast.account, named)
                yield address, client.generic(method, address)
                transaction.set_rollback(True)
            forget_kept()


def test_every_answer_tells_the_browser_what_to_run_to_embed_and_to_keep(cast: Cast, viewer: User) -> None:
    seen = [*answers(cast, viewer, browser(viewer), "GET"), ("/nothing/", browser(viewer).get("/nothing/"))]
    assert len(seen) > len(OPEN)
    for address, answer in seen:
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy)
        assert {"script-src 'self'", "style-src 'self'", "form-action 'self'"} <= set(policy) or "stripe" in str(policy)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", address
        if address not in SECRET:
            assert answer.headers["Referrer-Policy"] == "same-origin", address
        assert answer.headers["X-Frame-Options"] == "DENY", address
        assert "Access-Control-Allow-Origin" not in answer.headers, address
        assert "no-store" in answer.headers["Cache-Control"], address
        kind = answer.headers["Content-Type"]
        assert kind in {"application/pdf", "application/json"} or "charset=utf-8" in kind, address
        if not kind.startswith("text/html") and answer.status_code == 200:
            assert answer.headers["Content-Disposition"].startswith("attachment"), address


def test_nothing_is_kept_of_what_a_stranger_is_shown_either(cast: Cast, viewer: User) -> None:
    for address, answer in answers(cast, viewer, Client(), "GET"):
        assert answer.headers["Cache-Control"] == "private, no-store", address
    redirected = Client().get("/invitations/nothing")
    assert (redirected.status_code, redirected.headers["Cache-Control"]) == (301, "private, no-store")


@pytest.mark.parametrize("address", sorted(SECRET))
def test_an_address_that_is_a_secret_is_sent_along_with_no_request(cast: Cast, viewer: User, address: str) -> None:
    for client in (browser(viewer), Client()):
        for answer in (client.get(address), client.post(address)):
            login = answer.headers.get("Location", "").startswith("/login/")
            if answer.status_code != 404 and not login:
                assert answer.headers["Referrer-Policy"] == "strict-origin"
                assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_form_from_elsewhere_is_refused_wherever_it_is_sent(cast: Cast, viewer: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(viewer, backend=settings.AUTHENTICATION_BACKENDS[0])
    before = Operation.objects.count()
    for address, answer in answers(cast, viewer, strict, "POST"):
        # The payment gateway signs what it sends, and has no session.
        assert answer.status_code == 403 or address == "/billing/webhook/", address
    assert Operation.objects.count() == before


def test_reading_changes_nothing(cast: Cast, viewer: User) -> None:
    client = browser(viewer)
    for address, answer in answers(cast, viewer, client, "GET"):
        before = Operation.objects.count()
        client.get(address)
        assert Operation.objects.count() == before, address
        assert answer.status_code < 500
