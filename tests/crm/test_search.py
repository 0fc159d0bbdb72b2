"""Searching: by name, reference, number, address and phone; always by an index."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import Branch
from apps.crm.models import CrmRecord, Lead
from apps.crm.querysets import reached_by, search_q
from tests.factories import FACTORIES, BranchFactory, ContactFactory, LeadFactory, TaskFactory

pytestmark = pytest.mark.django_db


def found(record: CrmRecord, text: str) -> list[Any]:
    """What a search among records of the type, in the record's account, finds."""
    model = type(record)
    rows = model._default_manager.filter(search_q(model, text), account=record.account)
    return list(rows)


@pytest.mark.parametrize("record_type", FACTORIES)
def test_every_type_is_found_by_a_part_of_its_name_by_reference_by_number_and_by_id(record_type: str) -> None:
    branch = BranchFactory()
    record = FACTORIES[record_type](branch=branch, name="Größenwahn & Söhne", reference="")
    FACTORIES[record_type](branch=branch, name="Initech")
    texts = ("größen", "SÖHNE wahn", record.reference, record.reference.lower(), record.reference[2:], str(record.pk))
    for text in texts:
        assert record in found(record, text), text
    assert found(record, "wahnsinn") == []


def test_a_file_s_own_reference_is_found_as_it_is_written() -> None:
    lead = LeadFactory(reference="Printers/7b")
    assert found(lead, "Printers/7b") == [lead]


def test_no_text_finds_everything() -> None:
    lead = LeadFactory()
    assert found(lead, "  ") == found(lead, "\x00") == [lead]


def test_signs_of_patterns_are_letters_like_others() -> None:
    lead = LeadFactory(name="100% cotton_shirts")
    LeadFactory(branch=lead.branch, name="100 cottonXshirts")
    assert found(lead, "%") == found(lead, "n_s") == [lead]


def test_an_address_in_any_case_finds_whom_it_reaches() -> None:
    contact = ContactFactory(emails=["peter@initech.example"])
    ContactFactory(branch=contact.branch, emails=["paul@initech.example"])
    ContactFactory(emails=["peter@initech.example"])
    assert found(contact, "Peter@Initech.example") == [contact]


def test_a_number_in_international_form_finds_whom_it_reaches() -> None:
    contact = ContactFactory(phones=["+493012345678"])
    assert found(contact, "+49 (30) 1234-5678") == [contact]


def test_a_number_that_cannot_be_read_is_found_as_it_was_typed() -> None:
    contact = ContactFactory(phones=["030 12345678"])
    assert found(contact, "030  12345678") == [contact]


def test_a_lead_is_found_by_its_person_and_its_company_as_told() -> None:
    lead = LeadFactory(person_name="Peter Gibbons", company_name="Initech Ltd")
    assert found(lead, "peter g") == found(lead, "initech") == [lead]


def test_a_task_has_no_address_to_be_found_by() -> None:
    task = TaskFactory(name="Write to p@q.example")
    assert found(task, "p@q.example") == [task]


def many_leads(branch: Branch, count: int) -> None:
    """So many leads, and what the planner wants to know of them."""
    pattern = LeadFactory(branch=branch)
    columns = [str(field.column) for field in Lead._meta.concrete_fields if field.name not in ("id", "reference")]
    made = {
        "name": "'Order ' || md5(n::text)",
        "person_name": "md5(n::text)",
        "company_name": "md5(n::text)",
        "emails": "ARRAY['p' || n || '@initech.example']",
        "phones": "ARRAY['+4930' || n]",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO crm_lead (reference, {', '.join(columns)})"
            f" SELECT 'X-' || n, {', '.join(made.get(column, column) for column in columns)}"
            " FROM crm_lead, generate_series(1, %s) AS n WHERE id = %s",
            [count, pattern.pk],
        )
        # What other tests left waiting in these indexes would make the planner take them for dear.
        cursor.execute(
            "SELECT gin_clean_pending_list(name::regclass) FROM unnest(ARRAY['lead_by_name', 'lead_by_detail']) name"
        )
        cursor.execute("ANALYZE crm_lead")


def plan(rows: Any) -> str:
    """How the database would read the rows, of any account, if reading the whole table were dear."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    text: str = rows.explain()
    return text


@pytest.mark.parametrize(
    ("text", "indexes"),
    [
        ("printers", ["lead_by_name", "lead_by_person", "lead_by_company_name", "lead_reference"]),
        ("p@initech.example", ["lead_by_detail"]),
        ("+493012345678", ["lead_by_name", "lead_by_detail"]),
    ],
)
def test_a_search_reads_the_indexes_that_it_is_made_for(text: str, indexes: list[str]) -> None:
    branch = BranchFactory(account__lists=False)
    many_leads(branch, 20_000)
    read = plan(Lead.objects.filter(search_q(Lead, text)).order_by())
    for index in indexes:
        assert index in read, read


def test_reaching_nobody_is_found_nowhere() -> None:
    LeadFactory(emails=[])
    assert not Lead.objects.filter(reached_by(Lead)).exists()
