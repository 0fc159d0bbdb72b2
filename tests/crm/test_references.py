"""References: numbered for each account and type, also under concurrency."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from django.db import connection, transaction

from apps.crm.models import PREFIXES, Contact, Lead, ReferenceCounter
from apps.crm.services import number, raise_counters
from tests.factories import FACTORIES, AccountFactory, BranchFactory, ContactFactory, LeadFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("record_type", FACTORIES)
def test_each_type_is_numbered_from_one_in_each_account(record_type: str) -> None:
    branch, other = BranchFactory(), BranchFactory()
    made = [FACTORIES[record_type](branch=place) for place in (branch, branch, other)]
    prefix = PREFIXES[record_type]
    assert [record.reference for record in made] == [f"{prefix}-1", f"{prefix}-2", f"{prefix}-1"]


def test_two_branches_of_an_account_share_the_numbers() -> None:
    branch = BranchFactory()
    assert LeadFactory(branch=branch).reference == "L-1"
    assert LeadFactory(branch=BranchFactory(account=branch.account)).reference == "L-2"


def test_a_record_that_brings_its_reference_keeps_it() -> None:
    assert LeadFactory(reference="Printers/7").reference == "Printers/7"


def test_a_record_keeps_its_reference_when_it_is_saved_again() -> None:
    lead = LeadFactory()
    lead.name = "Renamed"
    lead.save()
    lead.refresh_from_db()
    assert lead.reference == "L-1"


def test_many_records_are_numbered_at_once_in_their_order() -> None:
    branch = BranchFactory()
    LeadFactory(branch=branch)
    leads = [Lead(account=branch.account, branch=branch, name=f"Lead {n}") for n in range(3)]
    contact = Contact(account=branch.account, branch=branch, name="Peter")
    kept = Lead(account=branch.account, branch=branch, name="Imported", reference="L-900")
    number([leads[0], contact, kept, *leads[1:]])
    assert [lead.reference for lead in leads] == ["L-2", "L-3", "L-4"]
    assert (contact.reference, kept.reference) == ("P-1", "L-900")
    assert LeadFactory(branch=branch).reference == "L-5"


def test_at_least_one_reference_is_asked_for() -> None:
    with pytest.raises(ValueError, match="at least"):
        ReferenceCounter.objects.allocate(AccountFactory().pk, "lead", 0)


@pytest.mark.parametrize(
    ("imported", "following"),
    [
        (["L-17", "L-3"], "L-18"),
        (["L-007"], "L-8"),
        (["Printers", "l-90", "L-90b", "P-90", "L-"], "L-1"),
        (["L-" + "9" * 40], "L-1"),
        ([], "L-1"),
    ],
)
def test_after_an_import_the_next_reference_comes_after_those_that_came_along(
    imported: list[str], following: str
) -> None:
    branch = BranchFactory()
    for reference in imported:
        LeadFactory(branch=branch, reference=reference)
    raise_counters(branch.account)
    assert LeadFactory(branch=branch).reference == following


def test_raising_the_counters_never_lowers_one_nor_touches_another_account() -> None:
    branch, other = BranchFactory(), BranchFactory()
    ReferenceCounter.objects.raise_to(branch.account_id, "lead", 40)
    LeadFactory(branch=branch, reference="L-12")
    LeadFactory(branch=other, reference="L-50")
    raise_counters(branch.account)
    assert LeadFactory(branch=branch).reference == "L-41"
    assert LeadFactory(branch=other).reference == "L-1"


@pytest.mark.django_db(transaction=True)
def test_no_reference_is_given_twice_when_many_create_at_once() -> None:
    branch = BranchFactory()
    start = Barrier(4)

    def create(_: int) -> list[str]:
        try:
            start.wait(timeout=60)
            return [LeadFactory(branch=branch).reference for _ in range(10)]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        given = [reference for references in pool.map(create, range(4)) for reference in references]
    assert sorted(given, key=lambda reference: int(reference[2:])) == [f"L-{n}" for n in range(1, 41)]


@pytest.mark.django_db(transaction=True)
def test_a_reference_of_a_rolled_back_transaction_is_given_to_who_waited_for_it() -> None:
    account = AccountFactory()
    taken = Event()

    def wait_for_the_next() -> list[str]:
        try:
            taken.wait(timeout=60)
            return ReferenceCounter.objects.allocate(account.pk, "lead")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert ReferenceCounter.objects.allocate(account.pk, "lead") == ["L-1"]
            waiting = pool.submit(wait_for_the_next)
            taken.set()
            transaction.set_rollback(True)
        assert waiting.result(timeout=60) == ["L-1"]


@pytest.mark.django_db(transaction=True)
def test_numbering_one_type_does_not_wait_for_another() -> None:
    branch = BranchFactory()

    def create_a_contact() -> str:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            reference: str = ContactFactory(branch=branch).reference
            return reference
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        LeadFactory(branch=branch)
        assert pool.submit(create_a_contact).result(timeout=60) == "P-1"
