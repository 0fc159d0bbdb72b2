"""The page of an account's own fields."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.crm.models import CustomField
from tests.admin.people import all_but, browser, make, staff
from tests.factories import Cast, CustomFieldFactory, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(cast: Cast) -> Client:
    return browser(cast.owner)


def page_of(cast: Cast, rest: str = "") -> str:
    return f"/a/{cast.account.slug}/settings/custom-fields/{rest}"


def test_a_field_is_added_and_stands_under_its_record_type(cast: Cast, client: Client) -> None:
    assert "No custom fields yet" in client.get(page_of(cast)).content.decode()
    sent = {"record_type": "lead", "name": "Colour", "kind": "choice", "choices": " Red\n\nDeep  blue\r\nRed\n"}
    assert client.post(page_of(cast), sent | {"required": "on", "help_text": "Of the car"}).status_code == 302
    field = CustomField.objects.get()
    assert (field.account, field.key, field.choices) == (cast.account, "colour", ["Red", "Deep blue"])
    assert (field.required, field.help_text, field.position) == (True, "Of the car", 0)
    page = client.get(page_of(cast))
    assert [(heading, list(rows)) for heading, rows in page.context["groups"]] == [("Leads", [field])]
    told = page.content.decode()
    assert "Choice: Red, Deep blue · required" in told
    assert "Field “Colour” added." in told


def test_what_is_wrong_is_told_at_its_field_and_nothing_is_stored(cast: Cast, client: Client) -> None:
    CustomFieldFactory(account=cast.account, name="Colour")
    for sent, told in (
        ({}, "This field is required."),
        ({"name": "Colour"}, "“Colour” is already in the list."),
        ({"name": "New", "record_type": "activity"}, "Select a valid choice."),
        ({"name": "New", "kind": "poem"}, "Select a valid choice."),
        ({"name": "New", "kind": "choice"}, "Enter the choices"),
        ({"name": "New", "choices": "Red"}, "Only choice fields have choices"),
        ({"name": "New", "kind": "choice", "choices": "x" * 61}, "60 characters"),
        ({"name": "x" * 61}, "at most 60 characters"),
        ({"name": "a\0b"}, "Null characters are not allowed."),
        ({"name": "New", "help_text": "x" * 201}, "at most 200 characters"),
    ):
        page = client.post(page_of(cast), {"record_type": "lead", "kind": "text"} | sent)
        assert page.status_code == 200
        assert told in page.content.decode(), sent
    assert CustomField.objects.count() == 1


def test_neither_key_nor_account_nor_type_can_be_sent_along(cast: Cast, client: Client) -> None:
    field = CustomFieldFactory(account=cast.account, key="colour", name="Colour")
    sent = {
        "name": "Paint",
        "kind": "text",
        "key": "other",
        "account": str(cast.elsewhere.account.pk),
        "record_type": "task",
        "former_choices": "a",
        "position": "7",
        "offered": "",
    }
    assert client.post(page_of(cast, f"{field.pk}/"), sent).status_code == 302
    field.refresh_from_db()
    assert (field.name, field.key, field.account, field.record_type) == ("Paint", "colour", cast.account, "lead")
    assert (field.former_choices, field.position, field.offered) == ([], 0, True)


def test_the_kind_of_what_is_in_use_stays(cast: Cast, client: Client) -> None:
    field = CustomFieldFactory(account=cast.account, key="colour", name="Colour")
    make("lead", cast.branch, custom={"colour": "Red"})
    page = client.get(page_of(cast, f"{field.pk}/"))
    assert "Records use this field, so you can’t change its type." in page.content.decode()
    assert set(page.context["form"].fields) == {"name", "kind", "required", "help_text"}
    client.post(page_of(cast, f"{field.pk}/"), {"name": "Colour", "kind": "number"})
    field.refresh_from_db()
    assert field.kind == "text"


def test_a_choice_in_use_is_no_longer_offered_and_not_lost(cast: Cast, client: Client) -> None:
    field = CustomFieldFactory(account=cast.account, key="colour", kind="choice", choices=["Red", "Blue"])
    make("lead", cast.branch, custom={"colour": "Red"})
    client.post(page_of(cast, f"{field.pk}/"), {"name": "Colour", "kind": "choice", "choices": "Green"})
    field.refresh_from_db()
    assert (field.choices, field.former_choices) == (["Green"], ["Red"])
    assert "Red" in client.get(page_of(cast, f"{field.pk}/")).content.decode()


def test_fields_are_put_in_order_retired_and_offered_again(cast: Cast, client: Client) -> None:
    one, two = (CustomFieldFactory(account=cast.account, name=name) for name in ("One", "Two"))
    CustomFieldFactory(account=cast.account, name="Elsewhere", record_type="company")
    client.post(page_of(cast, f"{two.pk}/arrange/"), {"act": "up"})
    assert list(CustomField.objects.filter(record_type="lead")) == [two, one]
    client.post(page_of(cast, f"{two.pk}/arrange/"), {"act": "retire"})
    two.refresh_from_db()
    assert not two.offered
    assert "no longer offered" in client.get(page_of(cast)).content.decode()
    client.post(page_of(cast, f"{two.pk}/arrange/"), {"act": "offer"})
    two.refresh_from_db()
    assert two.offered
    assert client.post(page_of(cast, f"{two.pk}/arrange/"), {"act": "sideways"}).status_code == 404


def test_what_is_in_use_is_not_deleted_whoever_may_see_it(cast: Cast) -> None:
    field = CustomFieldFactory(account=cast.account, key="colour", name="Colour")
    make("lead", cast.branch, name="Deep Throat", custom={"colour": "Red"})
    client = browser(staff(cast.branch, ["manage_custom_fields"]))
    refused = client.post(page_of(cast, f"{field.pk}/delete/")).content.decode()
    assert "“Colour” is in use." in refused
    assert "Deep Throat" not in refused
    assert CustomField.objects.exists()


def test_what_no_record_has_is_deleted(cast: Cast, client: Client) -> None:
    field = CustomFieldFactory(account=cast.account)
    assert client.post(page_of(cast, f"{field.pk}/delete/")).status_code == 302
    assert not CustomField.objects.exists()


def test_without_the_right_the_page_names_it(cast: Cast) -> None:
    field = CustomFieldFactory(account=cast.account)
    client = browser(staff(cast.branch, all_but("manage_custom_fields")))
    for address in (page_of(cast), page_of(cast, f"{field.pk}/"), page_of(cast, f"{field.pk}/delete/")):
        for response in (client.get(address), client.post(address, {"name": "x"})):
            assert response.status_code == 403
            assert "Manage custom fields" in response.content.decode()
    overview = client.get(f"/a/{cast.account.slug}/settings/").content.decode()
    assert "You need “Manage custom fields”" in overview


@pytest.mark.parametrize("rest", ["", "arrange/", "delete/"])
def test_anothers_field_a_huge_number_and_none_are_the_same(cast: Cast, client: Client, rest: str) -> None:
    foreign = CustomFieldFactory(account=cast.elsewhere.account)
    for pk in (foreign.pk, foreign.pk + 1000, 2**63, 10**30):
        assert client.post(page_of(cast, f"{pk}/{rest}"), {"act": "retire"}).status_code == 404
    assert CustomField.objects.get().offered
