"""Deleting records: activities and shares go along, links become empty, and nothing unseen is told of."""

from __future__ import annotations

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from apps.access.errors import MissingPermission
from apps.crm.errors import NoSuchRecord
from apps.crm.models import (
    Activity,
    Change,
    Company,
    Contact,
    CrmRecord,
    Lead,
    LeadTeamShare,
    LeadUserShare,
    Opportunity,
    Task,
)
from apps.crm.services import consequences, delete_record
from apps.crm.services.rules import links_of
from apps.roles.scopes import Scope
from tests.factories import (
    FACTORIES,
    ActivityFactory,
    Cast,
    CompanyFactory,
    ContactFactory,
    LeadFactory,
    OpportunityFactory,
    TaskFactory,
    share,
)


@pytest.mark.parametrize("record_type", FACTORIES)
def test_who_may_delete_deletes(cast: Cast, record_type: str) -> None:
    record = FACTORIES[record_type](branch=cast.branch)
    delete_record(record, actor=cast.owner)
    assert not type(record)._default_manager.filter(pk=record.pk).exists()


def test_who_may_view_but_not_delete_is_told_which_permission_is_missing(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    with pytest.raises(MissingPermission) as caught:
        delete_record(lead, actor=cast.member)
    assert (caught.value.codename, caught.value.target) == ("delete_lead", lead)
    assert Lead.objects.exists()


def test_who_may_delete_but_not_view_is_told_that_there_is_no_such_record(cast: Cast) -> None:
    cast.let(cast.member, "delete_lead")
    lead = LeadFactory(branch=cast.branch)
    for actor in (cast.member, cast.outsider):
        with pytest.raises(NoSuchRecord):
            delete_record(lead, actor=actor)
    assert Lead.objects.exists()


def test_deleting_twice_says_that_there_is_no_such_record(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch)
    delete_record(Lead.objects.get(), actor=cast.owner)
    with pytest.raises(NoSuchRecord):
        delete_record(lead, actor=cast.owner)


def test_activities_and_shares_go_along_those_that_the_deleter_cannot_see_too(cast: Cast) -> None:
    cast.let(cast.member, "delete_lead")
    cast.let(cast.member, "view_activity", Scope.CREATED)
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    ActivityFactory(about=lead, created_by=cast.owner)
    share(lead, cast.owner)
    share(lead, cast.team(cast.owner))
    kept = ActivityFactory(about=LeadFactory(branch=cast.branch))
    delete_record(lead, actor=cast.member)
    assert list(Activity.objects.all()) == [kept]
    assert not LeadUserShare.objects.exists()
    assert not LeadTeamShare.objects.exists()


def test_links_from_other_records_become_empty_and_nothing_else_cascades(cast: Cast) -> None:
    company = CompanyFactory(branch=cast.branch)
    contact = ContactFactory(branch=cast.branch, company=company)
    lead = LeadFactory(branch=cast.branch, company=company, contact=contact)
    OpportunityFactory(branch=cast.branch, company=company, contact=contact, lead=lead)
    task = TaskFactory(about=company)
    note = ActivityFactory(about=task)
    for record in (company, contact, lead):
        delete_record(record, actor=cast.owner)
    assert Opportunity.objects.filter(company=None, contact=None, lead=None).count() == 1
    assert Task.objects.get().about is None
    assert Activity.objects.get() == note


def test_every_link_either_becomes_empty_or_is_an_activity_s(cast: Cast) -> None:
    """A new kind of link has to decide what a deletion means for it."""
    for model in (Company, Contact, Lead, Opportunity, Task, Activity):
        for field in links_of(model):
            wanted = models.CASCADE if model is Activity else models.SET_NULL
            assert field.remote_field.on_delete is wanted, f"{model.__name__}.{field.name}"


def test_a_deletion_s_page_shows_only_what_its_reader_may_see(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    TaskFactory(about=lead)
    seen_task = TaskFactory(about=lead, responsible=cast.member)
    OpportunityFactory(branch=cast.branch, lead=lead)
    told = consequences.of_deletion(lead, actor=cast.member)
    assert {kind: list(rows) for kind, rows in told.emptied.items()} == {"opportunity": [], "task": [seen_task]}
    assert not told.uncovers_tasks


def test_a_deletion_s_page_warns_that_tasks_of_a_private_contact_come_to_light(cast: Cast) -> None:
    secret = ContactFactory(branch=cast.branch, private=True, responsible=cast.member)
    assert not consequences.of_deletion(secret, actor=cast.member).uncovers_tasks
    TaskFactory(about=secret, responsible=cast.member)
    assert consequences.of_deletion(secret, actor=cast.member).uncovers_tasks


def test_deletion_is_remembered_after_the_record_is_gone(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch)
    delete_record(lead, actor=cast.owner)
    assert Change.objects.filter(action="deleted", reference="L-1", record_id=lead.pk).exists()


def test_the_number_of_statements_does_not_grow_with_what_goes_along(cast: Cast) -> None:
    known, few, many = (LeadFactory(branch=cast.branch) for _ in range(3))
    for lead, count in ((few, 1), (many, 20)):
        for _ in range(count):
            ActivityFactory(about=lead)
            TaskFactory(about=lead)
    delete_record(known, actor=cast.owner)
    first, second = statements(few, cast), statements(many, cast)
    assert first == second


def statements(record: CrmRecord, cast: Cast) -> int:
    """How many statements the deletion takes."""
    with CaptureQueriesContext(connection) as captured:
        delete_record(record, actor=cast.owner)
    return len(captured)
