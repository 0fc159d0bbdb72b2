"""Pipelines as the web role: kept in one's own account, and never with a status of another one's."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.access.mandate_cache import bind_account
from apps.accounts.fence import tell, tenant
from apps.crm.models import OpportunityStatus, Pipeline
from apps.crm.services.customisation import delete_entry, move_entry, save_entry
from tests.fence.world import World, run

pytestmark = pytest.mark.django_db


def test_they_are_added_ordered_retired_and_deleted(web: BaseDatabaseWrapper, world: World) -> None:
    side = world.here
    with tenant(side.account.pk, side.staff.pk):
        bind_account(side.staff, side.account)
        pipeline = save_entry(Pipeline(account=side.account, name="Renewals", position=1), actor=side.staff)
        due = OpportunityStatus(account=side.account, pipeline=pipeline, name="Due")
        save_entry(due, actor=side.staff)
        move_entry(pipeline, actor=side.staff, up=True)
        assert [each.name for each in Pipeline.objects.all()] == ["Renewals", "Sales"]
        delete_entry(due, actor=side.staff)
        pipeline.offered = False
        save_entry(pipeline, actor=side.staff)
        delete_entry(pipeline, actor=side.staff)
        assert [each.name for each in Pipeline.objects.all()] == ["Sales"]


def test_a_status_is_not_put_into_another_accounts_pipeline(web: BaseDatabaseWrapper, world: World) -> None:
    with tenant(world.there.account.pk):
        foreign = Pipeline.objects.get()
    tell(world.here.account.pk, world.here.staff.pk)
    assert not Pipeline.objects.filter(pk=foreign.pk).exists()
    with pytest.raises(IntegrityError, match="same_account"), transaction.atomic():
        _point_at(foreign)
    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        Pipeline.objects.create(account=world.there.account, name="Mine")
    assert run("UPDATE crm_pipeline SET name = 'Mine' WHERE id = %s", [foreign.pk]) == 0


def _point_at(pipeline: Pipeline) -> None:
    OpportunityStatus.objects.update(pipeline=pipeline.pk)
    connection.check_constraints()
