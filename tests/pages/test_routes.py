"""Each address of the pages answers the right, the wrong, the foreign, the unknown and strangers as the table says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import zeal
from django.conf import settings
from django.db import connection
from django.shortcuts import resolve_url
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.html import escape

from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from tests.admin.people import all_but, browser, everything, staff
from tests.factories import Cast, make_cast
from tests.pages.table import NOTHING, OPEN, ROUTES, ROWS, Route

pytestmark = pytest.mark.django_db
ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
ROWED = [route for route in ROUTES if route.row]
# What is on no branch, and is reached from each.
OF_THE_ACCOUNT = re.compile("a/<slug:account>/(billing/(cancel|plan|how)/|parent-roles/|roles/|settings/(?!branches))")
# What differs from answer to answer, whatever it says; and what differs from question to question to the database.
VARYING = re.compile(rb'(csrfmiddlewaretoken" value|name="seen" value)="[^"]*"')
VALUES = re.compile(r"'[^']*'|\b\d+\b")

# The status, where it leads, the body, the headers, and what was asked of the database.
Answer = tuple[int, str, bytes, dict[str, str], list[str]]


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        route = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLPattern):
            yield route, entry.callback
        else:
            yield from patterns(entry, route)


def address_of(route: Route, account: Account, named: Mapping[str, Any]) -> str:
    known = {"account": account.slug, **{name: str(value) for name, value in named.items()}}
    return "/" + ARGUMENT.sub(lambda found: known[found[1]], route.pattern)


def nothing(route: Route) -> dict[str, str]:
    return {name: NOTHING.get(name, str(10**9)) for name in ARGUMENT.findall(route.pattern) if name != "account"}


def ask(client: Client, route: Route, address: str) -> Answer:
    with zeal.zeal_ignore(), CaptureQueriesContext(connection) as asked:
        response = client.generic(
            route.method, address, "&".join(f"{name}={value}" for name, value in route.data.items()),
            content_type="application/x-www-form-urlencoded",
        )  # fmt: skip
    body = b"" if response.streaming else VARYING.sub(b"", response.content)
    headers = {name: value for name, value in response.headers.items() if name not in {"Location", "X-Request-ID"}}
    questions = [VALUES.sub("?", query["sql"]) for query in asked.captured_queries]
    return response.status_code, response.headers.get("Location", ""), body, headers, questions


def nothing_and(client: Client, route: Route, account: Account, address: str) -> tuple[Answer, Answer]:
    """What nothing is answered with, and what the address is; asked by somebody whose rights are at hand already."""
    unknown = address_of(route, account, nothing(route))
    ask(client, route, unknown)
    return ask(client, route, unknown), ask(client, route, address)


def place(cast: Cast, grants: Any) -> tuple[User, Branch]:
    return staff(cast.branch, grants, is_staff=False), cast.branch


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_every_address_of_the_pages_stands_in_the_table() -> None:
    known = {route.pattern for route in ROUTES} | {route.pattern for route in OPEN}
    found = {pattern for pattern, _ in patterns(get_resolver()) if not pattern.startswith("admin/")}
    assert found - known == set(), "addresses without a row in tests/pages/routes"
    assert known - found == set(), "rows for addresses that are no more"


def test_the_pages_declare_the_permission_that_the_table_says() -> None:
    declared = {pattern: getattr(view, "permission", None) for pattern, view in patterns(get_resolver())}
    for route in ROUTES:
        if not route.data:
            assert declared[route.pattern] == route.permission, route.pattern


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_the_right_opens_it(cast: Cast, route: Route) -> None:
    user, branch = place(cast, everything())
    named = ROWS[route.row](branch, user) if route.row else {}
    status, location, body, *_ = ask(browser(user), route, address_of(route, branch.account, named))
    assert status == route.right, (location, body[:2000])
    assert b"Traceback" not in body


@pytest.mark.parametrize("route", [route for route in ROUTES if route.permission], ids=str)
def test_the_wrong_right_gets_a_page_that_names_the_missing_one(cast: Cast, route: Route) -> None:
    user, branch = place(cast, all_but(route.permission, *route.lacking))
    named = ROWS[route.row](branch, user) if route.row else {}
    status, _, body, *_ = ask(browser(user), route, address_of(route, branch.account, named))
    assert status == 403
    assert route.permission.encode() in body
    assert escape(catalogue.get(route.permission).label).encode() in body


@pytest.mark.parametrize("route", ROWED, ids=str)
def test_what_is_out_of_sight_answers_exactly_as_nothing_does(cast: Cast, route: Route) -> None:
    user, branch = place(cast, everything())
    foreign = address_of(route, branch.account, ROWS[route.row](cast.elsewhere, cast.outsider))
    unknown, there = nothing_and(browser(user), route, branch.account, foreign)
    assert unknown[0] == 404
    assert there == unknown


@pytest.mark.parametrize("route", ROWED, ids=str)
def test_what_is_on_another_branch_answers_exactly_as_nothing_does(cast: Cast, route: Route) -> None:
    user = staff(cast.branch_beside(), everything(), is_staff=False)
    owner, branch = place(cast, everything())
    away = address_of(route, branch.account, ROWS[route.row](branch, owner))
    unknown, there = nothing_and(browser(user), route, branch.account, away)
    if OF_THE_ACCOUNT.match(route.pattern):
        assert there[0] == route.right
    else:
        assert unknown[0] == 404
        assert there == unknown


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_another_tenants_account_answers_exactly_as_none_does(cast: Cast, route: Route) -> None:
    client = browser(place(cast, everything())[0])
    named = ROWS[route.row](cast.elsewhere, cast.outsider) if route.row else {}
    there = ask(client, route, address_of(route, cast.elsewhere.account, named))
    unknown = ask(client, route, address_of(route, Account(slug="there-is-no-such-account"), named))
    assert there[0] == 404
    assert there == unknown


def test_strangers_are_asked_to_sign_in(cast: Cast) -> None:
    login = resolve_url(settings.LOGIN_URL)
    for route in ROUTES:
        for account in (cast.branch.account, Account(slug="there-is-no-such-account")):
            status, location, *_ = ask(browser(None), route, address_of(route, account, nothing(route)))
            assert (status, location.startswith(f"{login}?next=")) == (302, True), route


@pytest.mark.parametrize("route", OPEN, ids=str)
def test_the_open_addresses_answer_as_the_table_says(cast: Cast, route: Any) -> None:
    address = f"/{route.path or route.pattern}"
    user, _ = place(cast, everything())
    assert browser(user).generic(route.method, address).status_code == route.signed_in
    assert browser(None).generic(route.method, address).status_code == route.signed_out


METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


@pytest.mark.parametrize("pattern", sorted({route.pattern for route in ROUTES}))
def test_a_method_that_the_table_does_not_list_is_refused(cast: Cast, pattern: str) -> None:
    user, branch = place(cast, everything())
    routes = [route for route in ROUTES if route.pattern == pattern]
    named = ROWS[routes[0].row](branch, user) if routes[0].row else {}
    for method in METHODS - {route.method for route in routes}:
        answer = browser(user).generic(method, address_of(routes[0], branch.account, named))
        assert (answer.status_code, bool(answer.headers["Allow"])) == (405, True), method


@pytest.mark.parametrize("pattern", sorted({route.pattern for route in OPEN}))
def test_so_it_is_at_open_addresses(cast: Cast, pattern: str) -> None:
    routes = [route for route in OPEN if route.pattern == pattern]
    user, _ = place(cast, everything())
    for method in METHODS - {route.method for route in routes}:
        assert browser(user).generic(method, f"/{routes[0].path or pattern}").status_code in {404, 405}, method


def test_so_it_is_in_the_admin(cast: Cast) -> None:
    user = staff(cast.branch, everything())
    assert {browser(user).generic(method, "/admin/").status_code for method in ("PUT", "PATCH", "DELETE")} == {405}
