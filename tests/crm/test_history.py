"""A record's history, read through the reader's own eyes."""

from __future__ import annotations

from datetime import UTC, datetime

from djmoney.money import Money

from apps.crm.models import Change, LeadStatus, Task
from apps.crm.services import complete_task, create_record, delete_record, history_of, update_record
from apps.crm.services.history import FieldChange
from tests.factories import Cast, CompanyFactory, ContactFactory, LeadFactory, TaskFactory


def test_it_tells_who_did_what_the_newest_first_with_names_as_they_were(cast: Cast) -> None:
    task = create_record(Task(name="Call", branch=cast.branch, responsible=cast.member), actor=cast.member)
    update_record(task, actor=cast.owner, changes={"name": "Call back"})
    complete_task(task, actor=cast.member)
    cast.member.name = "Benedict"
    cast.member.save()
    told = [(entry.actor_name, entry.action) for entry in history_of(task, reader=cast.owner)]
    assert told == [("Ben Baker", "Completed"), ("Ann Archer", "Changed"), ("Ben Baker", "Created")]


def test_each_changed_field_is_told_in_words(cast: Cast) -> None:
    statuses = {status.name: status for status in LeadStatus.objects.filter(account=cast.account)}
    lead = LeadFactory(branch=cast.branch, name="Printers", responsible=cast.member, status=statuses["New"])
    changes = {
        "name": "Forty printers",
        "responsible": None,
        "status": statuses["Qualified"],
        "value": Money("1200.50", "EUR"),
        "emails": ["a@b.example", "c@d.example"],
    }
    update_record(lead, actor=cast.owner, changes=changes)
    (entry,) = history_of(lead, reader=cast.owner)
    assert sorted(entry.lines, key=lambda line: line.label) == [
        FieldChange("E-mail addresses", "", "a@b.example, c@d.example"),
        FieldChange("Name", "Printers", "Forty printers"),
        FieldChange("Owner", "Ben Baker", ""),
        FieldChange("Status", "New", "Qualified"),
        FieldChange("Value", "", "1200.50 EUR"),
    ]


def test_choices_times_and_switches_are_told_as_people_say_them(cast: Cast) -> None:
    task = TaskFactory(branch=cast.branch)
    due = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
    update_record(task, actor=cast.owner, changes={"priority": Task.Priority.HIGH, "due_at": due})
    contact = ContactFactory(branch=cast.branch, private=True, responsible=cast.owner)
    update_record(contact, actor=cast.owner, changes={"private": False})
    (entry,) = history_of(task, reader=cast.owner)
    assert set(entry.lines) == {FieldChange("Priority", "Normal", "High"), FieldChange("Due", "", "31 Jan 2027, 09:30")}
    (entry,) = history_of(contact, reader=cast.owner)
    assert entry.lines == (FieldChange("Private", "Yes", "No"),)


def test_a_link_is_told_only_to_those_who_see_what_was_linked(cast: Cast) -> None:
    seen = CompanyFactory(branch=cast.branch, name="Initech", responsible=cast.member)
    unseen = CompanyFactory(branch=cast.branch, name="Initrode")
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    update_record(lead, actor=cast.owner, changes={"company": unseen})
    update_record(lead, actor=cast.owner, changes={"company": seen})
    told_owner = [line for entry in history_of(lead, reader=cast.owner) for line in entry.lines]
    assert told_owner == [FieldChange("Company", "Initrode", "Initech"), FieldChange("Company", "", "Initrode")]
    told_member = [entry.lines for entry in history_of(lead, reader=cast.member)]
    assert told_member == [(FieldChange("Company", "", "Initech"),)]


def test_the_stored_history_holds_no_name_of_a_linked_record(cast: Cast) -> None:
    secret = ContactFactory(branch=cast.branch, name="Deep Throat", private=True, responsible=cast.owner)
    lead = LeadFactory(branch=cast.branch)
    update_record(lead, actor=cast.owner, changes={"contact": secret})
    stored = Change.objects.get(record_type="lead").fields
    assert stored == {"contact": [None, {"type": "contact", "id": secret.pk, "reference": "P-1"}]}


def test_a_link_to_what_is_gone_reads_as_none(cast: Cast) -> None:
    company = CompanyFactory(branch=cast.branch, name="Initech")
    lead = LeadFactory(branch=cast.branch)
    update_record(lead, actor=cast.owner, changes={"company": company, "city": "Kiel"})
    delete_record(company, actor=cast.owner)
    (entry,) = history_of(lead, reader=cast.owner)
    assert entry.lines == (FieldChange("City", "", "Kiel"),)


def test_the_history_is_the_record_s_own(cast: Cast) -> None:
    lead, contact = LeadFactory(branch=cast.branch), ContactFactory(branch=cast.branch)
    update_record(lead, actor=cast.owner, changes={"city": "Kiel"})
    assert history_of(contact, reader=cast.owner) == []
