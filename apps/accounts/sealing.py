"""Encrypts short-lived texts in the database and in links, with a key of the server.

A dump, a reading tool or another account's forgotten filter then shows nothing of use. The key comes from SECRET_KEY;
what was sealed with one of SECRET_KEY_FALLBACKS can still be opened.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac

SALT = "apps.accounts.sealing"


class Unsealable(Exception):
    """It was sealed with another key or for another purpose, has been changed since, or is too old."""


def seal(text: str, purpose: str) -> str:
    """The text, as only this server can read it, and only for this purpose."""
    return _box(purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, purpose: str, *, max_age: int | None = None) -> str:
    """The text that was sealed for this purpose, at most so many seconds ago.

    Raises:
        Unsealable: wrong key, wrong purpose, altered, or too old.
    """
    try:
        return _box(purpose).decrypt(sealed.encode(), ttl=max_age).decode()
    except InvalidToken:
        raise Unsealable("This was sealed by somebody else, for something else or too long ago.") from None


def _box(purpose: str) -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [salted_hmac(SALT, purpose, secret=secret, algorithm="sha256").digest() for secret in secrets]
    return MultiFernet([Fernet(urlsafe_b64encode(digest)) for digest in digests])
