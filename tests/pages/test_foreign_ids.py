"""Ids in queries and forms: another tenant's answers exactly as one that there is not, wherever a page takes one.

Every parameter that a page's links and forms have is tried. The other tenant's rows all have the same id, whatever
their table, so that one number stands for a person, a branch, a team, a role, a record and all else at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import zeal
from django.db import transaction
from django.test import Client

from apps.access.mandate_cache import forget_kept
from apps.accounts.models import User
from apps.roles import catalogue
from tests.admin.people import browser, everything, staff
from tests.factories import Cast, OwnRoleFactory, ParentMembershipFactory, make_cast
from tests.fence.world import Side, fenced_tables, ids_by_account, make_side, run
from tests.pages.reading import Form, read
from tests.pages.table import ROUTES, ROWS, Route
from tests.pages.test_routes import VARYING, address_of

pytestmark = pytest.mark.django_db
FOREIGN, NOTHING = "7777777", "8888888"
ROLE, NO_ROLE = "own-seven", "own-eight"
PERSON, NOBODY = "sam@there.example", "sum@there.example"
PAIRS = ((FOREIGN, NOTHING), (ROLE, NO_ROLE))
CODENAMES = [permission.codename for permission in catalogue.permissions()]
NEVER = {"reason", "seen", "confirmed", "csrfmiddlewaretoken"}
GETS = [route for route in ROUTES if route.method == "GET" and route.right == 200]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def there(cast: Cast) -> Side:
    """The other tenant; the first of its rows in each table has the one id."""
    for table in (*fenced_tables(), "accounts_user"):
        run(f"ALTER SEQUENCE {table}_id_seq RESTART WITH {FOREIGN}")
    side = make_side("there")
    OwnRoleFactory(account=side.account, key=ROLE)
    return side


@pytest.fixture
def viewer(cast: Cast, there: Side) -> User:
    """A member with every permission."""
    user = staff(cast.branch, everything(), is_staff=False)
    ParentMembershipFactory(account=cast.account, user=user, role="super_admin")
    return user


def test_the_other_tenants_rows_have_the_one_id(there: Side) -> None:
    for table in fenced_tables():
        assert int(FOREIGN) in ids_by_account(table)[there.account.pk], table


@pytest.mark.parametrize("route", GETS, ids=str)
def test_it_is_answered_as_nothing_is(cast: Cast, viewer: User, route: Route) -> None:
    named = ROWS[route.row](cast.branch, viewer) if route.row else {}
    address = address_of(route, cast.account, named)
    with zeal.zeal_ignore():
        page = browser(viewer).get(address)
    if page.streaming or not page.headers["Content-Type"].startswith("text/html"):
        return
    links, forms = read(address, page.content.decode())
    told = [*_in_queries(viewer, address, links, forms)]
    for form in forms:
        if form.method == "post" and urlsplit(form.action).path == address:
            told += _in_form(viewer, form)
    assert not told, "\n".join(told)


def _in_queries(viewer: User, address: str, links: list[str], forms: list[Form]) -> Iterator[str]:
    names = {name for form in forms if form.method == "get" for name in form.values | dict.fromkeys(form.chosen)}
    names |= {name for link in links if urlsplit(link).path == address for name, _ in parse_qsl(urlsplit(link).query)}
    client = browser(viewer)
    for name in sorted(names):
        for pair in PAIRS:
            foreign, nothing = (_answer(client, "GET", address, {name: value}) for value in pair)
            if foreign != nothing:
                yield f"{address}?{name}={pair[0]}: {_difference(foreign, nothing)}"


def _in_form(viewer: User, form: Form) -> Iterator[str]:
    filled = {name: values for name, values in form.values.items() if name != "csrfmiddlewaretoken"}
    filled["reason"] = ["Because of the fair"]
    for name in sorted((form.chosen | form.typed) - NEVER):
        # What is chosen for a permission is a scope.
        if any(name.endswith(codename) for codename in CODENAMES):
            continue
        for pair in (*(PAIRS if name in form.chosen else ()), *([(PERSON, NOBODY)] if "mail" in name else [])):
            for confirmed in ({}, {"confirmed": "yes"}):
                foreign, nothing = (
                    _answer(browser(viewer), "POST", form.action, {**filled, **confirmed, name: value})
                    for value in pair
                )
                if foreign != nothing:
                    yield f"{form.action} with {name}={pair[0]}: {_difference(foreign, nothing)}"


def _answer(client: Client, method: str, address: str, data: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    """The answer without what was sent, and nothing of it stays."""
    with transaction.atomic(), zeal.zeal_ignore():
        response = getattr(client, method.lower())(address, data)
        transaction.set_rollback(True)
    forget_kept()
    body = b"".join(response) if response.streaming else response.content
    sent = "|".join(re.escape(value) for pair in (*PAIRS, (PERSON, NOBODY)) for value in pair)
    headers = {name: re.sub(sent, "…", value) for name, value in response.headers.items() if name != "X-Request-ID"}
    return response.status_code, headers, re.sub(sent, "…", VARYING.sub(b"", body).decode(errors="replace"))


def _difference(foreign: Any, nothing: Any) -> str:
    if foreign[:2] != nothing[:2]:
        return f"{foreign[:2]} and {nothing[:2]}"
    at = next(place for place, (one, other) in enumerate(zip(foreign[2], nothing[2], strict=False)) if one != other)
    return f"…{foreign[2][max(0, at - 80) : at + 120]}… and …{nothing[2][max(0, at - 80) : at + 120]}…"
