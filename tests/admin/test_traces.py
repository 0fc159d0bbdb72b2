"""What leaves a trace: exports stand in the log, and a deletion says what it changes elsewhere."""

import pytest

from apps.audit.models import Entry, Operation
from tests.admin.people import browser, everything, staff, url
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
    assert f"The link to {company.reference} becomes empty in 1 contact and 2 leads." in page


def test_deleting_a_private_contact_warns_of_the_tasks_that_become_visible() -> None:
    cast = make_cast("amocrm")
    sam = staff(cast.branch, everything())
    contact = ContactFactory(branch=cast.branch, responsible=sam, private=True)
    TaskFactory(about=contact, responsible=sam)
    page = browser(sam).get(url(contact, "delete")).content.decode()
    assert "become as visible as other tasks" in page
