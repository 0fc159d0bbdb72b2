"""Changes that meet: real connections, many trials, no violation; and without the account's lock the harness sees one.

`MANDATE_RACES` says how often each race is run; docs/faults.md has the figures of a long run.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.utils import timezone

from apps.access.handover import Delete, HandOverPlan
from apps.access.models import AccessRequest, Override
from apps.access.policy import may
from apps.accounts.models import Account, User
from apps.audit.models import Link
from apps.audit.verification import verify
from apps.changes.base import ChangeResult
from apps.changes.context import ChangeContext
from apps.changes.details import DeactivateUser
from apps.changes.invitations import AcceptInvitation, Invite
from apps.changes.members import ChangeRole
from apps.changes.overrides import SetOverride
from apps.changes.refusals import ChangedMeanwhile, Refusal
from apps.changes.removal import RemoveMember
from apps.changes.requests import ApproveRequest, RequestAccess
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership, ParentMembership
from tests.audit.chains import sql
from tests.factories import Cast, LeadFactory, UserFactory, make_cast, published

pytestmark = pytest.mark.django_db(transaction=True)

TRIALS = int(os.environ.get("MANDATE_RACES", "60"))
# Without the lock a race is lost soon; this often it is tried before that is believed.
UNTIL_SEEN = 1500
Work = Callable[[], Any]


class Crowd:
    """Threads with a connection each, that start what they are given at the same moment."""

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size)
        self._size = size

    def at_once(self, *works: Work) -> list[Any]:
        """What each returned, or the refusal or error that it ended in."""
        barrier = threading.Barrier(len(works))

        def run(work: Work) -> Any:
            barrier.wait(30)
            try:
                return work()
            except Exception as error:
                return error

        return list(self._pool.map(run, works))

    def close(self) -> None:
        """End the threads and their connections."""
        barrier = threading.Barrier(self._size)

        def leave() -> None:
            barrier.wait(30)
            connections.close_all()

        list(self._pool.map(lambda _: leave(), range(self._size)))
        self._pool.shutdown()


@pytest.fixture
def crowd(request: pytest.FixtureRequest) -> Iterator[Crowd]:
    found = Crowd(getattr(request, "param", 2))
    yield found
    found.close()


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build in which a change reads the account without locking it."""

    def without_lock(cls: type[ChangeContext], account_id: int, actor: User | None, reason: str) -> ChangeContext:
        return cls(Account.objects.get(pk=account_id), actor, reason)

    monkeypatch.setattr(ChangeContext, "lock", classmethod(without_lock))


def owners(cast: Cast, *others: User) -> list[Membership]:
    """Owners of the branch, with no supreme parent role beside them."""
    ParentMembership.objects.all().delete()
    for other in others:
        Membership.objects.filter(user=other).update(role=published("atlas", "owner"))
    return list(Membership.objects.filter(branch=cast.branch, role__key="owner").order_by("pk").select_related("user"))


def demotion(of: Membership, by: User) -> Work:
    change = ChangeRole(account_id=of.account_id, membership_id=of.pk, role_id=published("atlas", "member").pk)
    return lambda: change.apply(actor=by, reason="A race")


def outcomes(results: list[Any]) -> Counter[str]:
    for result in results:
        assert isinstance(result, ChangeResult | Refusal), repr(result)
    return Counter("done" if isinstance(result, ChangeResult) else str(result.guard) for result in results)


def mutual(cast: Cast, crowd: Crowd) -> Counter[str]:
    """Two of three owners demote each other at once."""
    Membership.objects.filter(branch=cast.branch).update(role=published("atlas", "owner"))
    first, second, *_ = Membership.objects.filter(branch=cast.branch).order_by("pk").select_related("user")
    return outcomes(crowd.at_once(demotion(first, second.user), demotion(second, first.user)))


def test_two_owners_demote_each_other(crowd: Crowd) -> None:
    cast = make_cast("atlas")
    owners(cast, cast.member, cast.join())
    seen: Counter[str] = Counter()
    for _ in range(TRIALS):
        found = mutual(cast, crowd)
        assert found["done"] == 1, found
        seen += found
    assert seen == {"done": TRIALS, "right": TRIALS}
    assert all(report.sound for report in verify())


@pytest.mark.usefixtures("unlocked")
def test_without_the_lock_both_are_demoted_by_somebody_who_is_no_owner_any_more(crowd: Crowd) -> None:
    cast = make_cast("atlas")
    owners(cast, cast.member, cast.join())
    assert any(mutual(cast, crowd)["done"] == 2 for _ in range(UNTIL_SEEN))


def last_ones(cast: Cast, first: Membership, second: Membership, crowd: Crowd) -> tuple[Counter[str], int]:
    """Of two owners one is removed and the other deactivated at once; how many are left."""
    Membership.objects.filter(pk__in=[first.pk, second.pk]).update(status="active", removed_at=None)
    User.objects.filter(pk=second.user_id).update(is_active=True)
    removal = RemoveMember(
        account_id=cast.account.pk,
        user_id=first.user_id,
        branch_id=cast.branch.pk,
        removal_plan=HandOverPlan({}, Delete()),
    )
    results = crowd.at_once(
        lambda: removal.apply(actor=None, reason="A race"),
        lambda: DeactivateUser(user_id=second.user_id).apply(actor=None, reason="A race"),
    )
    left = Membership.objects.active().filter(branch=cast.branch, role__key="owner", user__is_active=True)
    return outcomes(results), left.count()


def test_the_last_owners_are_removed_and_deactivated_at_once(crowd: Crowd) -> None:
    cast = make_cast("atlas")
    first, second = owners(cast, cast.member)
    for _ in range(TRIALS):
        found, left = last_ones(cast, first, second, crowd)
        assert left == 1
        assert found == {"done": 1, "last_keeper": 1}


@pytest.mark.usefixtures("unlocked")
def test_without_the_lock_nobody_is_left(crowd: Crowd) -> None:
    cast = make_cast("atlas")
    first, second = owners(cast, cast.member)
    assert any(last_ones(cast, first, second, crowd)[1] == 0 for _ in range(UNTIL_SEEN))


def two_edits(cast: Cast, crowd: Crowd) -> list[Any]:
    """Two people save the same page of an override."""
    Override.objects.update_or_create(
        account=cast.account,
        branch=cast.branch,
        user=cast.member,
        permission="view_reports",
        defaults={"scope": Scope.ALL, "reason": "Before", "expires_at": None},
    )
    membership = Membership.objects.get(branch=cast.branch, user=cast.member)

    def edit(days: int) -> Work:
        change = SetOverride(
            account_id=cast.account.pk,
            membership_id=membership.pk,
            permission="view_reports",
            scope=Scope.ALL,
            expires_at=timezone.now() + timedelta(days=days),
            seen={"scope": Scope.ALL, "expires_at": None},
        )
        return lambda: change.apply(actor=cast.owner, reason=f"For {days} days")

    return crowd.at_once(edit(1), edit(2))


def test_of_two_edits_of_one_override_the_second_is_refused_and_not_lost(crowd: Crowd) -> None:
    cast = make_cast("atlas")
    for _ in range(TRIALS):
        results = two_edits(cast, crowd)
        assert sorted(type(result).__name__ for result in results) == ["ChangeResult", "ChangedMeanwhile"], results
        refused = next(result for result in results if isinstance(result, ChangedMeanwhile))
        assert refused.differences["expires_at"][0] is None


@pytest.mark.usefixtures("unlocked")
def test_without_the_lock_one_edit_is_lost(crowd: Crowd) -> None:
    cast = make_cast("atlas")
    assert any(all(isinstance(result, ChangeResult) for result in two_edits(cast, crowd)) for _ in range(UNTIL_SEEN))


@pytest.mark.parametrize("crowd", [30], indirect=True)
def test_an_invitation_accepted_thirty_times_at_once_has_one_effect(crowd: Crowd) -> None:
    cast = make_cast("atlas")
    for number in range(max(TRIALS // 10, 3)):
        guest = UserFactory(email=f"guest{number}@acme.example")
        invite = Invite(
            account_id=cast.account.pk,
            email=guest.email,
            role_id=published("atlas", "member").pk,
            branch_id=cast.branch.pk,
        )
        invite.apply(actor=cast.owner, reason="Joins us")
        accept = AcceptInvitation(account_id=cast.account.pk, token=invite.token)
        results = crowd.at_once(*[partial(accept.apply, actor=guest, reason="Accepted")] * 30)
        assert outcomes(results) == {"done": 1, "target": 29}
        assert Membership.objects.filter(user=guest).count() == 1
        assert Invitation.objects.get(email=guest.email).status == "accepted"


def approval(cast: Cast, crowd: Crowd, approver: Membership) -> bool:
    """A request is approved while its approver is demoted; whether the approval counts though it came after."""
    Membership.objects.filter(pk=approver.pk).update(role=published("atlas", "admin"))
    Override.objects.all().delete()
    AccessRequest.objects.all().delete()
    asked = RequestAccess(account_id=cast.account.pk, branch_id=cast.branch.pk, permission="view_reports")
    asked.apply(actor=cast.member, reason="For the quarter")
    approve = ApproveRequest(account_id=cast.account.pk, request_id=AccessRequest.objects.get().pk)
    given, demoted = crowd.at_once(
        lambda: approve.apply(actor=approver.user, reason="A race"), demotion(approver, cast.owner)
    )
    outcomes([given, demoted])
    assert isinstance(demoted, ChangeResult)
    if not isinstance(given, ChangeResult):
        assert not may(User.objects.get(pk=cast.member.pk), "view_reports", cast.branch)
        return False
    order = dict(Link.objects.filter(account_id=cast.account.pk).values_list("operation", "seq"))
    return order[given.operation_id or 0] > order[demoted.operation_id or 0]


def test_nobody_approves_once_they_are_demoted(crowd: Crowd) -> None:
    cast = make_cast("atlas")
    approver = Membership.objects.select_related("user").get(user=cast.join("admin"))
    assert not any(approval(cast, crowd, approver) for _ in range(TRIALS))


@pytest.mark.usefixtures("unlocked")
def test_without_the_lock_somebody_does(crowd: Crowd) -> None:
    cast = make_cast("atlas")
    approver = Membership.objects.select_related("user").get(user=cast.join("admin"))
    assert any(approval(cast, crowd, approver) for _ in range(UNTIL_SEEN))


@pytest.mark.parametrize("crowd", [3], indirect=True)
def test_once_a_revocation_is_acknowledged_no_request_goes_by_the_old_state(crowd: Crowd) -> None:
    """The "new enemy": kept Mandates included, and whatever connection the request is on."""
    cast = make_cast("atlas")
    membership = Membership.objects.get(branch=cast.branch, user=cast.member)
    lead = LeadFactory(branch=cast.branch, responsible=cast.owner)
    acknowledged = threading.Event()

    def reads() -> int:
        """Ask until well after the acknowledgement; how often the answer was a late yes."""
        late, after = 0, 0
        while after < 5:
            known = acknowledged.is_set()
            allowed = may(User.objects.get(pk=cast.member.pk), "view_lead", lead)
            after += known
            late += known and allowed
        return late

    def revokes() -> None:
        change = SetOverride(
            account_id=cast.account.pk, membership_id=membership.pk, permission="view_lead", scope=Scope.NONE
        )
        change.apply(actor=cast.owner, reason="A race")
        acknowledged.set()

    for _ in range(TRIALS):
        acknowledged.clear()
        Override.objects.update_or_create(
            account=cast.account,
            branch=cast.branch,
            user=cast.member,
            permission="view_lead",
            defaults={"scope": Scope.ALL, "reason": "Before"},
        )
        assert may(User.objects.get(pk=cast.member.pk), "view_lead", lead)
        first, second, revoked = crowd.at_once(reads, reads, revokes)
        assert (first, second, revoked) == (0, 0, None)


def test_deadlocks_and_broken_off_transactions_are_tried_again(crowd: Crowd) -> None:
    """Plain SQL takes the locks in the opposite order; the change comes through all the same."""
    cast = make_cast("atlas")
    membership = Membership.objects.get(branch=cast.branch, user=cast.member)
    admin, member = published("atlas", "admin"), published("atlas", "member")

    def by_hand() -> None:
        # It may itself be the one that is broken off.
        with suppress(OperationalError), transaction.atomic():
            sql("UPDATE teams_membership SET joined_at = clock_timestamp() WHERE id = %s", membership.pk)
            sql("SELECT pg_sleep(0.01)")
            sql("SELECT id FROM accounts_account WHERE id = %s FOR NO KEY UPDATE", cast.account.pk)

    for number in range(max(TRIALS // 4, 5)):
        change = ChangeRole(
            account_id=cast.account.pk, membership_id=membership.pk, role_id=(admin, member)[number % 2].pk
        )
        done, _ = crowd.at_once(partial(change.apply, actor=None, reason="A race"), by_hand)
        assert isinstance(done, ChangeResult), repr(done)
