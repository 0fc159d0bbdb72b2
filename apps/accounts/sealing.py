"""Texts that lie in the database for a while and are nobody's to read there: sealed with a key of the server's own.

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
    """It was sealed with another key, or has been changed since."""


def seal(text: str) -> str:
    """The text, as only this server can read it."""
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text that was sealed.

    Raises:
        Unsealable: not with a key of ours, or not as it stands here.
    """
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unsealable("This was sealed with another SECRET_KEY, or has been changed.") from None


def _box() -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [salted_hmac(SALT, "key", secret=secret, algorithm="sha256").digest() for secret in secrets]
    return MultiFernet([Fernet(urlsafe_b64encode(digest)) for digest in digests])
