"""Each address of the tables of access and the log, for the right, the wrong, the foreign and the unknown."""

from __future__ import annotations

from typing import Any

import pytest
import zeal
from django.apps import apps
from django.test import Client
from django.utils import timezone

from apps.access.models import AccessRequest
from apps.audit.services import operation
from apps.roles import catalogue
from apps.teams.models import Invitation, Membership
from tests.admin.people import all_but, browser, everything, staff
from tests.admin.routes import AccessRoute, access_routes
from tests.billing.cases import begin, invoices
from tests.factories import (
    Cast,
    OverrideFactory,
    OwnRoleFactory,
    ParentMembershipFactory,
    TeamFactory,
    make_cast,
    published,
)

pytestmark = pytest.mark.django_db
ROUTES = list(access_routes())
ROWS = [route for route in ROUTES if route.row]
NOBODY = 10**9


def name_of(route: AccessRoute) -> str:
    return f"{route.method} {route.pattern}"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def row_of(cast: Cast, table: str, *, foreign: bool = False) -> int:
    """A row of the table, of the cast's account or of the other one, that each of its pages makes sense for."""
    branch = cast.elsewhere if foreign else cast.branch
    user = cast.outsider if foreign else cast.member
    made: Any
    if table == "teams.membership":
        cast.remove(user, branch)
        made = Membership.objects.get(user=user)
    elif table == "teams.invitation":
        made = Invitation.objects.create(
            account=branch.account,
            branch=branch,
            role=published("atlas", "member"),
            email="new@example.com",
            token_digest=f"{branch.pk:064}",
            expires_at=timezone.now(),
        )
    elif table == "teams.parentmembership":
        apps.get_model(table)._default_manager.filter(account=branch.account, user=user).delete()
        made = ParentMembershipFactory(account=branch.account, user=user)
    elif table == "teams.team":
        made = TeamFactory(branch=branch)
    elif table == "access.override":
        made = OverrideFactory(branch=branch, user=user)
    elif table == "access.accessrequest":
        made = AccessRequest.objects.create(
            account=branch.account, branch=branch, user=user, permission="view_lead", message="For the fair"
        )
    elif table == "roles.role":
        made = OwnRoleFactory(account=branch.account)
    elif table == "accounts.branch":
        made = branch
    elif table == "billing.invoice":
        begin(branch.account)
        made = invoices(branch.account)[0]
    else:
        with operation(verb="access.role.changed", actor=None, reason="Leads") as written:
            Membership.objects.filter(user=user).update(role=published("atlas", "admin"))
            assert written.pk is not None
            return written.pk
    return int(made.pk)


def ask(client: Client, route: AccessRoute, pk: int) -> tuple[int, str, bytes]:
    address = "/" + route.pattern.replace("<path:object_id>", str(pk)).replace("<str:kind>", "csv")
    with zeal.zeal_ignore():
        response = client.generic(route.method, address, "", content_type="application/x-www-form-urlencoded")
    body = b"" if response.streaming else response.content
    return response.status_code, response.headers.get("Location", ""), body


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_the_right_opens_it(cast: Cast, route: AccessRoute) -> None:
    client = browser(staff(cast.branch, everything()))
    status, _, body = ask(client, route, row_of(cast, route.table))
    assert status == route.right
    assert b"Traceback" not in body


@pytest.mark.parametrize("route", [route for route in ROUTES if route.permission], ids=name_of)
def test_the_wrong_right_gets_a_page_that_names_the_missing_one(cast: Cast, route: AccessRoute) -> None:
    permission = route.permission
    assert permission is not None
    client = browser(staff(cast.branch, all_but(permission, "administer_parent_roles")))
    status, _, body = ask(client, route, row_of(cast, route.table))
    assert status == 403
    assert permission.encode() in body
    assert catalogue.get(permission).label.encode() in body


@pytest.mark.parametrize("route", ROWS, ids=name_of)
def test_another_accounts_row_answers_exactly_as_nothing_does(cast: Cast, route: AccessRoute) -> None:
    client = browser(staff(cast.branch, everything()))
    nothing = ask(client, route, NOBODY)
    assert nothing[0] == 404
    assert ask(client, route, row_of(cast, route.table, foreign=True)) == nothing


def test_strangers_and_members_who_are_no_staff_are_asked_to_sign_in(cast: Cast) -> None:
    member = staff(cast.branch, everything(), is_staff=False)
    for client in (browser(None), browser(member)):
        for route in ROUTES:
            status, location, _ = ask(client, route, NOBODY)
            assert (status, location.startswith("/admin/login/?next=")) == (302, True), name_of(route)


def test_who_may_look_at_nothing_finds_no_entry_in_the_menu(cast: Cast) -> None:
    page = browser(staff(cast.branch, {})).get("/admin/").content.decode()
    for table in {route.table for route in ROUTES} - {"access.accessrequest"}:
        assert f"/admin/{table.replace('.', '/')}/" not in page
    page = browser(staff(cast.branch, everything())).get("/admin/").content.decode()
    for table in {route.table for route in ROUTES}:
        assert f"/admin/{table.replace('.', '/')}/" in page
