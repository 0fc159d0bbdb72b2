"""Forms, rows inside a page and bulk actions write through the services, and only what each record's rights allow."""

from __future__ import annotations

from typing import Any

import pytest
import vobject
from django.test import Client
from zeal import zeal_ignore

from apps.crm.models import Activity, Contact, Lead, LeadStatus, Task
from apps.roles.models import RoleGrant
from apps.roles.scopes import Scope
from tests.admin.people import all_but, browser, everything, form_of, make, staff, url
from tests.factories import Cast, OwnRoleFactory, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def act(client: Client, record_type: str, action: str, *records: Any, **more: str) -> Any:
    data = {"action": action, "_selected_action": [str(record.pk) for record in records], **more}
    return client.post(url(record_type, "changelist"), data, follow=True)


def told(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_a_new_lead_is_its_creators_own(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    client = browser(person)
    value = {"value_0": "1200", "value_1": "EUR"}
    data = form_of(client, url("lead", "add"), name="Sixty desks", emails=["a@b.example"], **value)
    response = client.post(url("lead", "add"), data)
    assert response.status_code == 302
    lead = Lead.objects.get(name="Sixty desks")
    assert (lead.branch, lead.responsible, lead.created_by) == (cast.branch, person, person)
    assert (str(lead.value.amount), lead.emails, lead.reference) == ("1200.00", ["a@b.example"], "L-1")


def test_a_double_is_told_and_kept_when_saved_again(cast: Cast) -> None:
    client = browser(staff(cast.branch, everything()))
    make("company", cast.branch, name="Initech")
    data = form_of(client, url("company", "add"), name="Initech")
    page = client.post(url("company", "add"), data)
    assert page.status_code == 200
    assert "Possible duplicate of" in page.content.decode()
    assert 'name="accept_doubles"' in page.content.decode()
    assert client.post(url("company", "add"), data | {"accept_doubles": "1"}).status_code == 302


def test_what_a_service_refuses_is_told_at_its_field_and_nothing_is_kept(cast: Cast) -> None:
    client = browser(staff(cast.branch, everything()))
    contact = make("contact", cast.branch, name="Before")
    response = client.post(url(contact), form_of(client, url(contact), name="After", private="on"))
    assert response.status_code == 200
    assert response.context["adminform"].form.errors
    assert Contact.objects.get(pk=contact.pk).name == "Before"


def test_without_the_right_to_edit_every_field_is_read_only(cast: Cast) -> None:
    viewer = staff(cast.branch, all_but("change_lead", "assign_record"))
    lead = make("lead", cast.branch)
    page = browser(viewer).get(url(lead))
    assert set(page.context["adminform"].readonly_fields) >= {"name", "branch", "responsible", "status"}
    assert 'aria-disabled="true"' in page.content.decode()
    assert "Edit leads" in page.content.decode()


def test_who_may_only_hand_over_changes_the_responsible_and_nothing_else(cast: Cast) -> None:
    person = staff(cast.branch, all_but("change_lead"))
    lead = make("lead", cast.branch, name="Before")
    client = browser(person)
    response = client.post(url(lead), form_of(client, url(lead), responsible=str(cast.member.pk), name="After"))
    assert response.status_code == 302
    lead.refresh_from_db()
    assert (lead.responsible, lead.name) == (cast.member, "Before")


def test_without_assign_record_a_crafted_responsible_changes_nothing(cast: Cast) -> None:
    person = staff(cast.branch, all_but("assign_record"))
    lead = make("lead", cast.branch, responsible=person)
    client = browser(person)
    data = form_of(client, url(lead), name="After") | {"responsible": str(cast.member.pk)}
    assert client.post(url(lead), data).status_code == 302
    lead.refresh_from_db()
    assert (lead.responsible, lead.name) == (person, "After")


def test_a_record_moves_only_to_branches_where_one_may_create(cast: Cast) -> None:
    beside = cast.branch_beside()
    person = staff(cast.branch, everything())
    lead = make("lead", cast.branch)
    blind = OwnRoleFactory(account=cast.account)
    cast.join(blind, branch=beside, user=person)
    client = browser(person)

    def offered() -> list[int]:
        form = client.get(url(lead)).context["adminform"].form
        return [choice for choice, _ in form.fields["branch"].choices]

    assert offered() == [cast.branch.pk]
    RoleGrant.objects.create(role=blind, permission="add_lead", scope=Scope.ALL, grantable=True)
    assert offered() == [cast.branch.pk, beside.pk]


def test_private_can_be_ticked_by_those_who_may_keep_private_contacts(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    other = staff(cast.branch, all_but("own_private_contacts"))
    contact = make("contact", cast.branch, responsible=person)
    assert "private" in browser(other).get(url(contact)).context["adminform"].readonly_fields
    client = browser(person)
    assert client.post(url(contact), form_of(client, url(contact), private="on")).status_code == 302
    assert browser(other).get(url(contact)).status_code == 404


def test_the_responsible_completes_and_reopens_a_task_without_the_right_to_edit_it(cast: Cast) -> None:
    person = staff(cast.branch, ["view_task"])
    task = make("task", cast.branch, responsible=person)
    client = browser(person)
    for page, done in (("complete", True), ("reopen", False)):
        assert client.post(url(task, page)).status_code == 302
        assert Task.objects.get(pk=task.pk).done is done


def test_somebody_elses_task_is_not_completed_without_the_right_to_edit_it(cast: Cast) -> None:
    person = staff(cast.branch, ["view_task"])
    task = make("task", cast.branch, responsible=cast.member)
    response = browser(person).post(url(task, "complete"))
    assert response.status_code == 403
    assert b"change_task" in response.content
    assert not Task.objects.get(pk=task.pk).done


def test_completing_leads_back_only_to_our_own_pages(cast: Cast) -> None:
    person = staff(cast.branch, ["view_task"])
    task = make("task", cast.branch, responsible=person)
    response = browser(person).post(url(task, "complete"), {"next": "https://evil.example/"})
    assert response.headers["Location"] == url(task)


def test_a_note_is_added_inside_the_page_of_its_record(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    lead = make("lead", cast.branch)
    client = browser(person)
    row = {
        "activities-TOTAL_FORMS": "1",
        "activities-0-kind": "call",
        "activities-0-name": "Wants an offer",
        "activities-0-happened_at_0": "2026-11-01",
        "activities-0-happened_at_1": "10:00",
    }
    response = client.post(url(lead), form_of(client, url(lead), **row))
    assert response.status_code == 302
    note = Activity.objects.get(name="Wants an offer")
    assert (note.about, note.branch, note.created_by) == (lead, cast.branch, person)


def test_rows_inside_a_page_have_their_own_rights(cast: Cast) -> None:
    person = staff(cast.branch, everything() | {"change_task": Scope.CREATED, "delete_task": Scope.CREATED})
    lead = make("lead", cast.branch)
    theirs = make("task", cast.branch, about=lead, name="Theirs", created_by=cast.member)
    mine = make("task", cast.branch, about=lead, name="Mine", created_by=person)
    client = browser(person)
    data = form_of(client, url(lead))
    rows = {data[f"tasks-{i}-id"]: i for i in range(2)}
    for task in (theirs, mine):
        data[f"tasks-{rows[str(task.pk)]}-name"] = "Renamed"
        data[f"tasks-{rows[str(task.pk)]}-kind"] = "todo"
    data[f"tasks-{rows[str(theirs.pk)]}-DELETE"] = "on"
    with zeal_ignore():  # each row is locked and judged by itself
        assert client.post(url(lead), data).status_code == 302
    assert Task.objects.get(pk=mine.pk).name == "Renamed"
    assert Task.objects.get(pk=theirs.pk).name == "Theirs"


def test_a_crafted_row_of_an_unseen_task_reads_as_one_of_nothing(cast: Cast) -> None:
    person = staff(cast.branch, everything() | {"view_task": Scope.CREATED})
    lead = make("lead", cast.branch)
    hidden = make("task", cast.branch, about=lead, name="Hidden")
    elsewhere = make("task", cast.branch, name="About nothing", created_by=person)
    client = browser(person)
    answers = []
    for pk in (hidden.pk, elsewhere.pk, 10**9):
        row = {"tasks-TOTAL_FORMS": "1", "tasks-INITIAL_FORMS": "1", "tasks-0-id": str(pk), "tasks-0-name": "Stolen"}
        row |= {"tasks-0-kind": "todo"}
        response = client.post(url(lead), form_of(client, url(lead)) | row)
        assert response.status_code == 200
        formset = next(i.formset for i in response.context["inline_admin_formsets"] if i.formset.prefix == "tasks")
        answers.append(formset.errors)
        client.post(url(lead), form_of(client, url(lead)) | row | {"tasks-0-DELETE": "on"})
    assert answers[0] == answers[1] == answers[2]
    assert Task.objects.filter(pk__in=[hidden.pk, elsewhere.pk]).exclude(name="Stolen").count() == 2


def test_deleting_many_asks_first_and_leaves_what_one_may_not_delete(cast: Cast) -> None:
    person = staff(cast.branch, everything() | {"delete_lead": Scope.CREATED, "view_lead": Scope(3)})
    mine = make("lead", cast.branch, created_by=person)
    theirs = make("lead", cast.branch, responsible=person)
    hidden = make("lead", cast.branch, name="Kanarienvogel")
    foreign = make("lead", cast.elsewhere)
    client = browser(person)
    page = act(client, "lead", "delete_selected", mine, theirs, hidden, foreign)
    body = page.content.decode()
    assert mine.reference in body
    assert theirs.reference in told(page)
    assert "Kanarienvogel" not in body
    assert "1 of 2" in told(page)
    done = act(client, "lead", "delete_selected", mine, theirs, hidden, foreign, post="yes")
    assert "Deleted 1 lead." in told(done)
    assert set(Lead.objects.values_list("pk", flat=True)) == {theirs.pk, hidden.pk, foreign.pk}


@pytest.mark.parametrize(
    ("action", "bulk"),
    [
        ("delete_selected", "bulk_delete"),
        ("change_status", "bulk_change_status"),
        ("assign", "bulk_change_owner"),
        ("add_tag", "bulk_edit"),
        ("export_selected", "export_lead"),
    ],
)
def test_a_bulk_action_needs_its_own_right(cast: Cast, action: str, bulk: str) -> None:
    person = staff(cast.branch, all_but(bulk))
    lead = make("lead", cast.branch)
    client = browser(person)
    response = act(client, "lead", action, lead, post="yes")
    assert response.status_code == 403
    assert bulk in response.content.decode()
    page = client.get(url("lead", "changelist")).content.decode()
    assert f'value="{action}"' not in page
    assert f'id="why-{action}"' in page


def test_the_status_of_many_is_changed_where_each_may_be_edited(cast: Cast) -> None:
    person = staff(cast.branch, everything() | {"change_lead": Scope.RESPONSIBLE})
    status = LeadStatus.objects.filter(account=cast.account).last()
    assert status is not None
    mine, theirs = make("lead", cast.branch, responsible=person), make("lead", cast.branch)
    done = act(browser(person), "lead", "change_status", mine, theirs, post="yes", value=str(status.pk))
    assert "Changed 1 lead." in told(done)
    assert theirs.reference in told(done)
    assert Lead.objects.get(pk=mine.pk).status == status
    assert Lead.objects.get(pk=theirs.pk).status != status


def test_many_are_handed_over_to_a_member_of_their_branches(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    lead = make("lead", cast.branch)
    refused = act(browser(person), "lead", "assign", lead, post="yes", value=str(cast.outsider.pk))
    assert "Choose an option from the list" in refused.content.decode()
    act(browser(person), "lead", "assign", lead, post="yes", value=str(cast.member.pk))
    assert Lead.objects.get(pk=lead.pk).responsible == cast.member


def test_an_export_holds_what_may_be_exported_and_no_formula(cast: Cast) -> None:
    person = staff(cast.branch, everything() | {"export_lead": Scope.RESPONSIBLE, "view_company": Scope.CREATED})
    company = make("company", cast.branch, name="Kanarienvogel")
    mine = make("lead", cast.branch, responsible=person, name="=1+1", company=company)
    theirs = make("lead", cast.branch, name="Not mine")
    response = act(browser(person), "lead", "export_selected", mine, theirs)
    text = response.content.decode()
    assert response.headers["Content-Type"].startswith("text/csv")
    assert "'=1+1" in text
    assert "Not mine" not in text
    assert "Kanarienvogel" not in text


def test_a_vcard_holds_the_contact_on_lines_of_its_own(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    contact = make(
        "contact",
        cast.branch,
        name="Ann; END:VCARD, Archer",
        description="One\nEND:VCARD\n",
        emails=["ann@example.com"],
    )
    text = act(browser(person), "contact", "download_vcard", contact).content.decode()
    (card,) = vobject.readComponents(text)
    assert card.fn.value == "Ann; END:VCARD, Archer"
    assert card.email.value == "ann@example.com"
    assert [line for line in text.splitlines() if line.startswith("END:")] == ["END:VCARD"]


@pytest.mark.parametrize("typed", ["Gibbons", "peter gib", "PETER@example.com", "+49 30 123456", "P-1", "p-1"])
def test_a_contact_is_found_by_what_people_type(cast: Cast, typed: str) -> None:
    person = staff(cast.branch, everything())
    make("contact", cast.branch, name="Peter Gibbons", emails=["peter@example.com"], phones=["+4930123456"])
    make("contact", cast.branch, name="Somebody else")
    found = browser(person).get(url("contact", "changelist"), {"q": typed}).context["cl"].result_list
    assert [str(contact) for contact in found] == ["Peter Gibbons"]


def test_a_record_is_found_by_its_id(cast: Cast) -> None:
    lead = make("lead", cast.branch, name="Printers")
    found = browser(staff(cast.branch, everything())).get(url("lead", "changelist"), {"q": str(lead.pk)})
    assert [row.pk for row in found.context["cl"].result_list] == [lead.pk]
