"""A text in every field of another tenant never comes out: in no page, header, file, mail, log entry or server log.

Whoever looks may do everything in their own account. Every address of the tables is asked, then whatever the pages
lead to; what can be searched is searched for the text; what can be sent is sent, previewed and confirmed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import zeal
from django.core import mail
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from apps.access.mandate_cache import forget_kept
from apps.access.models import AccessRequest
from apps.accounts.models import User
from apps.audit.models import Entry, Operation
from apps.teams.models import Invitation, Membership, ParentMembership, TeamMember
from tests.admin import routes as admin_routes
from tests.admin.people import browser, everything, make, staff
from tests.admin.test_access_routes import row_of
from tests.factories import (
    FACTORIES,
    Cast,
    MembershipFactory,
    OverrideFactory,
    ParentMembershipFactory,
    TeamFactory,
    make_cast,
    published,
    share,
)
from tests.fence.world import Side, make_side
from tests.pages.canary import CANARY, CANNOT, PART, exempt, models_of_accounts, plant, text_fields
from tests.pages.reading import Form, kinds, read
from tests.pages.table import OPEN, ROUTES, ROWS
from tests.pages.test_routes import address_of

pytestmark = pytest.mark.django_db
# Leaving, and looking through another's eyes, end the walk; their own tests see to them.
NOT_WALKED = ("/logout/", "/admin/logout/")

# A method, an address, and what is sent.
Asked = tuple[str, str, dict[str, Any]]


class Look:
    """A user's walk through all pages they can open; `found` are the places where the text appeared."""

    mark = CANARY

    def __init__(self, viewer: User, caplog: pytest.LogCaptureFixture, run_on_commit: Any) -> None:
        self.viewer = viewer
        self.admin = False
        self.client = browser(viewer)
        self.caplog = caplog
        self.run_on_commit = run_on_commit
        self.found: list[str] = []
        self.asked: set[tuple[str, str]] = set()
        self.forms: dict[Any, Form] = {}
        self.waiting: list[str] = []

    def walk(self) -> None:
        """Ask each kind of address that the pages so far lead to, and those that these lead to."""
        while self.waiting:
            self.get(self.waiting.pop(0))

    def get(self, address: str) -> None:
        """One page, whole and in parts, and what it leads to."""
        self.asked |= kinds(address)
        for headers in ({},) if self.admin else ({}, {"HX-Request": "true"}):
            with zeal.zeal_ignore():
                body = self.look(f"GET {address}", self.client.get(address, headers=headers))
        links, forms = read(address, body)
        for link in links:
            self._later(link)
        for form in forms:
            if form.method == "get":
                self._later(f"{form.action.split('?')[0]}?{urlencode(searching(form), doseq=True)}")
            elif not urlsplit(form.action).path.endswith(NOT_WALKED):
                asks = {part for _, part in kinds(form.action) if part.startswith("do=")}
                self.forms.setdefault((urlsplit(form.action).path, *asks, *sorted(form.values)), form)

    def _later(self, address: str) -> None:
        path = urlsplit(address).path
        if path.startswith("/static/") or path.endswith(NOT_WALKED) or path.startswith("/admin/") != self.admin:
            return
        if kinds(address) <= self.asked:
            return
        self.asked |= kinds(address)
        self.waiting.append(address)

    def send(self, address: str, data: dict[str, Any]) -> None:
        """Send a form, then confirm it where it asks, follow it where it leads, and take all of it back."""
        last = Operation.objects.aggregate(last=Max("pk"))["last"] or 0
        client = browser(self.viewer)
        with transaction.atomic(), zeal.zeal_ignore():
            with self.run_on_commit(execute=True):
                for sent in (data, data | {"confirmed": "yes"}):
                    answer = client.post(address, sent)
                    self.look(f"POST {address}", answer)
                    if answer.status_code == 302:
                        self.look(f"POST {address}, then", client.get(answer.headers["Location"]))
            self._look_at_log(f"the log after POST {address}", last)
            transaction.set_rollback(True)
        forget_kept()

    def look(self, where: str, response: Any) -> str:
        """The body of an answer, once the text has been looked for in it and in what came of it."""
        body = b"".join(response) if response.streaming else response.content
        text: str = body.decode(errors="replace")
        outside = "\n".join([str(dict(response.headers.items())), response.cookies.output(), self.caplog.text])
        outside += "\n".join(f"{letter.subject}{letter.message()}" for letter in mail.outbox)
        for part, name in ((text, where), (outside, f"{where}: headers, server log or mail")):
            at = part.lower().find(self.mark)
            if at >= 0:
                self.found.append(f"{name}: …{part[max(0, at - 120) : at + 60]}…")
        self.caplog.clear()
        mail.outbox.clear()
        return text

    def _look_at_log(self, where: str, last: int) -> None:
        for row in [
            *Operation.objects.filter(pk__gt=last).values(),
            *Entry.objects.filter(operation__gt=last).values(),
        ]:
            if self.mark in str(row).lower():
                self.found.append(f"{where}: {row}")


def searching(form: Form) -> dict[str, list[str]]:
    """The form as it is sent by somebody who looks for the text wherever they can."""
    return {name: [PART] if name in form.typed else values for name, values in form.values.items()}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def there() -> Side:
    return make_side("there")


@pytest.fixture
def both(cast: Cast, there: Side) -> User:
    """A member of both accounts; their data in the other one is as foreign as everything else there."""
    user = cast.join()
    account, branch = there.account, there.branch
    MembershipFactory(branch=branch, user=user)
    ParentMembershipFactory(account=account, user=user, role="viewer")
    TeamFactory(branch=branch, members=[user])
    OverrideFactory(branch=branch, user=user, author=there.staff)
    AccessRequest.objects.create(account=account, branch=branch, user=user, permission="add_lead", message="To help")
    Invitation.objects.create(
        account=account, branch=branch, role=published("atlas", "member"), email=user.email, token_digest="of both",
        status=Invitation.Status.ACCEPTED, user=user, expires_at=timezone.now() + timedelta(days=7),
        ended_at=timezone.now(),
    )  # fmt: skip
    for record_type in FACTORIES:
        record = make(record_type, branch, responsible=user, created_by=user)
        if record_type != "activity":
            share(record, user)
    return user


def people_of(side: Side) -> list[User]:
    """Who belongs to that account alone."""
    there = set(Membership.objects.filter(account=side.account).values_list("user", flat=True))
    there |= set(ParentMembership.objects.filter(account=side.account).values_list("user", flat=True))
    there |= set(TeamMember.objects.filter(account=side.account).values_list("user", flat=True))
    elsewhere = Membership.objects.exclude(account=side.account).values_list("user", flat=True)
    return list(User.objects.filter(pk__in=there - set(elsewhere)))


@pytest.fixture
def look(
    cast: Cast,
    there: Side,
    both: User,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> Look:
    """A member with every permission and one record of each type, while the text is everywhere in the other account."""
    plant(there.account, people_of(there))
    viewer = staff(cast.branch, everything(), name="Vera Viewer")
    ParentMembershipFactory(account=cast.account, user=viewer, role="super_admin")
    for record_type in FACTORIES:
        make(record_type, cast.branch, responsible=viewer)
    caplog.set_level(logging.INFO)
    return Look(viewer, caplog, django_capture_on_commit_callbacks)


def own_pages(cast: Cast, viewer: User, both: User) -> Iterator[Asked]:
    """Every address of the pages' table."""
    for open_route in OPEN:
        yield open_route.method, f"/{open_route.path or open_route.pattern}", {}
    # First what speaks of nothing, and billing last: a row and a plan change what some pages are.
    for route in sorted(ROUTES, key=lambda route: ("/billing/" in route.pattern, bool(route.row))):
        named = ROWS[route.row](cast.branch, viewer) if route.row else {}
        yield route.method, address_of(route, cast.account, named), dict(route.data)
        if "member" in named:
            yield route.method, address_of(route, cast.account, {**named, "member": both.pk}), dict(route.data)


def admin_pages(cast: Cast) -> Iterator[Asked]:
    """Every address of the admin's table."""
    records = {record_type: make(record_type, cast.branch).pk for record_type in FACTORIES}
    for route in admin_routes.routes():
        yield route.method, "/" + route.pattern.replace("<path:object_id>", str(records[route.record_type])), {}
    rows: dict[str, int] = {}
    for asked in admin_routes.access_routes():
        if asked.row and asked.table not in rows:
            rows[asked.table] = row_of(cast, asked.table)
        path = asked.pattern.replace("<path:object_id>", str(rows.get(asked.table))).replace("<str:kind>", "csv")
        yield asked.method, f"/{path}", {}
    for frame in admin_routes.FRAMES:
        if "(" not in frame.pattern:
            yield (
                "GET",
                f"/{frame.pattern}{frame.query.replace('printers', PART).replace('term=x', f'term={PART}')}",
                {},
            )


def assert_unseen(look: Look, pages: Iterator[Asked]) -> None:
    """Walk from every address, then send all forms that were met, and all that the table sends."""
    sent = []
    for method, address, data in pages:
        if address.endswith(NOT_WALKED):
            continue
        if method == "GET":
            look.get(address)
        else:
            sent.append((address, data))
    look.walk()
    for form in list(look.forms.values()):
        filled = {name: ["Because of the fair"] if name == "reason" else values for name, values in form.values.items()}
        look.send(form.action, filled)
    for address, data in sent:
        look.send(address, data)
    assert not look.found, "\n".join(look.found)


def test_the_text_is_in_every_field_that_can_carry_it(there: Side) -> None:
    carrying = plant(there.account, people_of(there))
    fields = [field for model in models_of_accounts() for field in text_fields(model)]
    every = {f"{field.model._meta.db_table}.{field.column}" for field in fields}
    assert {f"{field.model._meta.db_table}.{field.column}" for field in fields if not exempt(field)} == carrying
    assert {name for name in CANNOT if "." in name} - every == set(), "exempt, but gone"


def test_what_is_planted_is_seen_by_those_whom_it_is_for(there: Side, look: Look) -> None:
    Membership.objects.filter(user=there.staff).update(role=published("atlas", "owner"))
    for name in ("crm_lead", "audit_entry", "audit_operation"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {name} t WHERE t::text ILIKE %s", [f"%{CANARY}%"])
            assert cursor.fetchone()[0] > 0, name
    there.account.refresh_from_db()
    theirs = Look(User.objects.get(pk=there.staff.pk), look.caplog, look.run_on_commit)
    theirs.get(f"/a/{there.account.slug}/")
    theirs.get("/admin/crm/lead/")
    assert len(theirs.found) >= 4


def test_no_page_of_an_account_shows_anothers(cast: Cast, look: Look, both: User) -> None:
    assert_unseen(look, own_pages(cast, look.viewer, both))


def test_no_page_of_the_admin_shows_anothers(cast: Cast, look: Look) -> None:
    look.admin = True
    assert_unseen(look, admin_pages(cast))
