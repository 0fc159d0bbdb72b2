"""How many queries a page makes: 15 at most, and as many with twice the people and records.

Counted on the second request, when the Mandate is kept. A failure prints the SQL.
"""

from __future__ import annotations

import pytest
import zeal
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.access.mandate_cache import forget_kept
from apps.pages.forms import pool
from tests.admin.people import browser
from tests.pages.crowd import MEMBERS, Crowd, make_crowd
from tests.pages.table import OPEN, ROUTES, ROWS
from tests.pages.test_routes import address_of

pytestmark = pytest.mark.django_db
# Of 15 at most, two tell the web server's role who asks and in which account; the role of the tests is told nothing.
MOST = 15 - 2


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The crowd is one that people are searched for in."""
    monkeypatch.setattr(pool, "FEW", MEMBERS // 10)


def counted(crowd: Crowd) -> dict[str, list[str]]:
    """The SQL of each page that is read, and of a row of this account where it speaks of one."""
    found = {}
    for route in OPEN:
        if route.method == "GET" and route.signed_in == 200:
            found[str(route)] = queries_of(crowd, f"/{route.path or route.pattern}")
    for page in ROUTES:
        if page.method == "GET" and page.right == 200:
            with transaction.atomic():
                named = ROWS[page.row](crowd.branches[0], crowd.viewer) if page.row else {}
                found[str(page)] = queries_of(crowd, address_of(page, crowd.account, named))
                transaction.set_rollback(True)
    return found


def queries_of(crowd: Crowd, address: str) -> list[str]:
    """The SQL of a page that has been looked at before."""
    forget_kept()
    client = browser(crowd.viewer)
    with zeal.zeal_ignore():
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            response = client.get(address)
            b"".join(response) if response.streaming else response.content
    assert response.status_code == 200, address
    return [query["sql"] for query in queries]


def told(address: str, queries: list[str]) -> str:
    return f"{address}: {len(queries)} queries\n" + "\n".join(f"  {sql[:600]}" for sql in queries)


def test_a_page_makes_few_queries_and_no_more_of_them_for_twice_the_world() -> None:
    crowd = make_crowd()
    small = counted(crowd)
    over = [told(page, queries) for page, queries in small.items() if len(queries) > MOST]
    assert not over, "\n".join(over)
    crowd.grow()
    large = counted(crowd)
    grown = [page for page in small if len(large[page]) > len(small[page])]
    assert not grown, "\n".join(told(page, world[page]) for page in grown for world in (small, large))
