"""Pipelines: an account has one that is offered at least, and a status of an opportunity stands in one of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from apps.access.errors import MissingPermission
from apps.crm.errors import EntryInUse, LastPipeline, NoSuchLink
from apps.crm.models import Opportunity, OpportunityStatus, Outcome, Pipeline
from apps.crm.services import create_defaults, create_record, update_record
from apps.crm.services.customisation import delete_entry, move_entry, save_entry
from tests.factories import AccountFactory, Cast, OpportunityFactory, make_cast
from tests.waiting import until_somebody_waits


def sales_of(account: Any) -> Pipeline:
    return Pipeline.objects.get(account=account, name="Sales")


def renewals(cast: Cast, *statuses: str) -> Pipeline:
    """A second pipeline of the account, with these statuses."""
    pipeline = Pipeline.objects.create(account=cast.account, name="Renewals", position=1)
    for position, name in enumerate(statuses):
        OpportunityStatus.objects.create(account=cast.account, pipeline=pipeline, name=name, position=position)
    return pipeline


def _stored_as_it_is(status: OpportunityStatus) -> None:
    status.save()
    connection.check_constraints()


@pytest.mark.django_db
def test_an_account_begins_with_one_and_is_given_no_second_one() -> None:
    account = AccountFactory()
    pipeline = sales_of(account)
    names = [status.name for status in pipeline.statuses.all()]
    assert names == ["Qualification", "Needs analysis", "Proposal", "Negotiation", "Won", "Lost"]
    Pipeline.objects.filter(account=account).update(name="Deals")
    create_defaults(account)
    assert Pipeline.objects.get(account=account).name == "Deals"


def test_a_name_stands_in_a_pipeline_once_and_in_another_one_again(cast: Cast) -> None:
    pipeline = renewals(cast, "Proposal")
    with pytest.raises(ValidationError):
        save_entry(OpportunityStatus(account=cast.account, pipeline=pipeline, name="Proposal"), actor=cast.owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        OpportunityStatus.objects.create(account=cast.account, pipeline=pipeline, name="Proposal")
    with pytest.raises(ValidationError):
        save_entry(Pipeline(account=cast.account, name="Renewals"), actor=cast.owner)


def test_a_status_stands_in_a_pipeline_of_its_own_account(cast: Cast) -> None:
    foreign = sales_of(cast.elsewhere.account)
    for pipeline_id in (foreign.pk, 10**9):
        status = OpportunityStatus(account=cast.account, pipeline_id=pipeline_id, name="Anew")
        with pytest.raises(ValidationError, match="That pipeline doesn’t exist"):
            save_entry(status, actor=cast.owner)
        with pytest.raises(IntegrityError), transaction.atomic():
            _stored_as_it_is(status)


def test_an_opportunity_stands_in_no_pipeline_of_another_account(cast: Cast) -> None:
    opportunity = OpportunityFactory(branch=cast.branch, responsible=cast.owner)
    foreign = sales_of(cast.elsewhere.account).statuses.all()[0]
    with pytest.raises(NoSuchLink):
        update_record(opportunity, actor=cast.owner, changes={"status": foreign})


def test_they_are_managed_with_a_permission(cast: Cast) -> None:
    for change in (save_entry, delete_entry):
        with pytest.raises(MissingPermission) as caught:
            change(sales_of(cast.account), actor=cast.member)
        assert caught.value.codename == "manage_statuses"


def test_the_last_one_that_is_offered_stays(cast: Cast) -> None:
    sales, other = sales_of(cast.account), renewals(cast)
    other.offered = False
    save_entry(other, actor=cast.owner)
    sales.offered = False
    for change in (save_entry, delete_entry):
        with pytest.raises(LastPipeline, match="Sales is the only pipeline"):
            change(sales, actor=cast.owner)
    sales.refresh_from_db()
    assert sales.offered
    delete_entry(other, actor=cast.owner)
    assert list(Pipeline.objects.filter(account=cast.account)) == [sales]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deletes", [True, False])
def test_of_two_people_who_each_take_one_of_the_last_two_one_is_refused(deletes: bool) -> None:
    cast = make_cast("atlas")
    sales, other = sales_of(cast.account), renewals(cast)

    def take(pipeline: Pipeline) -> str:
        try:
            if deletes:
                delete_entry(pipeline, actor=cast.owner)
            else:
                pipeline.offered = False
                save_entry(pipeline, actor=cast.owner)
        except LastPipeline:
            return "refused"
        return "taken"

    def take_the_other() -> str:
        try:
            return take(sales)
        finally:
            connection.close()

    if deletes:
        sales.statuses.all().delete()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert take(other) == "taken"
            waiting = pool.submit(take_the_other)
            until_somebody_waits()
        assert waiting.result(timeout=60) == "refused"
    assert list(Pipeline.objects.filter(account=cast.account, offered=True)) == [sales]


def test_one_with_statuses_is_not_deleted(cast: Cast) -> None:
    pipeline = renewals(cast, "Due")
    with pytest.raises(EntryInUse, match="Renewals is in use"):
        delete_entry(pipeline, actor=cast.owner)
    OpportunityFactory(branch=cast.branch, status=pipeline.statuses.get())
    with pytest.raises(EntryInUse, match="Due is in use"):
        delete_entry(pipeline.statuses.get(), actor=cast.owner)
    Opportunity.objects.update(status=None)
    delete_entry(pipeline.statuses.get(), actor=cast.owner)
    delete_entry(pipeline, actor=cast.owner)
    assert not Pipeline.objects.filter(pk=pipeline.pk).exists()


def test_statuses_are_put_in_order_within_their_pipeline(cast: Cast) -> None:
    pipeline = renewals(cast, "Due", "Asked", "Renewed")
    before = list(sales_of(cast.account).statuses.values_list("name", "position"))
    move_entry(pipeline.statuses.get(name="Renewed"), actor=cast.owner, up=True)
    move_entry(pipeline.statuses.get(name="Due"), actor=cast.owner, up=True)
    assert [status.name for status in pipeline.statuses.all()] == ["Due", "Renewed", "Asked"]
    assert list(sales_of(cast.account).statuses.values_list("name", "position")) == before
    move_entry(pipeline, actor=cast.owner, up=True)
    every = OpportunityStatus.objects.filter(account=cast.account)
    assert [status.name for status in every][:4] == ["Due", "Renewed", "Asked", "Qualification"]


def test_a_new_opportunity_begins_in_the_first_pipeline_that_is_offered(cast: Cast) -> None:
    def begins() -> str:
        made = Opportunity(branch=cast.branch, name="Anew")
        return str(create_record(made, actor=cast.owner, accept_doubles=True).status)

    pipeline = renewals(cast, "Due")
    assert begins() == "Qualification"
    move_entry(pipeline, actor=cast.owner, up=True)
    assert begins() == "Due"
    pipeline.offered = False
    pipeline.position = 0
    save_entry(pipeline, actor=cast.owner)
    assert begins() == "Qualification"
    assert Outcome.WON in {status.outcome for status in OpportunityStatus.on_offer(cast.account.pk)}
    assert "Due" not in {status.name for status in OpportunityStatus.on_offer(cast.account.pk)}
