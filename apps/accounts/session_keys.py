"""Sessions in the database store a digest of the key, so a reader of the tables can't use them to sign in.

The browser has the key, and every query for one is made for its digest, Django's and allauth's included.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.apps import apps


class StoredKey(str):
    """A digest that came out of the database. The same text from a browser is none, and is digested like any key."""

    __slots__ = ()


def stored_key(key: str | None) -> StoredKey | None:
    """Return what the tables have for a session's key."""
    if key is None or isinstance(key, StoredKey):
        return key
    # As many characters as the columns take: 160 bits.
    return StoredKey(hashlib.sha256(key.encode()).hexdigest()[:40])


def _read(value: str | None, *_: Any) -> StoredKey | None:
    return None if value is None else StoredKey(value)


def hide_keys() -> None:
    """Have the tables of sessions written, asked and read by digests."""
    for label in ("sessions.Session", "usersessions.UserSession"):
        field = apps.get_model(label)._meta.get_field("session_key")
        field.get_prep_value, field.from_db_value = stored_key, _read
