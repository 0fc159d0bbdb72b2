"""Creating records: who may, linked to what, with which responsible."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from djmoney.money import Money

from apps.access.errors import MissingPermission
from apps.crm.errors import CrmError, InvalidSubject, NotAMember
from apps.crm.models import Activity, Change, Contact, Lead, LeadStatus, Source
from apps.crm.services import check_new, create_record
from apps.roles.scopes import Scope
from tests.factories import (
    FACTORIES,
    Cast,
    CompanyFactory,
    ContactFactory,
    LeadFactory,
    ParentMembershipFactory,
    TaskFactory,
    UserFactory,
)


def new(cast: Cast, record_type: str = "lead", **fields: Any) -> Any:
    """A record that is not stored yet, on the cast's branch."""
    return FACTORIES[record_type].build(**{"branch": cast.branch, "account": cast.account} | fields)


def refusal(record: Any, cast: Cast, actor: Any = None) -> str:
    """Return the refusal that the member gets when creating the record; nothing is stored."""
    before = type(record).objects.count()
    with pytest.raises(CrmError) as caught:
        create_record(record, actor=actor or cast.member)
    assert type(record).objects.count() == before
    return str(caught.value)


@pytest.mark.parametrize("record_type", ["company", "contact", "lead", "opportunity", "task"])
def test_a_member_creates_a_record_and_is_its_creator_for_ever(cast: Cast, record_type: str) -> None:
    cast.let(cast.member, f"add_{record_type}")
    record = create_record(new(cast, record_type, created_by=cast.owner), actor=cast.member)
    record.refresh_from_db()
    assert record.created_by == cast.member
    assert record.reference.endswith("-1")
    assert record.responsible is None


def test_who_may_not_add_on_the_branch_is_told_which_permission_is_missing(cast: Cast) -> None:
    cast.let(cast.member, "add_lead", Scope.NONE)
    with pytest.raises(MissingPermission, match="“Create leads” on North") as caught:
        create_record(new(cast), actor=cast.member)
    assert (caught.value.codename, caught.value.target) == ("add_lead", cast.branch)
    assert not Lead.objects.exists()


def test_a_branch_of_another_account_and_one_without_the_actor_read_as_no_branch(cast: Cast) -> None:
    south = cast.branch_beside()
    told = {refusal(new(cast, branch=branch, account=branch.account), cast) for branch in (south, cast.elsewhere)}
    assert told == {"That branch doesn’t exist. Choose one from the list."}


def test_the_account_is_the_branch_s_whatever_the_form_says(cast: Cast) -> None:
    lead = create_record(new(cast, account=cast.elsewhere.account), actor=cast.member)
    assert lead.account == cast.account


def test_an_outsider_creates_nothing_here(cast: Cast) -> None:
    assert "That branch doesn’t exist" in refusal(new(cast), cast, cast.outsider)


def test_somebody_with_a_parent_role_creates_where_it_says(cast: Cast) -> None:
    viewer, chief = UserFactory(), UserFactory()
    ParentMembershipFactory(account=cast.account, user=viewer, role="viewer")
    ParentMembershipFactory(account=cast.account, user=chief, role="super_admin")
    with pytest.raises(MissingPermission):
        create_record(new(cast), actor=viewer)
    assert create_record(new(cast, responsible=chief), actor=chief).responsible == chief


def test_values_that_are_off_are_refused(cast: Cast) -> None:
    with pytest.raises(ValidationError) as caught:
        create_record(new(cast, name="", emails=["nobody"], country="Germany"), actor=cast.member)
    assert set(caught.value.message_dict) == {"name", "emails", "country"}
    assert not Lead.objects.exists()


def test_checking_a_record_stores_nothing_and_uses_up_no_reference(cast: Cast) -> None:
    check_new(new(cast), actor=cast.member)
    assert not Lead.objects.exists()
    assert create_record(new(cast), actor=cast.member).reference == "L-1"


# --- Links ---


def test_a_link_to_what_the_writer_sees_is_made(cast: Cast) -> None:
    company = CompanyFactory(branch=cast.branch, responsible=cast.member)
    contact = create_record(new(cast, "contact", company=company), actor=cast.member)
    assert Contact.objects.get(pk=contact.pk).company == company


@pytest.mark.parametrize(
    ("record_type", "field", "linked"),
    [
        ("contact", "company", "company"),
        ("lead", "contact", "contact"),
        ("lead", "company", "company"),
        ("opportunity", "lead", "lead"),
        ("task", "about_opportunity", "opportunity"),
        ("activity", "about_task", "task"),
    ],
)
def test_an_invisible_a_foreign_and_an_absent_record_are_refused_in_the_same_words(
    cast: Cast, record_type: str, field: str, linked: str
) -> None:
    factory = FACTORIES[linked]
    absent = factory(branch=cast.branch, responsible=cast.member)
    type(absent).objects.filter(pk=absent.pk).delete()
    candidates = [factory(branch=cast.branch), factory(branch=cast.elsewhere), absent]
    told = {refusal(new(cast, record_type, **{field: candidate}), cast) for candidate in candidates}
    assert told == {f"That {linked} doesn’t exist. Choose one from the list."}


def test_a_private_contact_of_somebody_else_cannot_even_be_named_by_the_owner(cast: Cast) -> None:
    secret = ContactFactory(branch=cast.branch, private=True, responsible=cast.member)
    assert "That contact doesn’t exist" in refusal(new(cast, contact=secret), cast, cast.owner)


def test_a_status_and_a_source_are_the_account_s_own(cast: Cast) -> None:
    foreign_status = LeadStatus.objects.filter(account=cast.elsewhere.account)[0]
    foreign_source = Source.objects.filter(account=cast.elsewhere.account)[0]
    assert "That status doesn’t exist" in refusal(new(cast, status=foreign_status), cast)
    assert "That source doesn’t exist" in refusal(new(cast, source=foreign_source), cast)


def test_who_works_in_two_accounts_links_nothing_of_one_to_the_other(cast: Cast) -> None:
    cast.join(user=cast.member, branch=cast.elsewhere)
    company = CompanyFactory(branch=cast.elsewhere, responsible=cast.member)
    lead = LeadFactory(branch=cast.elsewhere, responsible=cast.member)
    assert "That company doesn’t exist" in refusal(new(cast, company=company), cast)
    assert "That lead doesn’t exist" in refusal(new(cast, "task", about_lead=lead), cast)


# --- What a task or an activity is about ---


def test_a_note_is_on_the_branch_of_what_it_is_about(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    note = create_record(Activity(name="Asked for a quote", about_lead=lead), actor=cast.member)
    assert (note.account, note.branch, note.about) == (cast.account, cast.branch, lead)


def test_a_note_about_nothing_is_refused(cast: Cast) -> None:
    with pytest.raises(InvalidSubject, match="note or activity is about"):
        create_record(Activity(name="Lost", branch=cast.branch), actor=cast.member)


@pytest.mark.parametrize("record_type", ["task", "activity"])
def test_nothing_is_about_two_records(cast: Cast, record_type: str) -> None:
    two: dict[str, Any] = {
        "about_lead": LeadFactory(branch=cast.branch, responsible=cast.member),
        "about_contact": ContactFactory(branch=cast.branch, responsible=cast.member),
    }
    assert "one record only" in refusal(new(cast, record_type, **two), cast)


@pytest.mark.parametrize("record_type", ["task", "activity"])
def test_what_it_is_about_is_on_its_own_branch(cast: Cast, record_type: str) -> None:
    south = cast.branch_beside()
    cast.join(user=cast.member, branch=south)
    lead = LeadFactory(branch=south, responsible=cast.member)
    assert "another branch" in refusal(new(cast, record_type, about_lead=lead), cast)


def test_a_note_needs_the_sight_of_what_it_is_about_and_of_nothing_else(cast: Cast) -> None:
    task = TaskFactory(about=LeadFactory(branch=cast.branch), responsible=cast.member)
    note = create_record(Activity(name="Called, no answer", about_task=task), actor=cast.member)
    assert note.about == task


# --- The responsible ---


def test_the_creator_may_be_responsible_without_the_right_to_assign(cast: Cast) -> None:
    assert create_record(new(cast, responsible=cast.member), actor=cast.member).responsible == cast.member


def test_another_responsible_needs_the_right_to_assign(cast: Cast) -> None:
    colleague = cast.join()
    with pytest.raises(MissingPermission) as caught:
        create_record(new(cast, responsible=colleague), actor=cast.member)
    assert caught.value.codename == "assign_record"
    cast.let(cast.member, "assign_record", Scope.RESPONSIBLE)
    assert create_record(new(cast, responsible=colleague), actor=cast.member).responsible == colleague


def test_the_responsible_is_an_active_member_of_the_branch_and_others_are_not_named(cast: Cast) -> None:
    removed, inactive, beside = cast.join(), cast.join(), cast.join(branch=cast.branch_beside())
    cast.remove(removed)
    inactive.is_active = False
    inactive.save()
    for somebody in (removed, inactive, beside, cast.outsider):
        with pytest.raises(NotAMember) as caught:
            create_record(new(cast, responsible=somebody), actor=cast.owner)
        assert str(caught.value) == "Choose an active member of North as owner."
        assert caught.value.field == "responsible"


# --- What is filled in, and the history ---


def test_a_lead_begins_with_the_first_open_status_that_is_offered(cast: Cast) -> None:
    LeadStatus.objects.filter(account=cast.account, name="New").update(offered=False)
    lead = create_record(new(cast), actor=cast.member)
    assert lead.status is not None
    assert lead.status.name == "Contacted"


def test_an_opportunity_begins_as_likely_as_its_status_says(cast: Cast) -> None:
    opportunity = create_record(new(cast, "opportunity", amount=Money(100, "EUR")), actor=cast.member)
    assert (str(opportunity.status), opportunity.probability) == ("Qualification", 10)
    certain = create_record(new(cast, "opportunity", probability=0), actor=cast.member)
    assert certain.probability == 0


def test_a_record_created_as_won_is_closed(cast: Cast) -> None:
    won = LeadStatus.objects.get(account=cast.account, name="Converted")
    assert create_record(new(cast, status=won), actor=cast.member).closed_at is not None
    assert create_record(new(cast), actor=cast.member).closed_at is None


def test_an_account_without_lists_still_takes_records(cast: Cast) -> None:
    LeadStatus.objects.filter(account=cast.account).delete()
    assert create_record(new(cast), actor=cast.member).status is None


def test_creation_is_remembered(cast: Cast) -> None:
    lead = create_record(new(cast), actor=cast.member)
    change = Change.objects.get()
    assert (change.record_type, change.record_id, change.reference) == ("lead", lead.pk, "L-1")
    assert (change.action, change.actor, change.actor_name) == ("created", cast.member, "Ben Baker")
