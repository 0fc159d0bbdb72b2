"""An account's own lists: statuses and sources."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from apps.access.errors import MissingPermission
from apps.crm.errors import EntryInUse, NoSuchLink, NotACall
from apps.crm.models import CallResult, Change, LeadStatus, OpportunityStatus, Outcome, Source
from apps.crm.services import create_defaults, update_record
from apps.crm.services.customisation import delete_entry, save_entry
from tests.factories import AccountFactory, ActivityFactory, Cast, LeadFactory


@pytest.mark.django_db
def test_an_account_begins_with_lists_in_order_and_each_can_be_won_and_lost() -> None:
    account = AccountFactory()
    assert [status.name for status in LeadStatus.objects.filter(account=account)][:2] == ["New", "Contacted"]
    for statuses in (LeadStatus.objects.filter(account=account), OpportunityStatus.objects.filter(account=account)):
        assert {status.outcome for status in statuses} == set(Outcome.values)
    assert Source.objects.filter(account=account, name="Referral").exists()
    results = ["Reached", "No answer", "Left a message", "Wrong number", "Call back later"]
    assert [result.name for result in CallResult.objects.filter(account=account)] == results


@pytest.mark.django_db
def test_giving_the_lists_again_doubles_nothing_and_keeps_what_was_changed() -> None:
    account = AccountFactory()
    LeadStatus.objects.filter(account=account, name="New").update(position=9)
    create_defaults(account)
    assert LeadStatus.objects.get(account=account, name="New").position == 9
    assert LeadStatus.objects.filter(account=account).count() == 5


def test_the_lists_are_managed_with_a_permission(cast: Cast) -> None:
    status = LeadStatus(account=cast.account, name="Dormant")
    with pytest.raises(MissingPermission) as caught:
        save_entry(status, actor=cast.member)
    assert (caught.value.codename, caught.value.target) == ("manage_statuses", cast.account)
    with pytest.raises(MissingPermission):
        delete_entry(LeadStatus.objects.filter(account=cast.account)[0], actor=cast.outsider)
    assert save_entry(status, actor=cast.owner).pk


def test_a_name_stands_in_a_list_once(cast: Cast) -> None:
    with pytest.raises(ValidationError):
        save_entry(Source(account=cast.account, name="Referral"), actor=cast.owner)


def test_what_no_record_has_is_deleted_and_what_one_has_is_not(cast: Cast) -> None:
    used, unused = LeadStatus.objects.filter(account=cast.account)[:2]
    LeadFactory(branch=cast.branch, status=used, name="Deep Throat")
    delete_entry(unused, actor=cast.owner)
    with pytest.raises(EntryInUse, match="New is in use") as caught:
        delete_entry(used, actor=cast.owner)
    assert caught.value.__suppress_context__
    assert LeadStatus.objects.filter(pk=used.pk).exists()


def test_a_call_has_a_result_which_stands_in_its_history_and_nothing_else_has_one(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.owner)
    call, note = (ActivityFactory(about=lead, kind=kind, created_by=cast.owner) for kind in ("call", "note"))
    reached = CallResult.objects.get(account=cast.account, name="Reached")
    update_record(call, actor=cast.owner, changes={"result": reached})
    told = Change.objects.filter(record_type="activity", record_id=call.pk).latest("pk")
    assert "Reached" in str(told.fields)
    with pytest.raises(NotACall):
        update_record(note, actor=cast.owner, changes={"result": reached})
    with pytest.raises(NotACall):
        update_record(call, actor=cast.owner, changes={"kind": "note"})
    with pytest.raises(EntryInUse):
        delete_entry(reached, actor=cast.owner)


def test_a_result_of_another_account_is_none_of_ours(cast: Cast) -> None:
    call = ActivityFactory(about=LeadFactory(branch=cast.branch, responsible=cast.owner), kind="call")
    foreign = CallResult.objects.filter(account=cast.elsewhere.account)[0]
    with pytest.raises(NoSuchLink):
        update_record(call, actor=cast.owner, changes={"result": foreign})
