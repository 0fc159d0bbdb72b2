"""Whoever joins or is invited needs a seat; one too many is refused with what it would cost, or comes by itself."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from apps.access.handover import Delete, HandOverPlan
from apps.accounts.models import Account, User
from apps.billing import subscribing
from apps.billing.models import Term
from apps.billing.running import run_account
from apps.changes.invitations import AcceptInvitation, Invite
from apps.changes.members import AddToBranch
from apps.changes.refusals import Guard, NoSeat
from apps.changes.removal import RemoveMember, RestoreMember
from apps.teams.models import Invitation
from tests.billing.cases import begin, choose, invoices, on, totals
from tests.factories import Cast, MembershipFactory, UserFactory, make_cast, published

pytestmark = pytest.mark.django_db
MARCH = date(2026, 3, 1)


def full(scheme: str = "atlas", *, grows: bool = False, day: date = MARCH) -> Cast:
    """An account of two seats with two members."""
    cast = make_cast(scheme)
    begin(cast.account, day=day, seats=2)
    if grows:
        subscribing.set_growth(cast.account.pk, grows=True, actor=cast.owner, reason="We hire")
    return cast


def invite(cast: Cast, email: str = "new@acme.example") -> Invite:
    role = published(cast.account.scheme, "member")
    change = Invite(account_id=cast.account.pk, branch_id=cast.branch.pk, email=email, role_id=role.pk)
    change.apply(actor=cast.owner, reason="We need her")
    return change


def test_an_invitation_beyond_the_seats_is_refused_with_what_it_would_cost() -> None:
    cast = full()
    with on(MARCH), pytest.raises(NoSeat) as refused:
        invite(cast)
    assert refused.value.guard is Guard.SEATS
    assert str(refused.value) == (
        "All 2 seats of Acme are in use. Another seat costs €24.00 a month. "
        "Ask a member who manages the subscription to add it."
    )
    assert not Invitation.objects.exists()


def test_with_another_seat_it_goes_out_and_takes_it() -> None:
    cast = full()
    with on(MARCH):
        choose(cast.account, "professional", 3, actor=cast.owner)
        sent = invite(cast)
        with pytest.raises(NoSeat, match="All 3 seats"):
            invite(cast, "other@acme.example")
        new = UserFactory(email="new@acme.example")
        AcceptInvitation(account_id=cast.account.pk, token=sent.token).apply(actor=new, reason="Accepted")


def test_an_invitation_that_has_ended_takes_no_seat() -> None:
    cast = full()
    with on(MARCH):
        choose(cast.account, "professional", 3)
        invite(cast)
        Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
        invite(cast, "other@acme.example")


def test_a_member_who_comes_back_needs_a_seat() -> None:
    cast = full()
    with on(MARCH):
        remove = RemoveMember(
            account_id=cast.account.pk, user_id=cast.member.pk, removal_plan=HandOverPlan({}, Delete())
        )
        remove.apply(actor=cast.owner, reason="Gone")
        invite(cast)
        with pytest.raises(NoSeat):
            RestoreMember(account_id=cast.account.pk, user_id=cast.member.pk).apply(actor=cast.owner, reason="Back")


def test_somebody_on_two_branches_takes_one_seat() -> None:
    cast = full()
    south = cast.branch_beside()
    role = published("atlas", "member")
    add = AddToBranch(account_id=cast.account.pk, user_id=cast.member.pk, branch_id=south.pk, role_id=role.pk)
    with on(MARCH):
        add.apply(actor=cast.owner, reason="Helps there")


def test_a_subscription_that_grows_has_a_seat_for_whoever_is_invited() -> None:
    cast = full(grows=True)
    with on(date(2026, 3, 17)):
        invite(cast)
        run_account(cast.account.pk)
    assert Account.objects.get(pk=cast.account.pk).seats == 3
    # 15 of 31 days of 24.00.
    assert totals(cast.account) == ["48.00", "11.61"]


def test_it_grows_up_to_what_the_plan_has_room_for() -> None:
    cast = full(grows=True)
    with on(MARCH):
        choose(cast.account, "starter", 2)
    with on(date(2026, 4, 1)):
        run_account(cast.account.pk)
        for number in range(8):
            invite(cast, f"new{number}@acme.example")
        with pytest.raises(NoSeat, match="Starter allows up to 10 members"):
            invite(cast)


def test_what_is_to_come_grows_along() -> None:
    cast = full(grows=True)
    with on(MARCH):
        choose(cast.account, "starter", 2)
        invite(cast)
    assert Term.objects.filter(account=cast.account).order_by("pk").last().seats == 3  # type: ignore[union-attr]


def test_a_branch_that_pays_for_itself_has_seats_of_its_own() -> None:
    cast = full()
    south = cast.branch_beside()
    MembershipFactory(branch=south, user=cast.owner, role="owner")
    with on(MARCH):
        subscribing.bill_by(cast.account.pk, branches=True, actor=cast.owner, reason="Two budgets")
    with on(date(2026, 4, 1)):
        run_account(cast.account.pk)
        with pytest.raises(NoSeat, match="All 2 seats of North"):
            invite(cast)
        role = published("atlas", "member")
        add = AddToBranch(account_id=cast.account.pk, user_id=cast.member.pk, branch_id=south.pk, role_id=role.pk)
        with pytest.raises(NoSeat, match="The only seat of South is in use"):
            add.apply(actor=cast.owner, reason="Helps there")
        subscribing.set_growth(cast.account.pk, grows=True, actor=cast.owner, reason="We hire")
        add.apply(actor=cast.owner, reason="Helps there")
        run_account(cast.account.pk)
    assert [str(each.payer) for each in invoices(cast.account)] == ["Acme", "North", "South", "South"]


def test_an_account_without_a_subscription_has_as_many_as_it_likes() -> None:
    cast = make_cast()
    for number in range(3):
        invite(cast, f"new{number}@acme.example")
    assert User.objects.filter(email="new1@acme.example").count() == 0
