"""Each address of the admin answers the right, the wrong, the blind, the foreign and the unknown as the table says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.crm.models import CrmRecord
from apps.roles import catalogue
from apps.roles.scopes import Scope
from tests.admin.people import all_but, browser, everything, make, staff
from tests.admin.routes import FRAMES, LIST, NEW, RECORD, REDIRECTS, Frame, Route, access_routes, routes
from tests.factories import FACTORIES, Cast, make_cast

pytestmark = pytest.mark.django_db
ROUTES = list(routes())
NOBODY = 10**9


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        route = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from patterns(entry, route)


def name_of(route: Route) -> str:
    return f"{route.method} {route.pattern}"


def ask(client: Client, route: Route, pk: int) -> tuple[int, str, bytes, dict[str, str]]:
    address = "/" + route.pattern.replace("<path:object_id>", str(pk))
    response = client.generic(route.method, address, "post=yes", content_type="application/x-www-form-urlencoded")
    location = response.headers.get("Location", "")
    headers = {key: value for key, value in response.headers.items() if key not in {"Location", "X-Request-ID"}}
    return response.status_code, location, response.content, headers


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_every_address_of_the_admin_stands_in_the_table() -> None:
    known = {route.pattern for route in ROUTES} | set(REDIRECTS) | {frame.pattern for frame in FRAMES}
    known |= {route.pattern for route in access_routes()}
    found = {pattern for pattern in patterns(get_resolver()) if pattern.startswith("admin/")}
    assert found - known == set(), "addresses without a row in tests/admin/routes.py"
    assert known - found == set(), "rows for addresses that are no more"


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_the_right_opens_it(cast: Cast, route: Route) -> None:
    record = make(route.record_type, cast.branch)
    status, _, body, _ = ask(browser(staff(cast.branch, everything())), route, record.pk)
    assert status == route.right
    assert b"Traceback" not in body


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_the_wrong_right_gets_a_page_that_names_the_missing_one(cast: Cast, route: Route) -> None:
    record = make(route.record_type, cast.branch)
    lacking = [route.permission] + (["assign_record"] if route.permission.startswith("change_") else [])
    status, _, body, _ = ask(browser(staff(cast.branch, all_but(*lacking))), route, record.pk)
    if route.kind == RECORD and route.permission.startswith("view_"):
        assert status == 404
        return
    assert status == 403
    assert route.permission.encode() in body
    assert catalogue.get(route.permission).label.encode() in body


@pytest.mark.parametrize("route", [route for route in ROUTES if route.kind == RECORD], ids=name_of)
def test_what_is_out_of_sight_answers_exactly_as_nothing_does(cast: Cast, route: Route) -> None:
    hidden = make(route.record_type, cast.branch)
    foreign = make(route.record_type, cast.elsewhere)
    blind = everything() | {f"view_{route.record_type}": Scope.CREATED}
    client = browser(staff(cast.branch, blind))
    nothing = ask(client, route, NOBODY)
    assert nothing[0] == 404
    assert ask(client, route, hidden.pk) == nothing
    assert ask(client, route, foreign.pk) == nothing


@pytest.mark.parametrize("route", [route for route in ROUTES if route.kind == RECORD], ids=name_of)
def test_another_tenants_record_does_not_exist_for_an_owner(cast: Cast, route: Route) -> None:
    cast.owner.is_staff = True
    cast.owner.save()
    foreign = make(route.record_type, cast.elsewhere)
    client = browser(cast.owner)
    assert ask(client, route, foreign.pk) == ask(client, route, NOBODY)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.kind in {LIST, NEW}], ids=name_of)
def test_a_list_is_closed_to_those_who_may_nowhere(cast: Cast, route: Route) -> None:
    status, _, body, _ = ask(browser(staff(cast.branch, {})), route, 0)
    assert status == 403
    assert route.permission.encode() in body


@pytest.mark.parametrize("record_type", FACTORIES)
def test_strangers_and_members_who_are_no_staff_are_asked_to_sign_in(cast: Cast, record_type: str) -> None:
    record = make(record_type, cast.branch)
    member = staff(cast.branch, everything(), is_staff=False)
    for client in (browser(None), browser(member)):
        for route in ROUTES:
            for pk in (record.pk, NOBODY):
                status, location, _, _ = ask(client, route, pk)
                assert (status, location.startswith("/admin/login/?next=")) == (302, True), name_of(route)


@pytest.mark.parametrize("pattern", REDIRECTS)
def test_the_old_address_leads_to_the_page_whether_or_not_there_is_one(cast: Cast, pattern: str) -> None:
    client = browser(staff(cast.branch, everything()))
    address = "/" + pattern.replace("<path:object_id>", str(NOBODY))
    assert client.get(address).status_code == 302


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.pattern)
def test_the_frame_answers_staff_and_strangers_as_the_table_says(cast: Cast, frame: Frame) -> None:
    path = re.sub(r"\^\(\?P<app_label>.*\)/\$", "crm/", frame.pattern).replace("(?P<url>.*)$", "nothing/")
    address = f"/{path}{frame.query}"
    assert browser(staff(cast.branch, everything())).get(address).status_code == frame.status
    assert browser(None).get(address).status_code == frame.signed_out


def test_a_staff_member_without_an_account_is_told_what_to_do(cast: Cast) -> None:
    nobody = staff(cast.branch, everything())
    cast.remove(nobody)
    client = browser(nobody)
    assert "You aren’t a member of an account yet" in client.get("/admin/").content.decode()
    record: CrmRecord = make("lead", cast.branch)
    assert client.get(f"/admin/crm/lead/{record.pk}/change/").status_code == 404
    assert client.get("/admin/crm/lead/").status_code == 403
