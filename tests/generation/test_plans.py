"""How PostgreSQL answers pages and counts on 20,000 leads: from the indexes, and no more rows than the page has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from apps.access.facts import load
from apps.access.lists import capped_count, page
from apps.access.mandate import Mandate
from apps.access.models import Override
from apps.accounts.models import Account, User
from apps.crm.models import LeadStatus, LeadUserShare
from apps.orgfiles.generation.plan import LoadPlan
from apps.orgfiles.generation.run import generate
from apps.roles.models import Role
from apps.roles.scopes import Scope
from apps.teams.models import Membership, ParentMembership

LEADS = 20_000
BRANCHES = 10
EVERY_REACH = Scope.CREATED | Scope.RESPONSIBLE | Scope.SHARED | Scope.TEAM
# The scope of `view_lead` on each of the branches that the member is put on.
REACHES: dict[str, list[Scope]] = {
    "all of one branch": [Scope.ALL],
    "all of three branches": [Scope.ALL] * 3,
    "team": [Scope.TEAM],
    "responsible": [Scope.RESPONSIBLE],
    "created": [Scope.CREATED],
    "shared": [Scope.SHARED],
    "mixed": [EVERY_REACH, Scope.RESPONSIBLE | Scope.SHARED],
}
MIDDLE = datetime(2024, 6, 1, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def account(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Account]:
    """Generated once for all tests of this file, in a transaction that is rolled back after them."""
    with django_db_blocker.unblock(), transaction.atomic():
        generate(
            LoadPlan(
                account="plans", scheme="atlas", branches=BRANCHES, members=100, teams=20, leads=LEADS, shares=2_000
            )
        )  # fmt: skip
        yield Account.objects.get(slug="plans")
        transaction.set_rollback(True)


def member(account: Account, scopes: list[Scope]) -> Mandate:
    """A member with a team, shares and leads, whose `view_lead` has these scopes."""
    user = User.objects.filter(memberships__account=account, memberships__role__key="member").order_by("pk")[0]
    branches = list(account.branches.order_by("pk"))
    home = Membership.objects.filter(user=user, account=account).order_by("pk")[0].branch
    role = Role.objects.published(account.scheme).get(key="member")
    Membership.objects.filter(user=user, account=account).exclude(branch=home).delete()
    for branch, scope in zip([home, *(branch for branch in branches if branch != home)], scopes, strict=False):
        Membership.objects.get_or_create(account=account, branch=branch, user=user, defaults={"role": role})
        Override.objects.create(
            account=account, branch=branch, user=user, permission="view_lead", scope=scope, reason="Is looked at"
        )
    assert LeadUserShare.objects.filter(user=user).exists()
    return Mandate(load(user.pk, account.pk), timezone.now())


def plan_of(call: Callable[[], object]) -> dict[str, Any]:
    """The plan of the one query that the call makes, with the rows that it really took."""
    with CaptureQueriesContext(connection) as captured:
        call()
    (query,) = captured.captured_queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql']}")
        (found,) = cursor.fetchone()
    plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def read_whole(plan: dict[str, Any]) -> list[str]:
    """Those of the big tables that are read from end to end."""
    scans = [node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
    return [table for table in scans if table in ("crm_lead", "crm_leadusershare")]


def leads_read(plan: dict[str, Any]) -> int:
    """How many rows of leads the plan took from the table or its indexes."""
    scans = [node for node in nodes(plan) if node.get("Relation Name") == "crm_lead" and "Scan" in node["Node Type"]]
    return sum(
        int(node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))) for node in scans
    )


@pytest.mark.parametrize("reach", REACHES)
def test_a_page_is_read_from_the_indexes(account: Account, reach: str) -> None:
    mandate = member(account, REACHES[reach])
    plan = plan_of(lambda: list(page(mandate, "view_lead")))
    assert read_whole(plan) == []
    assert leads_read(plan) < LEADS / 5


@pytest.mark.parametrize("reach", REACHES)
def test_the_page_after_is_read_from_the_indexes(account: Account, reach: str) -> None:
    mandate = member(account, REACHES[reach])
    assert read_whole(plan_of(lambda: list(page(mandate, "view_lead", after=(MIDDLE, 0))))) == []


@pytest.mark.parametrize("reach", REACHES)
def test_a_filtered_page_is_read_from_the_indexes(account: Account, reach: str) -> None:
    mandate = member(account, REACHES[reach])
    status = LeadStatus.objects.filter(account=account)[0]
    plan = plan_of(lambda: list(page(mandate, "view_lead", narrow=lambda rows: rows.filter(status=status))))
    assert read_whole(plan) == []


@pytest.mark.parametrize("reach", REACHES)
def test_a_count_is_read_from_the_indexes(account: Account, reach: str) -> None:
    mandate = member(account, REACHES[reach])
    assert read_whole(plan_of(lambda: capped_count(mandate, "view_lead"))) == []


def test_the_page_of_a_parent_role_reads_fifty_leads(account: Account) -> None:
    user = User.objects.create_user("viewer@plans.example", name="Views everything")
    role = Role.objects.published(account.scheme).get(key="viewer")
    ParentMembership.objects.create(account=account, user=user, role=role)
    mandate = Mandate(load(user.pk, account.pk), timezone.now())
    plan = plan_of(lambda: list(page(mandate, "view_lead")))
    assert read_whole(plan) == []
    assert leads_read(plan) <= 150
