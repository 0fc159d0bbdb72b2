"""Searching as the web role: by the same indexes as without the fence, on 20,000 leads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from apps.accounts.fence import tenant
from apps.accounts.models import Branch
from apps.crm.models import CustomField, Lead
from apps.crm.querysets import search, search_q
from apps.crm.services.customfields import chosen, in_use
from apps.crm.services.duplicates import visible_duplicates
from tests.crm.test_search import many_leads
from tests.factories import BranchFactory
from tests.fence.world import World, run

pytestmark = pytest.mark.django_db
INDEXED = [
    ("printers", ["lead_by_name", "lead_by_person", "lead_by_company_name", "lead_reference"]),
    ("p@initech.example", ["lead_by_detail"]),
    ("+493012345678", ["lead_by_name", "lead_by_detail"]),
]


@pytest.fixture(scope="module")
def branch(world: World, django_db_blocker: DjangoDbBlocker) -> Iterator[Branch]:
    """A branch with many leads, in an account of its own."""
    with django_db_blocker.unblock():
        with transaction.atomic():
            made: Branch = BranchFactory(account__lists=False)
            many_leads(made, 20_000)
        yield made
        for table in ("crm_lead", "crm_referencecounter", "accounts_branch"):
            run(f"DELETE FROM {table} WHERE account_id = %s", [made.account_id])
        run("DELETE FROM accounts_account WHERE id = %s", [made.account_id])


def plan(rows: Any) -> str:
    """How the database would read the rows if reading the whole table were dear."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    text: str = rows.order_by().explain()
    return text


@pytest.mark.parametrize(("text", "indexes"), INDEXED)
def test_a_search_reads_the_indexes_that_it_is_made_for(
    branch: Branch, web: BaseDatabaseWrapper, text: str, indexes: list[str]
) -> None:
    with tenant(branch.account_id):
        read = plan(search(Lead.objects.filter(account=branch.account_id), text))
    for index in indexes:
        assert index in read, read


def test_without_the_view_it_would_read_no_index_on_names(branch: Branch, web: BaseDatabaseWrapper) -> None:
    with tenant(branch.account_id):
        read = plan(Lead.objects.filter(search_q(Lead, "printers"), account=branch.account_id))
    assert "lead_by_name" not in read, "The view of `Searched` is needed no more."


def test_whether_a_custom_field_or_a_choice_is_in_use_is_read_from_its_index(
    branch: Branch, web: BaseDatabaseWrapper
) -> None:
    field = CustomField(account_id=branch.account_id, record_type="lead", key="tone", kind=CustomField.Kind.CHOICE)
    with tenant(branch.account_id), CaptureQueriesContext(connection) as queries:
        assert not in_use(field)
        assert not chosen(field, "Red")
    asked = [query["sql"] for query in queries if "custom" in query["sql"]]
    assert len(asked) == 2
    with tenant(branch.account_id), connection.cursor() as cursor:
        for sql in asked:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}")
            read = str(cursor.fetchall())
            assert "lead_by_custom" in read, read


def test_doubles_are_looked_for_by_the_indexes(world: World, web: BaseDatabaseWrapper) -> None:
    side = world.here
    with tenant(side.account.pk, side.staff.pk):
        lead = Lead.objects.select_related("account").get()
        assert visible_duplicates(side.staff, Lead(account=lead.account, name="Another", emails=lead.emails)) == []
        Lead.objects.update(emails=["a@b.example"])
        double = Lead(account=lead.account, name="Another", emails=["a@b.example"], company_name="Initech")
        assert visible_duplicates(side.staff, double) == [lead]
