"""From which network address a request comes."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port


def client_ip(request: HttpRequest) -> str | None:
    """Return the IP address of the client, or None if it is unknown.

    Each of our proxies (`TRUSTED_PROXIES` of them) adds the address that connected to it at the end of
    `X-Forwarded-For`. So the first of them added the entry that many places from the end; what stands before that entry
    is the sender's own claim. A header that is shorter, or no address there, means that the request came another way:
    then the address that connected to us counts.
    """
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    claimed = _address(forwarded[-proxies]) if 0 < proxies <= len(forwarded) else None
    return claimed or _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str | None:
    """Return the address in its shortest form, without a port or a zone; None for anything else."""
    host, port = split_domain_port(text.strip())
    try:
        address = ip_address((host if port else text).strip(" []"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # As one IPv4 address has several such forms, a limit for each form would be none. The database knows no zones.
        return str(address.ipv4_mapped or IPv6Address(int(address)))
    return str(address)
