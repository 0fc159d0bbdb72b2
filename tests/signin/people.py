"""People who really sign in, and what they hold in their hands."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from allauth.account.internal.userkit import user_id_to_str
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client

from apps.accounts.addresses import vouch_for
from apps.accounts.models import User
from apps.accounts.second_factor import has_second_factor
from tests.admin.people import browser
from tests.factories import PASSWORD, UserFactory


def somebody(**fields: Any) -> User:
    """A user whose address counts as verified."""
    user: User = UserFactory(**fields)
    vouch_for([user])
    return user


def sign_in(user: User, password: str = PASSWORD, client: Client | None = None, follow: bool = False) -> Any:
    """What the server answers to the right (or another) password; `response.client` is the browser."""
    client = client or Client()
    return client.post("/login/", {"login": user.email, "password": password}, follow=follow)


def with_app(user: User) -> str:
    """Give the user an authenticator app; returns its secret."""
    secret = str(generate_totp_secret())
    TOTP.activate(user, secret)
    return secret


def with_codes(user: User) -> list[str]:
    """Give the user recovery codes, and return them."""
    return list(RecoveryCodes.activate(user).get_unused_codes())


def digits(secret: str) -> str:
    """What the app shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time() // 30))))


def operator_browser(user: User) -> Client:
    """A browser in which the operator signed in with an authenticator app, and has just shown again who they are."""
    if not has_second_factor(user):
        with_app(user)
    client = browser(user)
    session = client.session
    now = time.time()
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "password", "at": now, "email": user.email},
        {"method": "mfa", "at": now, "type": Authenticator.Type.TOTP},
        {"method": "password", "at": now, "reauthenticated": True},
    ]
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = user_id_to_str(user)
    session.save()
    return client


def browser_of(user: User) -> Client:
    """A browser in which the user is signed in by a session of theirs."""
    return browser(user)
