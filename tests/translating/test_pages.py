"""No page says a word that a translator does not have: in a language of brackets, what stands in none is data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import available_timezones

import pytest
import zeal
from django.apps import apps
from django.test import Client
from moneyed import CURRENCIES

from apps.accounts.models import User
from apps.audit.models import Entry
from apps.billing.plans import plans
from apps.roles import catalogue
from apps.roles.schemes import scheme, scheme_keys
from tests.admin import test_access_routes, test_routes
from tests.admin.people import all_but, browser, everything, staff
from tests.factories import FACTORIES, Cast, make_cast
from tests.pages.canary import text_fields
from tests.pages.table import ROUTES, ROWS, Route
from tests.pages.test_routes import address_of
from tests.translating.pseudo import bare, english, pseudo, read

pytestmark = pytest.mark.django_db
# What is the same in every language, and why.
SAME: Mapping[str, str] = {
    "Mandate": "the product's name",
    "CSV": "a format",
    "JSON": "a format",
    "UTC": "a time zone",
    "IBAN": "a standard's name",
    "BIC": "a standard's name",
    "Ctrl K": "keys",
    "esc": "a key",
}
# Words of the log are kept as they were written down, whoever reads them.
KEPT = ("The operator at the console", "Mandate at the database")


def published() -> Iterator[str]:
    """What the published systems and our plans call things."""
    for key in scheme_keys():
        system = scheme(key)
        yield from (key, system.name, system.description, *system.tabs.values())
        for role in system.roles.values():
            yield from (role.key, role.name, role.description)
    yield from plans()


def stored() -> Iterator[str]:
    """Every text that stands in a table."""
    for model in apps.get_models():
        for field in text_fields(model):
            for value in model._default_manager.values_list(field.attname, flat=True).distinct():
                yield from texts(value)


def texts(value: Any) -> Iterator[str]:
    """The texts within a list or a structure, and the lines of a text."""
    if isinstance(value, str):
        yield value
        yield from value.splitlines()
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)


def data() -> set[str]:
    """What is nobody's to translate."""
    found = {*published(), *stored(), *SAME, *KEPT, *available_timezones(), *CURRENCIES}
    found |= {permission.codename for permission in catalogue.permissions()}
    # What an entry is about may begin with a permission, which is translated.
    found |= {text.partition(" ")[2] for text in Entry.objects.values_list("target_text", flat=True)}
    found |= {user.get_short_name() for user in User.objects.all()}
    found |= {zone.replace("_", " ").replace("/", " / ") for zone in available_timezones()}
    return {text.strip() for text in found if len(text.strip()) > 1}


class Walk:
    """Pages that one person looks at, and what they read there."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.found: defaultdict[str, list[str]] = defaultdict(list)

    def see(self, address: str, sent: Mapping[str, Any] | None = None) -> None:
        """Look at a page, where it is one; what is refused by what an earlier one has done is a page, too."""
        with zeal.zeal_ignore():
            answer: Any = self.client.get(address, sent or {})
        if not answer.streaming and answer["Content-Type"].startswith("text/html"):
            for text in read(answer.content.decode()):
                self.found[bare(text)].append(address)

    def english(self) -> dict[str, str]:
        """What is English there, and the first page that says it."""
        return {text: self.found[text][0] for text in english(self.found, data())}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def page_of(cast: Cast, user: User, route: Route) -> str:
    named = ROWS[route.row](cast.branch, user) if route.row else {}
    return address_of(route, cast.account, named)


def test_the_pages(cast: Cast) -> None:
    user = staff(cast.branch, everything(), is_staff=False)
    walk = Walk(browser(user))
    with pseudo():
        for route in ROUTES:
            if route.method == "GET":
                walk.see(page_of(cast, user, route), route.data)
    assert walk.english() == {}


def test_the_pages_that_say_why_not(cast: Cast) -> None:
    found: dict[str, str] = {}
    routes = {route.permission: route for route in ROUTES if route.method == "GET" and route.permission}
    for permission, route in routes.items():
        user = staff(cast.branch, all_but(permission, *route.lacking), is_staff=False)
        walk = Walk(browser(user))
        with pseudo():
            walk.see(page_of(cast, user, route), route.data)
        found |= walk.english()
    assert found == {}


def test_the_admin(cast: Cast) -> None:
    walk = Walk(browser(staff(cast.branch, everything())))
    made = {name: FACTORIES[name](branch=cast.branch).pk for name in FACTORIES}
    with pseudo():
        walk.see("/admin/")
        for route in test_routes.ROUTES:
            if route.method == "GET":
                pk = made[route.record_type]
                walk.see("/" + route.pattern.replace("<path:object_id>", str(pk)))
        tables = {row.table for row in test_access_routes.ROUTES}
        rows = {table: test_access_routes.row_of(cast, table) for table in sorted(tables)}
        for row in test_access_routes.ROUTES:
            if row.method == "GET":
                walk.see("/" + row.pattern.replace("<path:object_id>", str(rows[row.table])))
    assert walk.english() == {}
