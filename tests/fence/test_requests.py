"""Requests as the web role: the pages work, a forgotten filter shows one account, and nothing outlives a request."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from apps.access.operators import open_session
from apps.accounts.fence import is_fenced, tell, tenant
from apps.crm.models import Lead
from tests.admin.people import TYPES, browser, form_of, url
from tests.fence.world import Side, World, as_web, rows

pytestmark = pytest.mark.django_db
TOLD = "SELECT concat(current_setting('mandate.account', true), current_setting('mandate.user', true))"
NOTHING = [("",)]


@pytest.fixture(autouse=True)
def _careless_views() -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.fence.urls"):
        yield


@pytest.fixture
def kept(world: World) -> Iterator[BaseDatabaseWrapper]:
    """A connection as the web role that stays open between requests, with no transaction around them."""
    with as_web() as web:
        yield web


def told(client: Client, address: str) -> str:
    response: Any = client.get(address)
    assert response.status_code == 200
    return b"".join(response).decode()


# Pages


def test_the_pages_are_asked_for_as_the_web_role(web: BaseDatabaseWrapper) -> None:
    assert is_fenced()
    assert rows("SELECT current_user") == [("mandate_web",)]


@pytest.mark.parametrize("record_type", TYPES)
def test_lists_forms_rights_and_history_open(web: BaseDatabaseWrapper, world: World, record_type: str) -> None:
    client = browser(world.here.staff)
    record = world.here.records[record_type]
    listed: Any = client.get(url(record_type, "changelist"))
    assert record in listed.context["cl"].result_list
    for page in ("change", "rights", "history", "delete"):
        assert client.get(url(record, page)).status_code == 200, page
    assert client.get(url(record_type, "add")).status_code == 200
    for page in ("change", "rights", "history", "delete"):
        assert client.get(url(world.there.records[record_type], page)).status_code == 404, page


def test_the_desk_opens(web: BaseDatabaseWrapper, world: World) -> None:
    response = browser(world.here.staff).get("/admin/")
    assert response.status_code == 200
    assert "Secret here" in response.content.decode()


@pytest.mark.parametrize("record_type", TYPES)
def test_a_search_finds_what_is_of_the_account(web: BaseDatabaseWrapper, world: World, record_type: str) -> None:
    client = browser(world.here.staff)
    for side, found in ((world.here, True), (world.there, False)):
        record = side.records[record_type]
        for text in ("secret", record.name, str(record.pk)):
            page: Any = client.get(url(record_type, "changelist"), {"q": text, "o": "1"})
            assert (record in page.context["cl"].result_list) == found, text
            page = client.get(url(record_type, "changelist"), {"q": text})
            assert (record in page.context["cl"].result_list) == found, text


def test_the_search_of_everything_finds_what_is_of_the_account(web: BaseDatabaseWrapper, world: World) -> None:
    found = browser(world.here.staff).get("/admin/search/", {"s": "secret"}).content.decode()
    assert "Secret here" in found
    assert "Secret there" not in found


def test_a_lead_is_added_changed_and_deleted(web: BaseDatabaseWrapper, world: World) -> None:
    client = browser(world.here.staff)
    value = {"value_0": "1200", "value_1": "EUR"}
    data = form_of(client, url("lead", "add"), name="Sixty desks", emails=["a@b.example"], **value)
    assert client.post(url("lead", "add"), data).status_code == 302
    with tenant(world.here.account.pk):
        lead = Lead.objects.get(name="Sixty desks")
    again = form_of(client, url("lead", "add"), name="Seventy desks", emails=["a@b.example"], **value)
    assert "Possible duplicate of" in client.post(url("lead", "add"), again).content.decode()
    data = form_of(client, url(lead), name="Eighty desks")
    assert client.post(url(lead), data).status_code == 302
    assert "Eighty desks" in client.get(url(lead)).content.decode()
    assert client.post(url(lead, "delete"), {"post": "yes"}).status_code == 302
    assert client.get(url(lead)).status_code == 404


def test_who_works_in_two_accounts_changes_from_one_to_the_other(web: BaseDatabaseWrapper, world: World) -> None:
    client = browser(world.both)
    assert told(client, "/everything/") == "Secret here"
    assert client.post(f"/account/{world.there.account.slug}/").status_code == 302
    assert told(client, "/everything/") == "Secret there"


def test_an_operator_in_a_session_chooses_any_account(web: BaseDatabaseWrapper, world: World) -> None:
    client = browser(world.operator)
    assert told(client, "/everything/") == ""
    open_session(world.operator, reason="To help", actor=world.operator)
    for side in (world.there, world.here):
        assert client.post(f"/account/{side.account.slug}/").status_code == 302
        assert told(client, "/everything/") == f"Secret {side.account.slug}"


# A filter that was forgotten


@pytest.mark.parametrize("address", ["/everything/", "/streamed/", "/new-connection/"])
def test_a_view_without_any_filter_shows_the_account_alone(
    kept: BaseDatabaseWrapper, world: World, address: str
) -> None:
    for side in (world.here, world.there):
        assert told(browser(side.staff), address).removeprefix("All: ") == f"Secret {side.account.slug}"
        assert rows(TOLD) == NOTHING


def test_who_is_not_signed_in_is_shown_nothing(kept: BaseDatabaseWrapper) -> None:
    assert told(browser(None), "/everything/") == ""


# Nothing outlives a request


@pytest.mark.parametrize("address", ["/everything/", "/admin/", "/broken/", "/broken-in-a-transaction/", "/nowhere/"])
def test_a_request_leaves_nothing_behind(kept: BaseDatabaseWrapper, world: World, address: str) -> None:
    client = browser(world.here.staff)
    client.raise_request_exception = False
    opened = kept.connection
    client.get(address)
    assert kept.connection is opened, "The next request would come on the same connection."
    assert rows(TOLD) == NOTHING
    assert Lead.objects.count() == 0
    assert told(browser(None), "/everything/") == ""


def test_a_stream_that_nobody_reads_to_its_end_leaves_nothing_behind(kept: BaseDatabaseWrapper, world: World) -> None:
    response = browser(world.here.staff).get("/streamed/")
    assert next(iter(response)) == b"All: "
    assert rows(TOLD) != NOTHING
    response.close()
    assert rows(TOLD) == NOTHING


def test_a_connection_that_was_cut_off_is_closed(kept: BaseDatabaseWrapper, world: World) -> None:
    client = browser(world.here.staff)
    assert told(client, "/cut-off/") == "cut off"
    assert kept.connection is None
    assert Lead.objects.count() == 0
    assert told(client, "/everything/") == "Secret here"


def test_requests_side_by_side_see_each_their_own(world: World, django_db_blocker: DjangoDbBlocker) -> None:
    rounds, barrier, seen = 8, Barrier(4), []

    def ask(side: Side) -> None:
        with django_db_blocker.unblock(), as_web():
            client = browser(side.staff)
            for _ in range(rounds):
                barrier.wait()
                seen.append((side.account.slug, told(client, "/everything/")))

    with as_web():
        threads = [Thread(target=ask, args=[side]) for side in (world.here, world.there) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(seen) == 4 * rounds
    assert {answer for _, answer in seen} == {"Secret here", "Secret there"}
    assert all(answer == f"Secret {slug}" for slug, answer in seen)


# Jobs


def test_a_block_of_a_job_sees_its_account_and_then_nothing(kept: BaseDatabaseWrapper, world: World) -> None:
    for side in (world.here, world.there):
        with tenant(side.account.pk, side.staff.pk):
            assert Lead.objects.get().account_id == side.account.pk
        assert rows(TOLD) == NOTHING


def test_a_block_inside_another_one_returns_to_it(kept: BaseDatabaseWrapper, world: World) -> None:
    with tenant(world.here.account.pk):
        with tenant(world.there.account.pk):
            assert Lead.objects.get().name == "Secret there"
        assert Lead.objects.get().name == "Secret here"
        with tenant(None):
            assert Lead.objects.count() == 0
        assert Lead.objects.get().name == "Secret here"


class Mistake(Exception):
    """What somebody's code raises."""


def make_a_mistake(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    raise Mistake


@pytest.mark.parametrize("statement", ["SELECT 1 / 0", "SELECT 1"])
def test_a_block_that_breaks_returns_to_where_it_was(kept: BaseDatabaseWrapper, world: World, statement: str) -> None:
    with tenant(world.here.account.pk):
        with pytest.raises((Mistake, DataError)), transaction.atomic(), tenant(world.there.account.pk):
            make_a_mistake(statement)
        assert Lead.objects.get().name == "Secret here"
        with pytest.raises((Mistake, DataError)), tenant(world.there.account.pk), transaction.atomic():
            make_a_mistake(statement)
        assert Lead.objects.get().name == "Secret here"
    assert rows(TOLD) == NOTHING


def test_a_block_that_opens_the_connection_is_told_too(kept: BaseDatabaseWrapper, world: World) -> None:
    kept.close()
    with tenant(world.here.account.pk):
        assert Lead.objects.get().name == "Secret here"


def test_the_owner_is_told_nothing(world: World) -> None:
    tell(world.here.account.pk, world.here.staff.pk)
    assert rows(TOLD) == NOTHING
    assert Lead.objects.count() == 2
