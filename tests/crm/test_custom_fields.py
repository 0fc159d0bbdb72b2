"""The fields that an account adds to its records: who may, what stays as it was made, and what is in use."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from apps.access.errors import MissingPermission
from apps.crm.errors import EntryInUse, KindInUse
from apps.crm.models import CustomField, Lead
from apps.crm.services import customfields, update_record
from apps.crm.services.customfields import delete_field, move_field, save_field
from tests.factories import Cast, CustomFieldFactory, LeadFactory, make_cast
from tests.waiting import until_somebody_waits


def made(cast: Cast, name: str = "Fleet size", **values: Any) -> CustomField:
    return save_field(
        CustomField(**{"account": cast.account, "record_type": "lead", "name": name} | values), actor=cast.owner
    )


def test_fields_are_managed_with_a_permission(cast: Cast) -> None:
    field = made(cast)
    for attempt in (
        lambda: save_field(CustomField(account=cast.account, record_type="lead", name="More"), actor=cast.member),
        lambda: save_field(field, actor=cast.outsider),
        lambda: delete_field(field, actor=cast.member),
        lambda: move_field(field, actor=cast.member, up=True),
    ):
        with pytest.raises(MissingPermission) as refused:
            attempt()
        assert (refused.value.codename, refused.value.target) == ("manage_custom_fields", cast.account)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Fleet size", "fleet_size"),
        ("Élan & co.", "elan_co"),
        ("日本", "field"),
        ("x" * 60, "x" * 50),
        ("-", "field"),
    ],
)
def test_a_key_is_made_of_the_name_once(cast: Cast, name: str, key: str) -> None:
    field = made(cast, name)
    assert field.key == key
    field.name, field.key, field.record_type = "Another name", "another", "task"
    save_field(field, actor=cast.owner)
    field.refresh_from_db()
    assert (field.name, field.key, field.record_type) == ("Another name", key, "lead")


def test_keys_do_not_meet_and_names_stand_once(cast: Cast) -> None:
    keys = [made(cast, name).key for name in ("Fleet size", "Fleet-size", "Fleet: size")]
    assert keys == ["fleet_size", "fleet_size_2", "fleet_size_3"]
    with pytest.raises(ValidationError, match="“Fleet size” is already in the list"):
        made(cast)
    assert made(cast, record_type="task").key == "fleet_size"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"kind": "choice"}, "Enter the choices"),
        ({"choices": ["Red"]}, "Only choice fields have choices"),
        ({"kind": "choices", "choices": [str(n) for n in range(101)]}, "Enter 100 choices at most"),
        ({"kind": "choice", "choices": ["x" * 61]}, "60"),
        ({"kind": "colour"}, "colour"),
        ({"record_type": "activity"}, "don’t support custom fields"),
        ({"name": ""}, "blank"),
        ({"name": "x" * 61}, "60"),
    ],
)
def test_what_cannot_be_a_field_is_refused(cast: Cast, values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        made(cast, **values)
    assert not CustomField.objects.exists()


def test_a_type_has_so_many_fields_at_most(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customfields, "MOST_FIELDS", 2)
    made(cast, "One")
    made(cast, "Two", offered=False)
    with pytest.raises(ValidationError, match="You can have 2 fields at most"):
        made(cast, "Three")
    made(cast, "Three", record_type="task")


def test_a_field_is_moved_among_those_of_its_type(cast: Cast) -> None:
    one, two = made(cast, "One"), made(cast, "Two")
    made(cast, "Elsewhere", record_type="task")
    move_field(two, actor=cast.owner, up=True)
    move_field(two, actor=cast.owner, up=True)
    assert list(CustomField.objects.filter(record_type="lead").values_list("name", flat=True)) == ["Two", "One"]
    move_field(two, actor=cast.owner, up=False)
    assert list(CustomField.objects.filter(record_type="lead").values_list("name", flat=True)) == ["One", "Two"]
    one.refresh_from_db()
    assert one.position == 0


def test_what_is_in_use_is_not_deleted_and_stays_of_its_kind(cast: Cast) -> None:
    field = made(cast)
    LeadFactory(branch=cast.branch, name="Deep Throat", custom={"fleet_size": "12"})
    LeadFactory(branch=cast.elsewhere)
    with pytest.raises(EntryInUse, match="Fleet size is in use"):
        delete_field(field, actor=cast.owner)
    field.kind = "number"
    with pytest.raises(KindInUse):
        save_field(field, actor=cast.owner)
    field.refresh_from_db()
    assert field.kind == "text"


def test_what_no_record_of_the_account_has_goes_and_changes(cast: Cast) -> None:
    field = made(cast)
    LeadFactory(branch=cast.elsewhere, custom={"fleet_size": "12"})
    field.kind = "number"
    assert save_field(field, actor=cast.owner).kind == "number"
    delete_field(field, actor=cast.owner)
    assert not CustomField.objects.exists()


@pytest.mark.parametrize("kind", ["choice", "choices"])
def test_a_choice_that_a_record_has_is_kept_as_a_former_one(cast: Cast, kind: str) -> None:
    field = made(cast, "Colour", kind=kind, choices=["Red", "Green", "Blue"])
    LeadFactory(branch=cast.branch, custom={"colour": "Green" if kind == "choice" else ["Green"]})
    field.choices = ["Red"]
    save_field(field, actor=cast.owner)
    assert (field.choices, field.former_choices) == (["Red"], ["Green"])
    field.choices = ["Red", "Green"]
    save_field(field, actor=cast.owner)
    assert field.former_choices == []


@pytest.mark.django_db(transaction=True)
def test_a_field_does_not_go_while_a_value_is_being_written() -> None:
    cast = make_cast()
    field: CustomField = CustomFieldFactory(account=cast.account, key="extra")
    lead: Lead = LeadFactory(branch=cast.branch, responsible=cast.member)

    def delete() -> str:
        try:
            delete_field(field, actor=cast.owner)
        except EntryInUse:
            return "in use"
        finally:
            connection.close()
        return "deleted"

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            update_record(lead, actor=cast.member, changes={"custom": {"extra": "x"}})
            answer = pool.submit(delete)
            until_somebody_waits()
        assert answer.result() == "in use"
    assert Lead.objects.get(pk=lead.pk).custom == {"extra": "x"}
