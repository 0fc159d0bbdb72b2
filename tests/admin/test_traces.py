"""What leaves a trace: exports stand in the log, and a deletion says what it changes elsewhere."""

import pytest

from apps.audit.models import Entry, Operation
from apps.roles.scopes import IF_RESPONSIBLE
from tests.admin.people import browser, everything, form_of, staff, url
from tests.factories import CompanyFactory, ContactFactory, LeadFactory, TaskFactory, make_cast

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("action", "kind"), [("export_selected", "CSV"), ("download_vcard", "vCard")])
def test_an_export_is_written_into_the_log_by_reference(action: str, kind: str) -> None:
    cast = make_cast("amocrm")
    sam = staff(cast.branch, everything())
    contacts = [ContactFactory(branch=cast.branch, name=f"Canary {number}") for number in range(3)]
    answer = browser(sam).post(
        url("contact", "changelist"), {"action": action, "_selected_action": [contact.pk for contact in contacts]}
    )
    assert "Canary 1" in answer.content.decode()
    operation = Operation.objects.get(verb="access.records.exported")
    assert operation.actor_id == sam.pk
    assert kind in operation.reason
    entries = Entry.objects.filter(operation=operation)
    assert {entry.target_text for entry in entries} == {contact.reference for contact in contacts}
    assert {entry.account_id for entry in entries} == {cast.account.pk}


def test_a_refused_export_leaves_nothing_in_the_log() -> None:
    cast = make_cast("amocrm")
    sam = staff(cast.branch, ["view_lead"])
    lead = LeadFactory(branch=cast.branch)
    answer = browser(sam).post(url("lead", "changelist"), {"action": "export_selected", "_selected_action": [lead.pk]})
    assert answer.status_code == 403
    assert not Operation.objects.filter(verb="access.records.exported").exists()


def test_the_question_before_a_deletion_tells_which_links_become_empty() -> None:
    cast = make_cast("amocrm")
    sam = staff(cast.branch, everything())
    company = CompanyFactory(branch=cast.branch)
    ContactFactory(branch=cast.branch, company=company)
    LeadFactory.create_batch(2, branch=cast.branch, company=company)
    page = browser(sam).get(url(company, "delete")).content.decode()
    assert f"1 contact and 2 leads will no longer link to {company.reference}." in page


def test_deleting_a_private_contact_warns_of_the_tasks_that_become_visible() -> None:
    cast = make_cast("amocrm")
    sam = staff(cast.branch, everything())
    contact = ContactFactory(branch=cast.branch, responsible=sam, private=True)
    TaskFactory(about=contact, responsible=sam)
    page = browser(sam).get(url(contact, "delete")).content.decode()
    assert "other members may then see them" in page


def test_a_hand_over_out_of_ones_own_sight_is_asked_about_first() -> None:
    cast = make_cast("amocrm")
    mine = dict.fromkeys(("view_lead", "change_lead", "assign_record"), IF_RESPONSIBLE)
    sam, other = staff(cast.branch, mine), cast.join()
    lead = LeadFactory(branch=cast.branch, responsible=sam)
    client = browser(sam)
    form = form_of(client, url(lead), responsible=other.pk)
    page = client.post(url(lead), form)
    assert page.status_code == 200
    assert "You won’t be able to see this record after this change." in page.content.decode()
    lead.refresh_from_db()
    assert lead.responsible == sam
    assert client.post(url(lead), {**form, **page.context["again"]}).status_code == 302
    lead.refresh_from_db()
    assert lead.responsible == other


def test_a_hand_over_to_somebody_who_sees_it_is_not_asked_about() -> None:
    cast = make_cast("amocrm")
    sam, other = staff(cast.branch, everything()), cast.join()
    lead = LeadFactory(branch=cast.branch, responsible=sam)
    client = browser(sam)
    assert client.post(url(lead), form_of(client, url(lead), responsible=other.pk)).status_code == 302
