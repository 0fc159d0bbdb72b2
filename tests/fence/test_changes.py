"""Changes of who is a member, made as the web role, where they reach beyond what it sees."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from apps.access.models import AccessRequest, Override
from apps.access.operators import open_session
from apps.accounts.fence import tenant
from apps.accounts.models import Account, User
from apps.changes.accounts import CloseAccount, close_due_accounts
from apps.changes.details import ChangeDetails, DeactivateUser
from apps.changes.expiry_emails import warn_of_ends
from apps.changes.invitations import AcceptInvitation, Invite, inviting_account
from apps.changes.refusals import Guard, Refusal
from apps.changes.request_emails import request_made
from apps.roles.models import Role
from apps.teams.models import Membership
from tests.fence.world import World

pytestmark = pytest.mark.django_db


def test_the_token_leads_somebody_new_into_the_account(world: World, web: BaseDatabaseWrapper) -> None:
    guest = User.objects.create_user("guest@home.example", name="Gus Guest")
    role = Role.objects.published("atlas").get(key="member")
    with tenant(world.here.account.pk):
        invite = Invite(account_id=world.here.account.pk, email=guest.email, role_id=role.pk)
        invite.apply(actor=None, reason="Joins us")
    account_id = inviting_account(invite.token)
    assert account_id == world.here.account.pk
    with tenant(account_id, guest.pk):
        AcceptInvitation(account_id=account_id, token=invite.token).apply(actor=guest, reason="Happy to")
        assert Membership.objects.filter(user=guest, branch=world.here.branch).exists()


def test_a_place_in_an_account_that_is_not_seen_counts(world: World, web: BaseDatabaseWrapper) -> None:
    rename = ChangeDetails(account_id=world.here.account.pk, user_id=world.both.pk, name="Bob")
    with tenant(world.here.account.pk, world.here.staff.pk):
        assert not Membership.objects.filter(account=world.there.account).exists()
        with pytest.raises(Refusal) as caught:
            rename.apply(actor=world.here.staff, reason="Because")
        assert caught.value.guard is Guard.RIGHT
        rename.apply(actor=world.both, reason="Because")


def test_a_deactivation_asks_accounts_that_are_not_seen(world: World, web: BaseDatabaseWrapper) -> None:
    open_session(world.operator, reason="A customer asked for it")
    with tenant(world.there.account.pk):
        owner = Role.objects.published("atlas").get(key="owner")
        Membership.objects.filter(user=world.both, account=world.there.account).update(role=owner)
    deactivate = DeactivateUser(user_id=world.both.pk)
    with tenant(world.here.account.pk, world.operator.pk):
        with pytest.raises(Refusal) as caught:
            deactivate.apply(actor=world.operator, reason="Because")
        assert caught.value.guard is Guard.LAST_KEEPER
    with tenant(world.there.account.pk):
        Membership.objects.filter(user=world.there.staff).update(role=owner)
    with tenant(world.here.account.pk, world.operator.pk):
        assert deactivate.apply(actor=world.operator, reason="Because").rows == 1
    assert not User.objects.get(pk=world.both.pk).is_active


def test_the_worker_closes_every_account_that_is_due(world: World, web: BaseDatabaseWrapper) -> None:
    for side in (world.here, world.there):
        with tenant(side.account.pk):
            CloseAccount(account_id=side.account.pk, waiting=timedelta(0)).apply(actor=None, reason="We go")
    assert close_due_accounts() == 2
    assert not Account.objects.exists()
    for side in (world.here, world.there):
        with tenant(side.account.pk):
            assert Account.objects.get().status == Account.Status.CLOSED


def test_the_worker_warns_of_ends_in_every_account(world: World, web: BaseDatabaseWrapper) -> None:
    now = timezone.now()
    for side in (world.here, world.there):
        with tenant(side.account.pk), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('mandate.reason', 'Until then', true)")
            Override.objects.update(expires_at=now + timedelta(days=10))
    assert warn_of_ends(now + timedelta(days=8)) == 2
    assert warn_of_ends(now + timedelta(days=8)) == 0


def test_the_worker_tells_of_a_request_inside_its_account(world: World, web: BaseDatabaseWrapper) -> None:
    with tenant(world.here.account.pk):
        asked = AccessRequest.objects.get()
        AccessRequest.objects.update(user=world.both)
    assert request_made.func(account_id=world.here.account.pk, request_id=asked.pk) == 1
    assert request_made.func(account_id=world.there.account.pk, request_id=asked.pk) == 0
