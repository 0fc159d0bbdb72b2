"""Previews and undoing, asked for as the web role."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from apps.access.models import Override, QueuedPreview
from apps.accounts.fence import tenant
from apps.changes.branches import CloseBranch, CreateBranch
from apps.changes.overrides import SetOverride
from apps.changes.preview import preview
from apps.changes.previews import queued
from apps.changes.undo import Undo
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.fence.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("in_full", [0, 50])
def test_a_preview_looks_inside_the_account(
    world: World, web: BaseDatabaseWrapper, in_full: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.changes.previews.measure.IN_FULL", in_full)
    account_id = world.here.account.pk
    with tenant(account_id, world.here.staff.pk):
        membership = Membership.objects.get(branch=world.here.branch, user=world.here.staff)
        change = SetOverride(
            account_id=account_id, membership_id=membership.pk, permission="view_lead", scope=Scope.NONE
        )
        (override,) = Override.objects.values()
        assert preview(change, actor=None).affected == 1
        assert list(Override.objects.values()) == [override]
        done = change.apply(actor=None, reason="Not for them").operation_id
        undo = Undo(account_id=account_id, operation_id=done or 0)
        assert preview(undo, actor=None).affected == 1
        undo.apply(actor=None, reason="For them again")
        assert list(Override.objects.values()) == [override]


def test_the_worker_computes_a_preview_and_forgets_old_ones_of_every_account(
    world: World, web: BaseDatabaseWrapper
) -> None:
    account_id, asker = world.here.account.pk, world.here.staff
    with tenant(account_id, asker.pk):
        change = CreateBranch(account_id=account_id, slug="south", name="South")
        asked = queued.ask(change, actor=asker, address="/a/page/", sent=[])
    queued.compute(asked.pk, account_id=account_id, user_id=asker.pk)
    with tenant(account_id, asker.pk):
        asked.refresh_from_db()
        assert (asked.state, asked.result["lines"]) == ("done", ["No members are affected."])
        QueuedPreview.objects.update(asked_at=timezone.now() - timedelta(days=2))
    assert queued.forget_old() == 2
    with tenant(world.there.account.pk, None):
        assert QueuedPreview.objects.count() == 1


def test_what_is_handed_over_is_noted(world: World, web: BaseDatabaseWrapper) -> None:

    account_id = world.here.account.pk
    with tenant(account_id, world.here.staff.pk):
        CreateBranch(account_id=account_id, slug="south", name="South").apply(actor=None, reason="Grows")
        south = world.here.account.branches.get(slug="south")
        change = CloseBranch(account_id=account_id, branch_id=world.here.branch.pk, records_to=south.pk)
        assert preview(change, actor=None).affected
