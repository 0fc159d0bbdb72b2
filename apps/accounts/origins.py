"""Whose an address is: two addresses belong together where scheme, host and port are the same."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

_PORTS = {"http": 80, "https": 443}


def origin_of(address: str) -> tuple[str, str, int] | None:
    """The scheme, host and port of an address; None where it is no whole address of the web.

    What browsers could read in another way is none: with white space, control characters, a backslash, or a user name.
    """
    if any(character <= " " or character in "\\\x7f" for character in address):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]


def is_ours(address: str) -> bool:
    """Whether the address is of this installation, by its origin and not by how it begins."""
    origin = origin_of(address)
    return origin is not None and origin == origin_of(settings.PUBLIC_ADDRESS)
