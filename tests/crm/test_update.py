"""Changing records: a write is judged on the record as it stands in the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from djmoney.money import Money

from apps.access import policy
from apps.access.errors import MissingPermission
from apps.crm.errors import InvalidSubject, NoSuchLink, NoSuchRecord, NotAMember, WrongBranch
from apps.crm.models import Activity, Change, Lead, LeadStatus, Opportunity, Task
from apps.crm.services import assign_record, check_changes, update_record
from apps.roles.scopes import Scope
from tests.factories import (
    ActivityFactory,
    Cast,
    CompanyFactory,
    ContactFactory,
    LeadFactory,
    OpportunityFactory,
    TaskFactory,
    make_cast,
)
from tests.waiting import until_somebody_waits


def own(cast: Cast, **fields: Any) -> Lead:
    """A lead that the member is responsible for."""
    lead: Lead = LeadFactory(branch=cast.branch, responsible=cast.member, **fields)
    return lead


def test_the_named_fields_are_changed_and_no_others(cast: Cast) -> None:
    lead = own(cast, name="Printers", city="Kiel")
    stale = Lead.objects.get(pk=lead.pk)
    Lead.objects.filter(pk=lead.pk).update(city="Bonn")
    changed = update_record(stale, actor=cast.member, changes={"name": "Forty printers"})
    assert (changed.name, changed.city) == ("Forty printers", "Bonn")
    lead.refresh_from_db()
    assert (lead.name, lead.city) == ("Forty printers", "Bonn")


def test_the_right_is_judged_on_the_stored_record_and_not_on_the_one_at_hand(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch)
    lead.responsible = cast.member
    with pytest.raises(NoSuchRecord):
        update_record(lead, actor=cast.member, changes={"name": "Mine now"})


def test_who_may_not_view_is_told_that_there_is_no_such_record(cast: Cast) -> None:
    lead, deleted = LeadFactory(branch=cast.branch), own(cast)
    Lead.objects.filter(pk=deleted.pk).delete()
    told = set()
    for record, actor in ((lead, cast.member), (lead, cast.outsider), (deleted, cast.member)):
        with pytest.raises(NoSuchRecord) as caught:
            update_record(record, actor=actor, changes={"name": "Mine"})
        told.add(str(caught.value))
    assert told == {"This record doesn’t exist."}


def test_who_may_view_but_not_change_is_told_which_permission_is_missing(cast: Cast) -> None:
    cast.let(cast.member, "view_lead")
    lead = LeadFactory(branch=cast.branch)
    with pytest.raises(MissingPermission, match="“Edit leads” on L-1") as caught:
        update_record(lead, actor=cast.member, changes={"name": "Mine"})
    assert (caught.value.codename, caught.value.target) == ("change_lead", lead)


@pytest.mark.parametrize("name", ["created_by", "reference", "account", "id", "created_at", "closed_at", "nonsense"])
def test_what_never_changes_is_not_changed(cast: Cast, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} of a lead cannot be changed"):
        update_record(own(cast), actor=cast.owner, changes={name: None})


def test_a_task_is_not_completed_by_editing_it(cast: Cast) -> None:
    task = TaskFactory(branch=cast.branch, responsible=cast.member)
    with pytest.raises(ValueError, match="done of a task cannot be changed"):
        update_record(task, actor=cast.member, changes={"done": True})


def test_a_change_that_changes_nothing_needs_no_right_and_leaves_no_trace(cast: Cast) -> None:
    cast.let(cast.member, "change_lead", Scope.NONE)
    lead = own(cast, name="Printers", emails=["a@b.example"])
    updated = Lead.objects.get(pk=lead.pk).updated_at
    update_record(lead, actor=cast.member, changes={"name": "Printers", "emails": [" A@B.example "]})
    assert not Change.objects.exists()
    assert Lead.objects.get(pk=lead.pk).updated_at == updated


def test_values_that_are_off_are_refused(cast: Cast) -> None:
    lead = own(cast, name="Printers")
    with pytest.raises(ValidationError):
        update_record(lead, actor=cast.member, changes={"name": ""})
    with pytest.raises(ValidationError):
        check_changes(lead, actor=cast.member, changes={"emails": ["nobody"]})
    assert Lead.objects.get().name == "Printers"


def test_checking_changes_stores_nothing(cast: Cast) -> None:
    check_changes(own(cast, name="Printers"), actor=cast.member, changes={"name": "Others"})
    assert Lead.objects.get().name == "Printers"


def test_an_amount_and_its_currency_are_stored_together(cast: Cast) -> None:
    lead = own(cast, value=Money(5, "EUR"))
    update_record(lead, actor=cast.member, changes={"value": Money(5, "CHF")})
    assert Lead.objects.get().value == Money(5, "CHF")
    update_record(lead, actor=cast.member, changes={"value": None})
    assert Lead.objects.get().value is None


def test_a_record_is_closed_while_its_status_is_won_or_lost(cast: Cast) -> None:
    statuses = {status.name: status for status in LeadStatus.objects.filter(account=cast.account)}
    lead = update_record(own(cast), actor=cast.member, changes={"status": statuses["Disqualified"]})
    closed = lead.closed_at
    assert closed is not None
    assert update_record(lead, actor=cast.member, changes={"status": statuses["Converted"]}).closed_at == closed
    update_record(lead, actor=cast.member, changes={"status": statuses["New"]})
    assert Lead.objects.get().closed_at is None


# --- Another responsible ---


def test_another_responsible_needs_the_right_to_assign_and_no_other(cast: Cast) -> None:
    colleague, lead = cast.join(), own(cast)
    with pytest.raises(MissingPermission) as caught:
        assign_record(lead, actor=cast.member, responsible=colleague)
    assert caught.value.codename == "assign_record"
    cast.let(cast.member, "assign_record", Scope.RESPONSIBLE)
    cast.let(cast.member, "change_lead", Scope.NONE)
    assert assign_record(lead, actor=cast.member, responsible=colleague).responsible == colleague


def test_nobody_takes_or_drops_a_record_without_the_right_to_assign(cast: Cast) -> None:
    cast.let(cast.member, "view_lead")
    cast.let(cast.member, "change_lead")
    lead = LeadFactory(branch=cast.branch)
    with pytest.raises(MissingPermission):
        assign_record(lead, actor=cast.member, responsible=cast.member)
    with pytest.raises(MissingPermission):
        assign_record(own(cast), actor=cast.member, responsible=None)


def test_editing_and_assigning_at_once_needs_both_rights(cast: Cast) -> None:
    cast.let(cast.member, "assign_record")
    cast.let(cast.member, "change_lead", Scope.NONE)
    with pytest.raises(MissingPermission) as caught:
        update_record(own(cast), actor=cast.member, changes={"responsible": cast.join(), "name": "Yours"})
    assert caught.value.codename == "change_lead"


def test_only_an_active_member_of_the_branch_becomes_responsible(cast: Cast) -> None:
    for somebody in (cast.outsider, cast.join(branch=cast.branch_beside())):
        with pytest.raises(NotAMember):
            assign_record(own(cast), actor=cast.owner, responsible=somebody)


def test_a_responsible_who_left_stays_until_somebody_hands_the_record_over(cast: Cast) -> None:
    gone = cast.join()
    lead = LeadFactory(branch=cast.branch, responsible=gone)
    cast.remove(gone)
    assert update_record(lead, actor=cast.owner, changes={"name": "Left behind"}).responsible == gone
    assert assign_record(lead, actor=cast.owner, responsible=cast.member).responsible == cast.member


# --- Another branch ---


def test_another_branch_needs_the_right_to_add_there(cast: Cast) -> None:
    south, lead = cast.branch_beside(), own(cast)
    cast.join(user=cast.member, branch=south)
    cast.let(cast.member, "add_lead", Scope.NONE, branch=south)
    with pytest.raises(MissingPermission) as caught:
        update_record(lead, actor=cast.member, changes={"branch": south})
    assert (caught.value.codename, caught.value.target) == ("add_lead", south)
    cast.let(cast.member, "add_lead", branch=south)
    assert update_record(lead, actor=cast.member, changes={"branch": south}).branch == south


def test_a_branch_that_the_actor_does_not_know_reads_as_none(cast: Cast) -> None:
    for branch in (cast.branch_beside(), cast.elsewhere):
        with pytest.raises(NoSuchLink):
            update_record(own(cast), actor=cast.member, changes={"branch": branch})


def test_the_activities_of_a_record_move_along_those_unseen_too_and_its_tasks_stay(cast: Cast) -> None:
    south, lead = cast.branch_beside(), own(cast)
    cast.join(user=cast.member, branch=south)
    cast.let(cast.member, "view_activity", Scope.CREATED)
    note, task = ActivityFactory(about=lead, created_by=cast.owner), TaskFactory(about=lead)
    on_task, other = ActivityFactory(about=task), ActivityFactory(about=own(cast))
    update_record(lead, actor=cast.member, changes={"branch": south})
    assert Activity.objects.get(pk=note.pk).branch == south
    assert Activity.objects.get(pk=other.pk).branch == cast.branch
    task.refresh_from_db()
    assert (task.branch, task.about_lead) == (cast.branch, lead)
    assert Activity.objects.get(pk=on_task.pk).branch == cast.branch


def test_an_activity_does_not_move_by_itself(cast: Cast) -> None:
    note = ActivityFactory(about=own(cast), created_by=cast.owner)
    with pytest.raises(WrongBranch):
        update_record(note, actor=cast.owner, changes={"branch": cast.branch_beside()})


# --- Links ---


def test_a_new_link_is_to_something_that_the_writer_sees(cast: Cast) -> None:
    lead = own(cast)
    with pytest.raises(NoSuchLink) as caught:
        update_record(lead, actor=cast.member, changes={"company": CompanyFactory(branch=cast.branch)})
    assert caught.value.field == "company"
    seen = CompanyFactory(branch=cast.branch, responsible=cast.member)
    assert update_record(lead, actor=cast.member, changes={"company": seen}).company == seen


def test_a_link_that_the_writer_cannot_see_survives_their_empty_form(cast: Cast) -> None:
    unseen = CompanyFactory(branch=cast.branch)
    lead = own(cast, company=unseen)
    update_record(lead, actor=cast.member, changes={"company": None, "name": "Renamed"})
    lead.refresh_from_db()
    assert (lead.company, lead.name) == (unseen, "Renamed")


def test_a_link_that_the_writer_sees_can_be_emptied(cast: Cast) -> None:
    lead = own(cast, company=CompanyFactory(branch=cast.branch, responsible=cast.member))
    update_record(lead, actor=cast.member, changes={"company": None})
    assert Lead.objects.get().company is None


def test_a_link_that_stands_is_not_asked_about_again(cast: Cast) -> None:
    unseen = CompanyFactory(branch=cast.branch)
    lead = own(cast, company=unseen)
    assert update_record(lead, actor=cast.member, changes={"company": unseen, "city": "Kiel"}).city == "Kiel"


def test_being_about_another_record_is_being_about_the_former_no_longer(cast: Cast) -> None:
    task = TaskFactory(about=LeadFactory(branch=cast.branch), responsible=cast.member)
    contact = ContactFactory(branch=cast.branch, responsible=cast.member)
    update_record(task, actor=cast.member, changes={"about_contact": contact})
    assert Task.objects.get().about == contact


def test_a_task_stays_about_what_its_editor_cannot_see(cast: Cast) -> None:
    unseen = LeadFactory(branch=cast.branch)
    task = TaskFactory(about=unseen, responsible=cast.member)
    update_record(task, actor=cast.member, changes={"about_lead": None, "name": "Call again"})
    assert Task.objects.get().about == unseen


def test_a_task_whose_lead_has_moved_away_is_still_edited_and_linked_to_it_no_more_once_unlinked(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch_beside())
    task = TaskFactory(branch=cast.branch, about_lead=lead, responsible=cast.member)
    update_record(task, actor=cast.owner, changes={"name": "Call again"})
    update_record(task, actor=cast.owner, changes={"about_lead": None})
    with pytest.raises(InvalidSubject):
        update_record(task, actor=cast.owner, changes={"about_lead": lead})


def test_a_note_does_not_lose_what_it_is_about(cast: Cast) -> None:
    note = ActivityFactory(about=own(cast), created_by=cast.member)
    with pytest.raises(InvalidSubject):
        update_record(note, actor=cast.member, changes={"about_lead": None})


def test_a_note_s_author_edits_it_only_while_they_see_what_it_is_about(cast: Cast) -> None:
    lead = own(cast)
    note = ActivityFactory(about=lead, created_by=cast.member)
    update_record(note, actor=cast.member, changes={"body": "They want forty."})
    Lead.objects.filter(pk=lead.pk).update(responsible=None)
    with pytest.raises(NoSuchRecord):
        update_record(note, actor=cast.member, changes={"body": "They want fifty."})
    assert Activity.objects.get().body == "They want forty."


def test_an_opportunity_keeps_its_other_links_when_one_is_changed(cast: Cast) -> None:
    lead = own(cast)
    opportunity = OpportunityFactory(branch=cast.branch, responsible=cast.member, lead=lead)
    company = CompanyFactory(branch=cast.branch, responsible=cast.member)
    update_record(opportunity, actor=cast.member, changes={"company": company})
    assert Opportunity.objects.filter(lead=lead, company=company).exists()


# --- Several at once ---


@pytest.mark.django_db(transaction=True)
def test_a_write_waits_for_the_one_before_it_and_is_judged_on_what_that_left() -> None:
    cast = make_cast("atlas")
    lead, colleague = own(cast), cast.join()

    def rename() -> str:
        try:
            update_record(lead, actor=cast.member, changes={"name": "Mine still"})
        except NoSuchRecord:
            return "refused"
        finally:
            connection.close()
        return "renamed"

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assign_record(lead, actor=cast.owner, responsible=colleague)
            waiting = pool.submit(rename)
            until_somebody_waits()
        assert waiting.result(timeout=60) == "refused"
    assert Lead.objects.get().name != "Mine still"
    assert not policy.may(cast.member, "view_lead", Lead.objects.get())
