"""E-mail addresses, phone numbers, tags and amounts are stored in the form that they are compared in."""

from __future__ import annotations

import phonenumbers
import pytest
from django.core.exceptions import ValidationError
from djmoney.money import Money
from hypothesis import given
from hypothesis import strategies as st

from apps.crm.models import Company, Contact, Lead
from apps.crm.models.fields import normalised_phone
from tests.factories import BranchFactory, CompanyFactory, ContactFactory, LeadFactory, OpportunityFactory, TaskFactory

pytestmark = pytest.mark.django_db


def stored(contact: Contact) -> Contact:
    return Contact.objects.get(pk=contact.pk)


def test_addresses_are_kept_in_small_letters_each_once_and_in_their_order() -> None:
    contact = ContactFactory(emails=[" Zoe@Example.com", "al@example.com", "ZOE@example.COM", " "])
    assert stored(contact).emails == ["zoe@example.com", "al@example.com"]


def test_a_number_is_kept_in_international_form_where_it_can_be_read() -> None:
    contact = ContactFactory(phones=["+49 (0)30 1234-5678", "030 12345678", "extension 12"])
    assert stored(contact).phones == ["+493012345678", "030 12345678", "extension 12"]


def test_the_record_s_country_says_how_a_national_number_is_meant() -> None:
    contact = ContactFactory(country="DE", phones=["030 12345678", "+493012345678"])
    assert stored(contact).phones == ["+493012345678"]


def test_a_country_that_there_is_not_leaves_the_number_as_it_was_typed() -> None:
    assert stored(ContactFactory(country="QQ", phones=["030  12345678"])).phones == ["030 12345678"]


def test_tags_are_kept_in_small_letters() -> None:
    assert stored(ContactFactory(tags=["VIP", " vip ", "Big  Fish"])).tags == ["vip", "big fish"]


def test_rows_created_in_bulk_are_brought_into_form_too() -> None:
    branch = BranchFactory()
    Company.objects.bulk_create(
        [Company(account=branch.account, branch=branch, reference="C-1", name="Initech", emails=["A@B.example"])]
    )
    assert Company.objects.get().emails == ["a@b.example"]


def test_what_is_no_address_is_refused_by_validation() -> None:
    with pytest.raises(ValidationError, match="valid email"):
        ContactFactory.build(emails=["nobody"]).clean_fields()


def test_an_amount_has_a_currency_of_its_own() -> None:
    lead = LeadFactory(value=Money("12.50", "CHF"))
    assert Lead.objects.get(pk=lead.pk).value == Money("12.50", "CHF")
    assert Lead.objects.filter(value__gt=12, value_currency="CHF").exists()
    assert OpportunityFactory().amount is None


def test_the_postal_address_is_one_line() -> None:
    company = CompanyFactory(street="Main St 1", postal_code="10115", city="Berlin", country="DE")
    assert company.postal_address == "Main St 1, 10115 Berlin, DE"
    assert CompanyFactory().postal_address == ""


def test_a_record_is_called_by_its_name_or_else_by_its_reference() -> None:
    assert str(CompanyFactory(name="Initech")) == "Initech"
    assert str(TaskFactory(name="")) == "T-1"


def test_being_about_one_record_is_being_about_no_other() -> None:
    contact = ContactFactory()
    task = TaskFactory(about=contact)
    lead = LeadFactory(branch=contact.branch)
    task.set_about(lead)
    assert (task.about, task.about_contact) == (lead, None)
    task.set_about(None)
    assert task.about is None
    with pytest.raises(KeyError):
        task.set_about(TaskFactory())


@given(
    st.sampled_from([*phonenumbers.COUNTRY_CODE_TO_REGION_CODE, 999, 0]),
    st.sampled_from(["", "0", "00", "1", "8", "01", "9"]),
    st.text("0123456789", max_size=13),
    st.booleans(),
)
def test_an_international_number_is_what_the_library_makes_of_it(code: int, prefix: str, rest: str, real: bool) -> None:
    region = phonenumbers.region_code_for_country_code(code)
    known = phonenumbers.example_number(region) if real else None
    typed = f"+{code}{prefix}{known.national_number if known is not None else rest}"
    try:
        parsed = phonenumbers.parse(typed, "IT")
        form = phonenumbers.PhoneNumberFormat.E164
        expected = phonenumbers.format_number(parsed, form) if phonenumbers.is_valid_number(parsed) else typed
    except phonenumbers.NumberParseException:
        expected = typed
    assert normalised_phone(typed, "IT") == expected
