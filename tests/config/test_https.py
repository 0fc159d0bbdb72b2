"""What comes over plain HTTP, where people are to use HTTPS."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, override_settings


@pytest.mark.parametrize(
    ("method", "address", "headers"),
    [
        ("POST", "/login/", {}),
        ("POST", "/billing/webhook/", {}),
        ("POST", "/nothing/", {}),
        ("GET", "/a/acme/why/?format=json", {"Authorization": "Bearer mandate_x"}),
        ("PUT", "/", {}),
    ],
)
def test_what_carries_a_secret_is_refused_and_not_led_on(method: str, address: str, headers: dict[str, str]) -> None:
    with override_settings(SECURE_SSL_REDIRECT=True):
        answer: Any = Client().generic(method, address, headers=headers)
    assert answer.status_code == 403
    assert "Location" not in answer.headers
    assert b"https://" in answer.content
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_that_is_only_read_is_led_to_https(method: str) -> None:
    with override_settings(SECURE_SSL_REDIRECT=True):
        answer: Any = Client().generic(method, "/login/?next=/me/")
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://testserver/login/?next=/me/")


@pytest.mark.django_db
def test_over_https_and_where_https_is_not_asked_for_nothing_changes() -> None:
    with override_settings(SECURE_SSL_REDIRECT=True):
        assert Client().post("/login/", {"login": "x"}, secure=True).status_code == 200
    assert Client().post("/login/", {"login": "x"}).status_code == 200
