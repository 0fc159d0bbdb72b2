"""Doubles: told as far as the creator may see, and no further."""

from __future__ import annotations

from typing import Any

import pytest

from apps.crm.errors import DuplicatesFound
from apps.crm.models import Contact, Lead
from apps.crm.services import create_record, visible_duplicates
from apps.roles.scopes import Scope
from tests.factories import (
    FACTORIES,
    Cast,
    CompanyFactory,
    ContactFactory,
    LeadFactory,
    OpportunityFactory,
    TaskFactory,
)


def doubles(cast: Cast, record_type: str, actor: Any = None, **fields: Any) -> list[Any]:
    """What the owner is told about when they create such a record."""
    record = FACTORIES[record_type].build(branch=cast.branch, account=cast.account, **fields)
    return visible_duplicates(actor or cast.owner, record)


def test_the_same_address_in_another_case_is_a_double(cast: Cast) -> None:
    found = ContactFactory(branch=cast.branch, emails=["peter@initech.example", "p@home.example"])
    assert doubles(cast, "contact", emails=["Peter@Initech.example"]) == [found]
    assert doubles(cast, "contact", emails=["peter@initrode.example"]) == []


def test_the_same_number_written_otherwise_is_a_double(cast: Cast) -> None:
    found = LeadFactory(branch=cast.branch, phones=["+49 30 12345678"])
    assert doubles(cast, "lead", phones=["030/12345678"], country="DE") == [found]


def test_the_same_name_at_the_same_company_is_a_double_and_a_namesake_is_none(cast: Cast) -> None:
    company = CompanyFactory(branch=cast.branch)
    found = ContactFactory(branch=cast.branch, name="Peter Gibbons", company=company)
    ContactFactory(branch=cast.branch, name="Peter Gibbons")
    assert doubles(cast, "contact", name="PETER gibbons", company=company) == [found]
    assert doubles(cast, "contact", name="Peter Gibbons") == []


def test_a_company_is_known_by_its_name_alone(cast: Cast) -> None:
    found = CompanyFactory(branch=cast.branch, name="Initech")
    assert doubles(cast, "company", name="initech") == [found]


def test_a_lead_is_known_by_its_name_and_the_company_as_told(cast: Cast) -> None:
    found = LeadFactory(branch=cast.branch, name="Printers", company_name="Initech")
    LeadFactory(branch=cast.branch, name="Printers", company_name="Initrode")
    assert doubles(cast, "lead", name="printers", company_name="INITECH") == [found]


def test_an_opportunity_is_known_by_its_name_and_company(cast: Cast) -> None:
    company = CompanyFactory(branch=cast.branch)
    found = OpportunityFactory(branch=cast.branch, name="Forty printers", company=company)
    assert doubles(cast, "opportunity", name="Forty printers", company=company) == [found]


def test_tasks_have_no_doubles(cast: Cast) -> None:
    TaskFactory(branch=cast.branch, name="Call back")
    assert doubles(cast, "task", name="Call back") == []


def test_another_account_s_record_is_no_double(cast: Cast) -> None:
    ContactFactory(branch=cast.elsewhere, emails=["peter@initech.example"])
    assert doubles(cast, "contact", emails=["peter@initech.example"]) == []


def test_creation_stops_at_a_double_until_doubles_are_accepted(cast: Cast) -> None:
    known = LeadFactory(branch=cast.branch, responsible=cast.member, name="Printers", emails=["p@initech.example"])
    lead = Lead(branch=cast.branch, name="More printers", emails=["p@initech.example"])
    with pytest.raises(DuplicatesFound, match=r"Printers \(L-1\)") as caught:
        create_record(lead, actor=cast.member)
    assert caught.value.doubles == [known]
    assert Lead.objects.count() == 1
    assert create_record(lead, actor=cast.member, accept_doubles=True).reference == "L-2"


@pytest.mark.parametrize("hidden", ["not responsible", "private", "no right to view"])
def test_who_may_create_but_not_see_creates_a_double_and_learns_nothing(cast: Cast, hidden: str) -> None:
    fields: dict[str, Any] = {"emails": ["peter@initech.example"], "branch": cast.branch}
    if hidden == "private":
        cast.let(cast.member, "view_contact")
        ContactFactory(**fields, private=True, responsible=cast.owner)
    elif hidden == "no right to view":
        cast.let(cast.member, "view_contact", Scope.NONE)
        ContactFactory(**fields, responsible=cast.member)
    else:
        ContactFactory(**fields, responsible=cast.owner)
    contact = Contact(branch=cast.branch, name="Peter", emails=["peter@initech.example"])
    assert create_record(contact, actor=cast.member).reference == "P-2"
