"""What people write is text wherever it is shown, and never a part of the page."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.utils.html import escape

from apps.accounts.models import User
from tests.admin.people import everything, staff
from tests.attacks.payloads import MARKUP, a_field_of_each_kind, faults_in_page, plant_payloads, takes_payloads
from tests.fence.world import Side, make_side
from tests.pages.canary import let_sign_in, models_of_accounts, text_fields
from tests.pages.table import OPEN, ROUTES, ROWS
from tests.pages.test_canary import Look, people_of
from tests.pages.test_routes import address_of

pytestmark = pytest.mark.django_db


class Reading(Look):
    """A walk that looks for what came of a payload where it is not text."""

    shown = 0

    def look(self, where: str, response: Any) -> str:
        """A page, on which a payload may well stand as text; in a file, nothing is a part of a page."""
        body = b"".join(response) if response.streaming else response.content
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return ""
        text: str = body.decode(errors="replace")
        if response.status_code >= 500:
            self.found.append(f"{where}: answers {response.status_code}")
        self.found += [f"{where}: {fault}" for fault in faults_in_page(text)]
        self.shown += escape(MARKUP.short) in text
        return text


@pytest.fixture
def here() -> Side:
    return make_side("here")


def test_every_text_that_people_write_takes_a_payload(here: Side) -> None:
    a_field_of_each_kind(here.account)
    people = people_of(here)
    let_sign_in(people)
    fields = [field for model in models_of_accounts() for field in text_fields(model) if takes_payloads(field)]
    every = {f"{field.model._meta.db_table}.{field.column}" for field in fields}
    assert plant_payloads(here.account, people, MARKUP) == every


@pytest.mark.parametrize("admin", [False, True], ids=["pages", "admin"])
def test_what_is_written_is_never_a_part_of_the_page(
    here: Side, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any, admin: bool
) -> None:
    viewer: User = staff(here.branch, everything())
    a_field_of_each_kind(here.account)
    people = people_of(here)
    let_sign_in(people)
    plant_payloads(here.account, people, MARKUP)
    # A passkey without a key breaks the page that asks for one; the others' are listed by nobody but them.
    Authenticator.objects.filter(user=viewer).delete()
    viewer.refresh_from_db()
    walk = Reading(viewer, caplog, django_capture_on_commit_callbacks)
    walk.admin = admin
    if admin:
        walk.get("/admin/")
    else:
        for open_route in OPEN:
            if open_route.method == "GET" and not open_route.pattern.startswith(("logout", "login")):
                walk.get(f"/{open_route.path or open_route.pattern}")
        for route in sorted(ROUTES, key=lambda route: ("/billing/" in route.pattern, bool(route.row))):
            if route.method == "GET":
                named = ROWS[route.row](here.branch, viewer) if route.row else {}
                walk.get(address_of(route, here.account, named))
    walk.walk()
    assert not walk.found, "\n".join(walk.found)
    assert walk.shown, "the text is nowhere to be seen"
