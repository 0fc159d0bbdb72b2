"""An account's own fields in the forms of its records, in the file of a list, and in their histories."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from django.test import Client

from apps.crm.models import Company, CustomField, Lead, Task
from tests.admin.people import all_but, browser, everything, form_of, make, staff, url
from tests.factories import Cast, CustomFieldFactory, LeadFactory, make_cast

pytestmark = pytest.mark.django_db
KINDS: dict[str, tuple[Any, Any, str]] = {
    "text": ("Blue", "Blue", "Blue"),
    "long_text": ("One\nTwo", "One\nTwo", "One"),
    "number": ("12.50", "12.5", "12.5"),
    "date": ("2027-01-31", "2027-01-31", "31 Jan 2027"),
    "flag": ("no", False, "No"),
    "choice": ("Red", "Red", "Red"),
    "choices": (["Blue", "Red"], ["Red", "Blue"], "Red, Blue"),
    "url": ("example.com/a", "https://example.com/a", 'href="https://example.com/a"'),
}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(cast: Cast) -> Client:
    return browser(staff(cast.branch, everything()))


def of_each_kind(cast: Cast, **values: Any) -> None:
    for kind in KINDS:
        choices = ["Red", "Blue"] if kind in CustomField.OF_CHOICES else []
        CustomFieldFactory(account=cast.account, key=kind, name=f"My {kind}", kind=kind, choices=choices, **values)


def sent() -> dict[str, Any]:
    return {f"custom_{kind}": typed for kind, (typed, _, _) in KINDS.items()}


def kept() -> dict[str, Any]:
    return {kind: stored for kind, (_, stored, _) in KINDS.items()}


def a_lead(cast: Cast, **custom: Any) -> Lead:
    lead: Lead = LeadFactory(branch=cast.branch, custom=custom)
    return lead


def test_a_new_record_is_made_with_them(cast: Cast, client: Client) -> None:
    of_each_kind(cast, required=True)
    data = form_of(client, url("lead", "add"), name="Printers", **sent())
    assert client.post(url("lead", "add"), data).status_code == 302
    assert Lead.objects.get(name="Printers").custom == kept()


def test_what_is_required_or_wrong_is_told_beside_its_field(cast: Cast, client: Client) -> None:
    of_each_kind(cast, required=True)
    page = client.post(url("lead", "add"), form_of(client, url("lead", "add"), name="Printers"))
    errors = page.context["adminform"].form.errors
    assert set(errors) == {f"custom_{kind}" for kind in KINDS}
    wrong = {"number": "1e99", "date": "soon", "flag": "maybe", "choice": "Pink", "choices": ["Pink"], "url": "x y"}
    wrong |= {"text": "x" * 256, "long_text": "a\0b"}
    data = form_of(client, url("lead", "add"), name="Printers")
    page = client.post(url("lead", "add"), data | {f"custom_{kind}": value for kind, value in wrong.items()})
    assert page.status_code == 200
    assert set(page.context["adminform"].form.errors) == {f"custom_{kind}" for kind in KINDS}
    assert not Lead.objects.exists()


def test_a_form_that_is_sent_back_as_it_came_changes_nothing(cast: Cast, client: Client) -> None:
    of_each_kind(cast)
    lead = a_lead(cast, **kept())
    before = Lead.objects.get(pk=lead.pk)
    assert client.post(url(lead), form_of(client, url(lead))).status_code == 302
    after = Lead.objects.get(pk=lead.pk)
    assert (after.custom, after.updated_at) == (kept(), before.updated_at)


def test_they_are_changed_and_emptied_and_the_history_says_so(cast: Cast, client: Client) -> None:
    of_each_kind(cast)
    lead = a_lead(cast, **kept())
    data = form_of(client, url(lead), custom_text="Green", custom_flag="", custom_number="", custom_choices=[])
    assert client.post(url(lead), data).status_code == 302
    lead.refresh_from_db()
    expected = kept() | {"text": "Green"}
    for kind in ("flag", "number", "choices"):
        del expected[kind]
    assert lead.custom == expected
    history = client.get(url(lead, "history")).content.decode()
    assert "My text" in history
    assert "My date" not in history


def test_who_may_only_look_reads_them(cast: Cast) -> None:
    of_each_kind(cast)
    lead = a_lead(cast, **kept() | {"text": "<b>Blue</b>"})
    client = browser(staff(cast.branch, all_but("change_lead", "assign_record")))
    page = client.get(url(lead))
    told = page.content.decode()
    assert not any(name.startswith("custom_") for name in page.context["adminform"].form.fields)
    for kind, (_, _, words) in KINDS.items():
        assert f"My {kind}" in told
        assert words in told
    assert "&lt;b&gt;Blue&lt;/b&gt;" in told
    assert "<b>Blue</b>" not in told
    assert client.post(url(lead), {"custom_text": "Mine"}).status_code == 403


def test_who_may_only_hand_over_cannot_send_them(cast: Cast) -> None:
    of_each_kind(cast)
    lead = a_lead(cast, **kept())
    client = browser(staff(cast.branch, all_but("change_lead")))
    data = {"responsible": str(cast.member.pk), "accept_hand_over": "1", "custom_text": "Mine"}
    client.post(url(lead), form_of(client, url(lead)) | data)
    lead.refresh_from_db()
    assert (lead.custom, lead.responsible) == (kept(), cast.member)


def test_what_is_retired_is_shown_where_it_says_something(cast: Cast, client: Client) -> None:
    CustomFieldFactory(account=cast.account, key="old", name="Old thing", offered=False, required=True)
    field = CustomFieldFactory(account=cast.account, key="tone", kind="choice", choices=["Red"])
    field.former_choices = ["Pink"]
    field.save()
    empty, filled = a_lead(cast), a_lead(cast, old="x", tone="Pink")
    assert "Old thing" not in client.get(url(empty)).content.decode()
    assert "Pink" not in client.get(url(empty)).content.decode()
    assert "Old thing" in client.get(url(filled)).content.decode()
    assert client.post(url(filled), form_of(client, url(filled), custom_old="")).status_code == 302
    filled.refresh_from_db()
    assert filled.custom == {"tone": "Pink"}


def test_another_accounts_and_another_types_fields_are_not_there(cast: Cast, client: Client) -> None:
    CustomFieldFactory(account=cast.elsewhere.account, name="Foreign thing")
    CustomFieldFactory(account=cast.account, record_type="company", name="Of companies")
    for address in (url("lead", "add"), url(make("lead", cast.branch)), url(make("activity", cast.branch))):
        told = client.get(address).content.decode()
        assert "Foreign thing" not in told
        assert "Of companies" not in told
        assert "Custom fields" not in told


def test_a_task_that_is_added_in_a_line_need_not_be_complete(cast: Cast, client: Client) -> None:
    CustomFieldFactory(account=cast.account, record_type="task", key="effort", required=True)
    lead = make("lead", cast.branch)
    page = client.get(url(lead))
    formset = next(each.formset for each in page.context["inline_admin_formsets"] if each.formset.model is Task)
    line = {
        f"{formset.prefix}-TOTAL_FORMS": "1",
        f"{formset.prefix}-0-name": "Call",
        f"{formset.prefix}-0-kind": "call",
    }
    assert client.post(url(lead), form_of(client, url(lead)) | line).status_code == 302
    assert Task.objects.get().custom == {}


def test_the_file_of_a_list_has_a_column_for_each(cast: Cast, client: Client) -> None:
    for kind in ("date", "flag", "choices", "text"):
        CustomFieldFactory(account=cast.account, record_type="company", key=kind, kind=kind)
    custom = {"date": "2027-01-31", "flag": True, "choices": ["Red", "Blue"], "text": "=1+1"}
    company = make("company", cast.branch, custom=custom)
    data = {"action": "export_selected", "_selected_action": [str(company.pk)]}
    response = client.post(url("company", "changelist"), data)
    (row,) = csv.DictReader(response.content.decode().splitlines())
    found = {name: row[f"custom_{name}"] for name in custom}
    assert found == {"date": "2027-01-31", "flag": "Yes", "choices": "Red; Blue", "text": "'=1+1"}
    assert Company.objects.get().custom == custom
