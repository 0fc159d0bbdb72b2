"""Nothing that is out of sight is named, counted, found, offered or accepted, on any page and in any way of asking."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from apps.crm.models import Change, Contact, Lead, Task
from apps.crm.services import records
from apps.roles.scopes import Scope
from tests.admin.people import TYPES, browser, everything, form_of, make, staff, url
from tests.factories import Cast, make_cast

pytestmark = pytest.mark.django_db
CANARY = "Kanarienvogel"
PART = CANARY[1:-1]
LINKS = [
    ("lead", "company"),
    ("lead", "contact"),
    ("contact", "company"),
    ("opportunity", "company"),
    ("opportunity", "contact"),
    ("opportunity", "lead"),
    ("task", "about_lead"),
    ("task", "about_contact"),
    ("task", "about_company"),
    ("task", "about_opportunity"),
]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def only_mine() -> dict[str, Scope]:
    """Every permission, but record permissions for own records only."""
    return everything() | {f"view_{record_type}": Scope.RESPONSIBLE for record_type in TYPES}


def target_of(link: str) -> str:
    return link.removeprefix("about_")


def pages(own: dict[str, Any]) -> list[str]:
    """Every page that shows records to a user with one record of each type, and every way of searching."""
    found = ["/admin/", f"/admin/search/?s={PART}", f"/admin/search/?s={PART}&extended=1"]
    for record_type, record in own.items():
        listing = url(record_type, "changelist")
        found += [listing, f"{listing}?q={PART}", f"{listing}?o=1", f"{listing}?p=1", url(record_type, "add")]
        found += [url(record, page) for page in ("change", "history", "rights", "delete")]
    found += [
        f"/admin/autocomplete/?app_label=crm&model_name={model}&field_name={field}&term=" for model, field in LINKS
    ]
    return found


def one_of_each(cast: Cast, **fields: Any) -> dict[str, Any]:
    return {record_type: make(record_type, cast.branch, **fields) for record_type in TYPES if record_type != "activity"}


def assert_silent(client: Client, own: dict[str, Any]) -> None:
    for address in pages(own):
        response = client.get(address)
        assert response.status_code == 200, address
        assert CANARY not in response.content.decode(), address


def test_no_page_names_what_another_tenant_or_an_unseen_colleague_has(cast: Cast) -> None:
    viewer = staff(cast.branch, only_mine())
    own = one_of_each(cast, responsible=viewer)
    hidden = {record_type: make(record_type, cast.branch, name=f"{CANARY} {record_type}") for record_type in own}
    for record_type in own:
        make(record_type, cast.elsewhere, name=f"{CANARY} foreign {record_type}")
    for model, field in LINKS:
        type(own[model]).objects.filter(pk=own[model].pk).update(
            **(dict.fromkeys(own[model].about_fields) | {field: hidden[target_of(field)]})
        )
        assert_silent(browser(viewer), own)
    make("activity", cast.branch, about=hidden["lead"], name=f"{CANARY} call", created_by=viewer, responsible=viewer)
    make("task", cast.branch, about=own["lead"], name=f"{CANARY} unseen task")
    assert_silent(browser(viewer), own)


def test_a_private_contact_leaves_no_trace_for_owner_and_superuser(cast: Cast) -> None:
    keeper = staff(cast.branch, everything())
    contact = Contact.objects.create(
        account=cast.account, branch=cast.branch, name=f"{CANARY} private", private=True, responsible=keeper
    )
    make("task", cast.branch, about=contact, name=f"{CANARY} task", responsible=keeper)
    make("activity", cast.branch, about=contact, name=f"{CANARY} note", created_by=keeper)
    boss = staff(cast.branch, everything())
    operator = staff(cast.branch, everything(), is_superuser=True)
    own = one_of_each(cast, responsible=boss)
    Lead.objects.filter(pk=own["lead"].pk).update(contact=contact)
    for viewer in (boss, operator):
        assert_silent(browser(viewer), own)
        assert browser(viewer).get(url(contact)).status_code == 404
        assert browser(viewer).get(url("contact", "changelist")).context["cl"].result_count == 1
    assert CANARY in browser(keeper).get(url("contact", "changelist")).content.decode()


@pytest.mark.parametrize(("model", "field"), LINKS)
def test_a_crafted_link_to_what_is_unseen_reads_as_one_to_nothing(cast: Cast, model: str, field: str) -> None:
    viewer = staff(cast.branch, only_mine())
    record = make(model, cast.branch, responsible=viewer)
    hidden = make(target_of(field), cast.branch, name=CANARY)
    foreign = make(target_of(field), cast.elsewhere, name=CANARY)
    client = browser(viewer)
    answers = []
    for pk in (hidden.pk, foreign.pk, 10**9):
        response = client.post(url(record), form_of(client, url(record), **{field: str(pk)}))
        assert response.status_code == 200
        answers.append(response.context["adminform"].form.errors[field])
    assert answers[0] == answers[1] == answers[2]
    record.refresh_from_db()
    assert getattr(record, field) is None


@pytest.mark.parametrize(("model", "field"), LINKS)
def test_a_link_in_the_address_of_a_new_record_is_not_shown_when_unseen(cast: Cast, model: str, field: str) -> None:
    viewer = staff(cast.branch, only_mine())
    hidden = make(target_of(field), cast.branch, name=CANARY)
    page = browser(viewer).get(f"{url(model, 'add')}?{field}={hidden.pk}")
    assert CANARY not in page.content.decode()


def test_saving_a_form_keeps_the_link_that_its_reader_cannot_see(cast: Cast) -> None:
    viewer = staff(cast.branch, only_mine())
    hidden = make("company", cast.branch, name=CANARY)
    lead = make("lead", cast.branch, responsible=viewer, company=hidden)
    client = browser(viewer)
    data = form_of(client, url(lead), name="Renamed")
    assert data["company"] == ""
    assert client.post(url(lead), data).status_code == 302
    lead.refresh_from_db()
    assert Lead.objects.filter(pk=lead.pk, name="Renamed", company=hidden.pk).exists()


def test_history_shows_no_trace_of_a_link_out_of_sight(cast: Cast) -> None:
    boss = staff(cast.branch, everything())
    viewer = staff(cast.branch, only_mine())
    lead = make("lead", cast.branch, responsible=viewer)
    hidden = make("company", cast.branch, name=CANARY)
    records.update_record(lead, actor=boss, changes={"company": hidden})
    page = browser(viewer).get(url(lead, "history")).content.decode()
    assert CANARY not in page
    assert hidden.reference not in page
    assert str(boss) not in page
    assert CANARY in browser(boss).get(url(lead, "history")).content.decode()


def test_a_branch_of_another_account_is_no_choice(cast: Cast) -> None:
    viewer = staff(cast.branch, everything())
    lead = make("lead", cast.branch)
    client = browser(viewer)
    answers = []
    for pk in (cast.elsewhere.pk, cast.branch_beside().pk, 10**9):
        response = client.post(url(lead), form_of(client, url(lead), branch=str(pk)))
        answers.append(response.context["adminform"].form.errors["branch"])
    assert answers[0] == answers[1] == answers[2]
    lead.refresh_from_db()
    assert lead.branch == cast.branch


def test_a_responsible_from_elsewhere_is_no_choice(cast: Cast) -> None:
    viewer = staff(cast.branch, everything())
    lead = make("lead", cast.branch, responsible=viewer)
    client = browser(viewer)
    page = client.get(url(lead)).content.decode()
    assert str(cast.outsider) not in page
    response = client.post(url(lead), form_of(client, url(lead), responsible=str(cast.outsider.pk)))
    assert "responsible" in response.context["adminform"].form.errors
    lead.refresh_from_db()
    assert lead.responsible == viewer


def test_filters_offer_only_colleagues_and_branches_in_sight(cast: Cast) -> None:
    beside = cast.branch_beside("Geheim")
    stranger = cast.join(branch=beside)
    viewer = staff(cast.branch, everything())
    page = browser(viewer).get(url("lead", "changelist")).content.decode()
    assert str(cast.member) in page
    assert "Geheim" not in page
    assert f"responsible={stranger.pk}" not in page
    assert str(cast.outsider) not in page


@pytest.mark.parametrize(
    "query", ["name__icontains=a", "company__name=x", "responsible__email__startswith=a", "_facets=1"]
)
def test_a_free_lookup_answers_nothing(cast: Cast, query: str) -> None:
    hidden = make("company", cast.branch, name=CANARY)
    make("lead", cast.branch, company=hidden)
    response = browser(staff(cast.branch, everything())).get(f"{url('lead', 'changelist')}?{query}")
    assert response.status_code in {200, 302, 400}
    if response.status_code == 200:
        assert "facets" in query
        assert not response.context["cl"].add_facets


@pytest.mark.parametrize("page", ["changelist", "add"])
def test_a_record_is_picked_by_its_id_only(cast: Cast, page: str) -> None:
    response = browser(staff(cast.branch, everything())).get(f"{url('lead', page)}?_to_field=name&_popup=1")
    assert response.status_code == 400


def test_what_goes_along_with_a_deletion_is_told_as_far_as_it_is_seen(cast: Cast) -> None:
    viewer = staff(cast.branch, everything() | {"view_activity": Scope.CREATED, "view_task": Scope.CREATED})
    lead = make("lead", cast.branch, responsible=viewer)
    make("activity", cast.branch, about=lead, name="My own call", created_by=viewer)
    make("activity", cast.branch, about=lead, name=CANARY)
    make("task", cast.branch, about=lead, name=CANARY)
    client = browser(viewer)
    page = client.get(url(lead, "delete"))
    assert "My own call" in page.content.decode()
    assert CANARY not in page.content.decode()
    assert dict(page.context["model_count"]) == {"leads": 1, "activities": 1}
    client.post(url(lead, "delete"), {"post": "yes"})
    assert not Lead.objects.filter(pk=lead.pk).exists()
    assert Task.objects.filter(name=CANARY, about_lead=None).exists()


def test_the_admin_keeps_no_log_of_its_own(cast: Cast) -> None:
    boss = staff(cast.branch, everything())
    lead = make("lead", cast.branch, responsible=boss)
    client = browser(boss)
    client.post(url(lead), form_of(client, url(lead), name="Renamed"))
    client.post(url(lead, "delete"), {"post": "yes"})
    assert not LogEntry.objects.exists()
    assert [change.action for change in Change.objects.filter(record_id=lead.pk)] == ["deleted", "changed"]
