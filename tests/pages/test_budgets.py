"""How many queries a page makes: 15 at most, and as many with twice the people and records.

Counted on the second request, when the Mandate is kept. A failure prints the SQL.
"""

from __future__ import annotations

import pytest
import zeal
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Account
from tests.admin.people import browser
from tests.pages.crowd import Crowd, make_crowd
from tests.pages.table import OPEN, ROUTES, ROWS
from tests.pages.test_routes import address_of

pytestmark = pytest.mark.django_db
MOST = 15


def addresses(crowd: Crowd) -> list[str]:
    """Each page that is read, of a row of this account where it speaks of one."""
    found = [f"/{route.path or route.pattern}" for route in OPEN if route.method == "GET" and route.signed_in == 200]
    for route in ROUTES:
        if route.method == "GET" and route.right == 200:
            named = ROWS[route.row](crowd.branches[0], crowd.viewer) if route.row else {}
            found.append(address_of(route, crowd.account, named))
    # The pages of billing begin a subscription, and its plan has not what some other page is for.
    Account.objects.filter(pk=crowd.account.pk).update(features=None)
    return found


def queries_of(client: Client, address: str) -> list[str]:
    """The SQL of a page that has been looked at before."""
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
    pages, client = addresses(crowd), browser(crowd.viewer)
    small = {address: queries_of(client, address) for address in pages}
    over = [told(address, queries) for address, queries in small.items() if len(queries) > MOST]
    assert not over, "\n".join(over)
    crowd.grow()
    large = {address: queries_of(client, address) for address in pages}
    grown = [address for address in pages if len(large[address]) > len(small[address])]
    assert not grown, "\n".join(told(address, world[address]) for address in grown for world in (small, large))
