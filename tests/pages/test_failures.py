"""What people see when a page fails, through the real handlers: a page in the product's look that says what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings as product
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from pytest_django import Settings

from config.failures import failed, not_understood
from config.urls import handler400, handler403, handler500
from config.urls import urlpatterns as of_the_product
from tests.admin.people import browser
from tests.factories import Cast, make_cast

pytestmark = pytest.mark.django_db

SECRET = "s3cret of the failing view"


def fail(request: Any) -> Any:
    raise RuntimeError(SECRET)


def echo(request: Any) -> Any:
    raise AssertionError(f"This was read: {len(request.POST)}")


urlpatterns = [path("failing/", fail), path("echo/", echo), *of_the_product]
__all__ = ["handler400", "handler403", "handler500"]


@pytest.fixture
def cast(settings: Settings) -> Cast:
    assert not product.DEBUG
    settings.ROOT_URLCONF = "tests.pages.test_failures"
    return make_cast()


def looks_like_ours(answer: Any, status: int) -> str:
    page: str = answer.content.decode()
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Mandate</title>" in page
    assert "mandate/pages.css" in page
    assert 'href="/' in page
    assert SECRET not in page
    assert "Traceback" not in page
    return page


def test_a_fault_says_whose_it_is_and_what_to_do(cast: Cast) -> None:
    client = browser(cast.owner)
    client.raise_request_exception = False
    page = looks_like_ours(client.get("/failing/"), 500)
    assert "a fault in Mandate" in page
    assert "tell your administrator" in page


def test_the_page_of_a_fault_asks_the_database_nothing() -> None:
    with CaptureQueriesContext(connection) as asked:
        try:
            raise RuntimeError(SECRET)
        except RuntimeError:
            answer = failed(None)  # type: ignore[arg-type] # it reads nothing of the request
    looks_like_ours(answer, 500)
    assert not asked.captured_queries


def test_a_form_that_expired_says_so(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    for address in ("/login/", "/admin/operator/", f"/a/{cast.account.slug}/requests/new/"):
        page = looks_like_ours(client.post(address, {"login": "x"}), 403)
        assert "This form has expired" in page
        assert "reload the page" in page


@pytest.mark.parametrize(
    "sent",
    [
        {
            "data": "a" * (product.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) + "a",
            "content_type": "application/x-www-form-urlencoded",
        },
        {"data": "&".join(f"f{n}=1" for n in range(2000)), "content_type": "application/x-www-form-urlencoded"},
    ],
    ids=["bytes", "fields"],
)
def test_what_is_too_large_says_so(cast: Cast, sent: dict[str, Any]) -> None:
    client = browser(cast.owner)
    client.raise_request_exception = False
    page = looks_like_ours(client.post("/echo/", **sent), 413)
    assert "too large" in page
    assert "Nothing was saved" in page


def test_too_many_files_are_too_large(cast: Cast) -> None:
    client = browser(cast.owner)
    client.raise_request_exception = False
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="f{n}"; filename="x"\r\n\r\nx\r\n' for n in range(200)
    )
    answer = client.post("/echo/", f"{parts}--b--\r\n", content_type="multipart/form-data; boundary=b")
    looks_like_ours(answer, 413)


def test_what_cannot_be_read_is_not_called_too_large(cast: Cast) -> None:
    page = looks_like_ours(not_understood(None, ValueError()), 400)  # type: ignore[arg-type]
    assert "too large" not in page


def test_too_many_tries_ask_for_patience(cast: Cast) -> None:
    client = Client()
    for _ in range(40):
        answer: Any = client.post("/password/reset/", {"email": "ann@example.com"})
        if answer.status_code == 429:
            break
    assert "Try again in 10 minutes" in looks_like_ours(answer, 429)


@pytest.mark.parametrize("address", ["/failing/", "/a/acme/matrix/"])
def test_a_program_is_answered_in_json(cast: Cast, address: str) -> None:
    answer = Client(raise_request_exception=False).get(address, headers={"Authorization": "Bearer nothing"})
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.content)["error"]
