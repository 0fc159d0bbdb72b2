"""What records say in an account's own fields: one form for each kind, the record's own rights, and a history."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.access.errors import MissingPermission
from apps.crm.errors import NoSuchRecord
from apps.crm.models import Activity, Change, Company, CustomField, Lead
from apps.crm.services import create_record, history_of, update_record
from apps.crm.services.history import FieldChange
from tests.factories import Cast, CompanyFactory, CustomFieldFactory, LeadFactory


def own(cast: Cast, kind: str = "text", **values: Any) -> CustomField:
    """A field of leads, whose key is `extra` and whose name is Extra."""
    choices = ["Red", "Green", "Blue"] if kind in CustomField.OF_CHOICES else []
    field: CustomField = CustomFieldFactory(
        **{"account": cast.account, "kind": kind, "key": "extra", "name": "Extra", "choices": choices} | values
    )
    return field


def put(cast: Cast, value: Any, lead: Lead | None = None, key: str = "extra") -> Any:
    """Return the stored value after the field was filled in with this."""
    lead = lead or LeadFactory(branch=cast.branch, responsible=cast.member)
    update_record(lead, actor=cast.member, changes={"custom": {key: value}})
    lead.refresh_from_db()
    return lead.custom.get(key)


def refusal(cast: Cast, value: Any, **more: Any) -> str:
    """Why the field cannot be filled in with this."""
    with pytest.raises(ValidationError) as refused:
        put(cast, value, **more)
    ((slot, sentences),) = refused.value.message_dict.items()
    assert slot == f"custom_{more.get('key', 'extra')}"
    return str(" ".join(sentences))


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("text", "  Blue pencils ", "Blue pencils"),
        ("text", "  ", None),
        ("long_text", "one\n\ntwo", "one\n\ntwo"),
        ("number", 12, "12"),
        ("number", Decimal("12.500"), "12.5"),
        ("number", "-0.00", "0"),
        ("number", "1e3", "1000"),
        ("number", Decimal("99999999999999.999999"), "99999999999999.999999"),
        ("date", date(2027, 1, 31), "2027-01-31"),
        ("date", "2027-01-31", "2027-01-31"),
        ("flag", True, True),
        ("flag", False, False),
        ("choice", "Green", "Green"),
        ("choice", "", None),
        ("choices", ["Blue", "Red", "Blue"], ["Red", "Blue"]),
        ("choices", [], None),
        ("url", " https://example.com/a?b=c ", "https://example.com/a?b=c"),
        ("text", None, None),
    ],
)
def test_each_kind_is_kept_in_one_form(cast: Cast, kind: str, value: Any, kept: Any) -> None:
    own(cast, kind)
    found = put(cast, value)
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("text", "x" * 256, "Enter 255 characters at most. This has 256."),
        ("text", "one\ntwo", "on one line, without invisible characters (here: U+000A)"),
        ("text", "a\0b", "without invisible characters (here: U+0000)"),
        ("text", "\ud800", "without invisible characters (here: U+D800)"),
        ("long_text", "a\x1bb", "an invisible control character (U+001B)"),
        ("text", 5, "Enter text."),
        ("text", {"a": 1}, "Enter text."),
        ("long_text", "x" * 10_001, "Enter 10000 characters at most"),
        ("number", "twelve", "Enter a number."),
        ("number", "NaN", "Enter a number."),
        ("number", "Infinity", "Enter a number."),
        ("number", True, "Enter a number."),
        ("number", [1], "Enter a number."),
        ("number", "1e1000000", " digits at most"),
        ("number", 10**14, " digits at most"),
        ("number", "0.0000001", "Enter 6 decimal places at most"),
        ("number", "1e-1000000", "Enter 6 decimal places at most"),
        ("number", "9" * 5000, " digits at most"),
        ("date", "31.01.2027", "Enter a date, such as"),
        ("date", datetime(2027, 1, 31, tzinfo=UTC), "Enter a date, such as"),
        ("date", 20270131, "Enter a date, such as"),
        ("flag", "yes", "Choose yes or no."),
        ("flag", 1, "Choose yes or no."),
        ("choice", "Pink", "“Pink” is not one of the choices."),
        ("choice", ["Red"], "is not one of the choices."),
        ("choices", ["Red", "Pink"], "“Pink” is not one of the choices."),
        ("choices", "Red", "Choose from the list."),
        ("choices", [["Red"]], "is not one of the choices."),
        ("url", "javascript:alert(1)", "Enter a web address"),
        ("url", "ftp://example.com", "Enter a web address"),
        ("url", "https://example.com/" + "a" * 300, "Enter 300 characters at most"),
    ],
)
def test_what_is_no_value_of_the_kind_is_refused_by_the_fields_name(
    cast: Cast, kind: str, value: Any, told: str
) -> None:
    own(cast, kind)
    sentence = refusal(cast, value)
    assert sentence.startswith("“Extra”: ")
    assert told in sentence
    assert not Lead.objects.exclude(custom={}).exists()


def test_only_what_is_named_changes(cast: Cast) -> None:
    own(cast)
    CustomFieldFactory(account=cast.account, key="other")
    lead = LeadFactory(branch=cast.branch, responsible=cast.member, custom={"extra": "a", "other": "b"})
    changed = update_record(lead, actor=cast.member, changes={"custom": {"extra": "c"}})
    assert changed.custom == {"extra": "c", "other": "b"}
    assert update_record(lead, actor=cast.member, changes={"custom": {"other": None}}).custom == {"extra": "c"}


def test_there_is_no_field_but_the_accounts_own_ones_of_that_type(cast: Cast) -> None:
    CustomFieldFactory(account=cast.elsewhere.account, key="foreign")
    CustomFieldFactory(account=cast.account, record_type="company", key="of_companies")
    for key in ("foreign", "of_companies", "nothing"):
        assert refusal(cast, "x", key=key) == f"The field “{key}” doesn’t exist."
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    activity = Activity(branch=cast.branch, about_lead=lead)
    create_record(activity, actor=cast.member)
    with pytest.raises(ValueError, match="custom of a activity"):
        update_record(activity, actor=cast.member, changes={"custom": {"extra": "x"}})


def test_it_follows_the_rights_on_the_record(cast: Cast) -> None:
    own(cast)
    lead = LeadFactory(branch=cast.branch, responsible=cast.owner)
    with pytest.raises(NoSuchRecord):
        update_record(lead, actor=cast.member, changes={"custom": {"extra": "x"}})
    company = CompanyFactory(branch=cast.branch, responsible=cast.owner)
    CustomFieldFactory(account=cast.account, record_type="company", key="extra", kind="number")
    cast.let(cast.member, "view_company")
    with pytest.raises(MissingPermission) as refused:
        update_record(company, actor=cast.member, changes={"custom": {"extra": "no number"}})
    assert refused.value.codename == "change_company"


def test_a_required_field_is_asked_for_when_a_record_is_made_and_not_emptied(cast: Cast) -> None:
    own(cast, required=True)
    with pytest.raises(ValidationError, match="“Extra”: This field is required"):
        create_record(Lead(name="Printers", branch=cast.branch), actor=cast.member)
    made = Lead(name="Printers", branch=cast.branch, responsible=cast.member, custom={"extra": " x "})
    lead = create_record(made, actor=cast.member)
    assert lead.custom == {"extra": "x"}
    assert refusal(cast, "", lead=lead) == "“Extra”: This field is required."
    assert create_record(Lead(name="Desks", branch=cast.branch), actor=cast.member, complete=False).custom == {}


def test_a_record_from_before_the_rule_can_be_changed_otherwise(cast: Cast) -> None:
    own(cast, required=True)
    CustomFieldFactory(account=cast.account, key="other")
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    assert update_record(lead, actor=cast.member, changes={"city": "Kiel"}).city == "Kiel"
    assert put(cast, "x", lead=lead, key="other") == "x"


def test_what_is_no_longer_offered_stays_and_is_corrected_where_it_is(cast: Cast) -> None:
    own(cast, offered=False, required=True)
    assert refusal(cast, "new") == "“Extra”: This field is no longer offered."
    lead = LeadFactory(branch=cast.branch, responsible=cast.member, custom={"extra": "old"})
    assert put(cast, "older", lead=lead) == "older"
    assert put(cast, None, lead=lead) is None


@pytest.mark.parametrize(("kind", "had"), [("choice", "Pink"), ("choices", ["Red", "Pink"])])
def test_a_former_choice_stays_with_the_record_that_has_it(cast: Cast, kind: str, had: Any) -> None:
    own(cast, kind, former_choices=["Pink"])
    lead = LeadFactory(branch=cast.branch, responsible=cast.member, custom={"extra": had})
    assert put(cast, had, lead=lead) == had
    if kind == "choices":
        assert put(cast, ["Pink", "Green"], lead=lead) == ["Green", "Pink"]
    assert "“Pink” is not one of the choices." in refusal(cast, had)


def test_its_history_tells_it_by_name_before_and_after(cast: Cast) -> None:
    own(cast, "date")
    CustomFieldFactory(account=cast.account, key="vip", name="Very important", kind="flag")
    CustomFieldFactory(account=cast.account, key="tones", name="Tones", kind="choices", choices=["Red", "Blue"])
    lead = LeadFactory(branch=cast.branch, responsible=cast.member, custom={"extra": "2027-01-31", "vip": True})
    changes = {"city": "Kiel", "custom": {"extra": "2027-02-01", "vip": None, "tones": ["Blue", "Red"]}}
    update_record(lead, actor=cast.member, changes=changes)
    (entry,) = history_of(lead, reader=cast.owner)
    assert sorted(entry.lines, key=lambda line: line.label) == [
        FieldChange("City", "", "Kiel"),
        FieldChange("Extra", "31 Jan 2027", "1 Feb 2027"),
        FieldChange("Tones", "", "Red, Blue"),
        FieldChange("Very important", "Yes", ""),
    ]
    CustomField.objects.filter(key="extra").update(name="Renamed")
    CustomField.objects.filter(key="vip").delete()
    (entry,) = history_of(lead, reader=cast.owner)
    assert {line.label for line in entry.lines} == {"City", "Renamed", "Tones", "Vip"}


def test_what_comes_to_the_same_is_no_change(cast: Cast) -> None:
    own(cast, "number")
    lead = LeadFactory(branch=cast.branch, responsible=cast.member, custom={"extra": "12"})
    put(cast, Decimal("12.00"), lead=lead)
    assert not Change.objects.filter(record_id=lead.pk).exists()


def test_a_record_as_it_was_is_not_hindered_by_it(cast: Cast) -> None:
    own(cast)
    company: Company = CompanyFactory(branch=cast.branch, responsible=cast.member)
    CustomFieldFactory(account=cast.account, record_type="company", key="extra")
    before = timezone.now() + timedelta(microseconds=1)
    changes = {"custom": {"extra": "x"}, "responsible": cast.owner}
    Company.objects.filter(pk=company.pk).update(created_at=before - timedelta(days=1))
    update_record(company, actor=cast.owner, changes=changes)
    found = Company.as_of(cast.account.pk, company.reference, before)
    assert getattr(found.record, "responsible_id", None) == cast.member.pk
    assert "responsible changed later" in found.source
