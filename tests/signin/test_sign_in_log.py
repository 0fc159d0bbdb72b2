"""The server's log has each sign-in and each failed try, with how and from where, and without what was typed."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client

from tests.factories import PASSWORD
from tests.signin.people import digits, sign_in, somebody, with_app, with_codes

pytestmark = pytest.mark.django_db
PLACE = "203.0.113.9"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What the log of security says from here on."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, listener = logging.getLogger("mandate.security"), Listener()
    logger.addHandler(listener)
    yield lines
    logger.removeHandler(listener)


def test_a_sign_in_by_password_is_logged_and_so_is_a_wrong_one(lines: list[str]) -> None:
    user, client = somebody(), Client(REMOTE_ADDR=PLACE)
    sign_in(user, "not their password", client=client)
    (failed,) = lines
    assert failed.startswith(f"A sign-in failed from {PLACE}, for the address ")
    assert user.email not in failed
    sign_in(user, client=client)
    assert lines[1:] == [f"User {user.pk} signed in from {PLACE}: password"]
    client.post("/login/again/", {"password": PASSWORD})
    assert lines[2:] == [f"User {user.pk} confirmed who they are from {PLACE}: password"]
    assert PASSWORD not in str(lines)


def test_a_second_factor_is_logged_with_its_kind_and_so_is_a_wrong_one(lines: list[str]) -> None:
    user, client = somebody(), Client(REMOTE_ADDR=PLACE)
    secret, codes = with_app(user), with_codes(user)
    sign_in(user, client=client)
    assert lines == []
    client.post("/mfa/authenticate/", {"code": "000000"})
    client.post("/mfa/authenticate/", {"code": digits(secret)})
    assert lines == [
        f"A code or passkey of user {user.pk} failed from {PLACE}",
        f"User {user.pk} signed in from {PLACE}: password, mfa (totp)",
    ]
    client.post("/mfa/reauthenticate/", {"code": codes[0]})
    assert lines[2:] == [f"User {user.pk} confirmed who they are from {PLACE}: mfa (recovery_codes)"]
    assert codes[0] not in str(lines)


def test_a_passkey_that_does_not_count_is_logged(lines: list[str]) -> None:
    client = Client(REMOTE_ADDR=PLACE)
    client.get("/mfa/webauthn/login/", headers={"accept": "application/json"})
    client.post("/mfa/webauthn/login/", {"credential": '{"id": "AA", "response": {}}'})
    assert lines == [f"A code or passkey of an unknown user failed from {PLACE}"]


def test_they_reach_standard_error() -> None:
    logger = logging.getLogger("mandate.security")
    assert logger.isEnabledFor(logging.INFO)
    assert settings.LOGGING["root"] == {"handlers": ["console"], "level": "INFO"}
