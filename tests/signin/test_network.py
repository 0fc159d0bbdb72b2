"""From which address a request comes, where proxies stand in front and where none does."""

from __future__ import annotations

import ast
import logging
from pathlib import Path
from typing import Any

import pytest
from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.test import RequestFactory
from pytest_django import Settings

from apps.accounts.network import client_ip
from apps.audit.models import Operation
from tests.factories import make_cast
from tests.signin.people import sign_in, somebody

PROXY, CLIENT, LIE = "10.0.0.1", "203.0.113.7", "198.51.100.99"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "connected", "expected"),
    [
        # Without proxies the header is the sender's own claim.
        (0, "", CLIENT, CLIENT),
        (0, LIE, CLIENT, CLIENT),
        # One proxy adds one entry at the end.
        (1, CLIENT, PROXY, CLIENT),
        (1, f"{LIE}, {CLIENT}", PROXY, CLIENT),
        (1, f"{LIE},{LIE},{LIE}, {CLIENT}", PROXY, CLIENT),
        (1, "", PROXY, PROXY),
        # Two proxies add two.
        (2, f"{CLIENT}, 10.0.0.2", PROXY, CLIENT),
        (2, f"{LIE}, {CLIENT}, 10.0.0.2", PROXY, CLIENT),
        # A header that our proxies did not make: the request came past them.
        (2, LIE, CLIENT, CLIENT),
        (3, f"{LIE}, {LIE}", CLIENT, CLIENT),
        # What is no address.
        (1, f"{CLIENT}, unknown", PROXY, PROXY),
        (1, "' OR 1=1 --", PROXY, PROXY),
        (1, "\x1b[31m\n", PROXY, PROXY),
        (1, f"{CLIENT},", PROXY, PROXY),
        # Ports, brackets, zones, and IPv4 addresses written as IPv6 ones.
        (1, f"{CLIENT}:4711", PROXY, CLIENT),
        (1, "[2001:db8::7]:4711", PROXY, "2001:db8::7"),
        (1, "2001:DB8:0:0::7", PROXY, "2001:db8::7"),
        (1, "[2001:db8::7]", PROXY, "2001:db8::7"),
        (1, "fe80::7%eth0", PROXY, "fe80::7"),
        (1, f"::ffff:{CLIENT}", PROXY, CLIENT),
        # A socket file has no address.
        (0, LIE, "", None),
        (1, CLIENT, "", CLIENT),
    ],
)
def test_the_address_is_the_one_that_our_first_proxy_saw(
    settings: Settings, proxies: int, forwarded: str, connected: str, expected: str | None
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    headers: dict[str, Any] = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR=connected, **headers)
    assert client_ip(request) == expected


@pytest.mark.django_db
def test_limits_sessions_and_the_log_go_by_the_same_address(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    there: Any = {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": f"{LIE}, {CLIENT}"}
    cast = make_cast()
    user = somebody()
    client = sign_in(user).client
    assert get_adapter().get_client_ip(RequestFactory().get("/", **there)) == CLIENT

    client.post("/logout/")
    client.post("/login/", {"login": user.email, "password": "correct horse battery staple"}, **there)
    assert list(UserSession.objects.filter(user=user).values_list("ip", flat=True)) == [CLIENT]

    client.force_login(cast.owner, backend="apps.accounts.backends.SignInBackend")
    address = f"/a/{cast.account.slug}/members/{cast.member.pk}/name/"
    seen = client.get(address).context["form"]["seen"].value()
    sent = {"name": "Another Name", "reason": "She married", "seen": seen, "confirmed": "1"}
    assert client.post(address, sent, **there).status_code == 302
    assert Operation.objects.latest("pk").ip == CLIENT

    with caplog.at_level(logging.WARNING, "mandate.security"):
        client.get(f"/a/{cast.account.slug}/audit/", headers={"Authorization": "Bearer nothing"}, **there)
    assert f"A wrong API token came from {CLIENT}" in caplog.text
    assert PROXY not in caplog.text


def test_nothing_else_looks_where_a_request_comes_from() -> None:
    root = Path(settings.BASE_DIR)
    readers = []
    for path in [*root.glob("apps/**/*.py"), *root.glob("config/**/*.py")]:
        texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        if texts & {"REMOTE_ADDR", "HTTP_X_FORWARDED_FOR", "X-Forwarded-For"}:
            readers.append(str(path.relative_to(root)))
    assert readers == ["apps/accounts/network.py"]
