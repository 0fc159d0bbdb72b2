"""What no page of ours would send is answered in words, and never with a page that has failed."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.audit.models import Operation
from tests.admin.people import browser, everything, form_of, make, staff, url
from tests.factories import Cast, make_cast

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
# Characters that nobody sees, and that are no spaces: a zero-width space, a word joiner, a soft hyphen.
UNSEEN = "\u200b\u2060\u00ad"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(cast: Cast) -> Client:
    return browser(cast.owner)


def get(client: Client, cast: Cast, rest: str) -> Any:
    return client.get(f"/a/{cast.account.slug}/{rest}")


def renamed(client: Client, cast: Cast, reason: str) -> Any:
    """A member is to be called otherwise, for this reason."""
    address = f"/a/{cast.account.slug}/members/{cast.member.pk}/name/"
    form = client.get(address).context["form"]
    return client.post(
        address, {"name": "Another Name", "reason": reason, "seen": form["seen"].value(), "confirmed": "1"}
    )


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_day_at_the_end_of_time_is_no_day_of_the_log(client: Client, cast: Cast, day: str) -> None:
    for name in ("since", "until"):
        response = get(client, cast, f"audit/?{name}={day}")
        assert response.status_code == 200
        assert "Enter a year from" in response.content.decode()


@pytest.mark.parametrize("rest", ["requests/?q=%00", "requests/?tab=mine&q=a%00b", "billing/invoices/?q=%00"])
def test_a_search_for_what_no_text_can_hold_finds_what_the_rest_finds(client: Client, cast: Cast, rest: str) -> None:
    assert get(client, cast, rest).status_code == 200


def test_there_is_no_role_of_an_impossible_key(client: Client, cast: Cast) -> None:
    assert get(client, cast, "roles/definitions/export/?key=%00").status_code == 404


@pytest.mark.parametrize("reason", [UNSEEN, f" {UNSEEN}\n"])
def test_a_reason_that_nobody_can_read_is_none(client: Client, cast: Cast, reason: str) -> None:
    before = Operation.objects.count()
    response = renamed(client, cast, reason)
    assert "Enter a reason for this change." in response.content.decode()
    assert Operation.objects.count() == before


def test_a_reason_is_a_sentence_and_no_document(client: Client, cast: Cast) -> None:
    assert "at most 2000 characters" in renamed(client, cast, "x" * 2001).content.decode()
    assert renamed(client, cast, "x" * 2000).status_code == 302


@pytest.mark.parametrize("sent", ["\0", "abc"])
def test_a_link_to_what_has_no_number_is_refused_on_the_form(cast: Cast, sent: str) -> None:
    person = staff(cast.branch, everything())
    client, task = browser(person), make("task", cast.branch, responsible=person)
    response = client.post(url(task), form_of(client, url(task), about_lead=sent))
    assert response.status_code == 200
    assert "about_lead" in response.context["adminform"].form.errors


def test_a_form_in_another_alphabet_is_answered_as_a_bad_request(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(cast.owner)
    address = f"/a/{cast.account.slug}/requests/new/"
    client.get(address)
    response = client.post(address, b"a=1", content_type=f"{FORM}; charset=utf-16")
    assert response.status_code == 400
    assert "This request can't be read" in response.content.decode()
