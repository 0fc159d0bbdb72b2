"""What people write is text wherever it is shown, and never a part of the page."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.html import escape

from apps.accounts.models import User
from tests.admin.people import everything, staff
from tests.fence.world import Side, make_side
from tests.pages.canary import plant
from tests.pages.table import ROUTES, ROWS
from tests.pages.test_canary import Look, people_of
from tests.pages.test_routes import address_of

pytestmark = pytest.mark.django_db
# In every context that a page has: between tags, in an attribute in an address and in a script.
MARK = '<b id=x>"><img src=y>'
COLUMNS = {
    "name", "description", "reason", "message", "legal_name", "industry", "street", "city", "region", "job_title",
    "person_name", "company_name", "body", "tags", "actor_name", "website",
}  # fmt: skip


class Reading(Look):
    """A walk that looks for the text where it is not text."""

    mark = MARK[:8]
    shown = 0

    def look(self, where: str, response: Any) -> str:
        """A page, on which the text may well stand as text; in a file, nothing is a part of a page."""
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return ""
        text = super().look(where, response)
        self.shown += escape(MARK) in text
        return text


@pytest.fixture
def here() -> Side:
    return make_side("here")


@pytest.mark.parametrize("admin", [False, True], ids=["pages", "admin"])
def test_what_is_written_is_never_a_part_of_the_page(
    here: Side, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any, admin: bool
) -> None:
    viewer: User = staff(here.branch, everything())
    plant(here.account, people_of(here), text=MARK, columns=COLUMNS)
    walk = Reading(viewer, caplog, django_capture_on_commit_callbacks)
    walk.admin = admin
    if admin:
        walk.get("/admin/")
    else:
        for route in sorted(ROUTES, key=lambda route: ("/billing/" in route.pattern, bool(route.row))):
            if route.method == "GET":
                named = ROWS[route.row](here.branch, viewer) if route.row else {}
                walk.get(address_of(route, here.account, named))
    walk.walk()
    assert not walk.found, "\n".join(walk.found)
    assert walk.shown, "the text is nowhere to be seen"
