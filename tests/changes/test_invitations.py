"""Invitations: sent, sent again, cancelled and accepted; judged as if accepted, whenever they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apps.access.policy import may
from apps.accounts.models import Account, Branch, User
from apps.audit.models import Entry
from apps.changes.invitations import (
    AcceptInvitation,
    CancelInvitation,
    Invite,
    ResendInvitation,
    digest_of,
    inviting_account,
)
from apps.changes.members import ChangeRole
from apps.changes.refusals import Guard
from apps.teams.models import Invitation, Membership
from tests.changes.tries import made, refusal, refused
from tests.factories import (
    Cast,
    OperatorFactory,
    OwnRoleFactory,
    ParentMembershipFactory,
    UserFactory,
    make_cast,
    published,
)

pytestmark = pytest.mark.django_db

ZOE = "zoe@acme.example"


def invite(cast: Cast, role: str = "member", *, email: str = ZOE, branch: Branch | None = None) -> Invite:
    role_id = published(cast.account.scheme, role).pk
    return Invite(
        account_id=cast.account.pk, email=email, role_id=role_id, branch_id=None if branch is None else branch.pk
    )


def invited(cast: Cast, *args: Any, actor: User | None, **named: Any) -> tuple[Invitation, str]:
    """A sent invitation and its token."""
    change = invite(cast, *args, **named)
    made(change, actor)
    return Invitation.objects.get(token_digest=digest_of(change.token)), change.token


def accept(cast: Cast, token: str) -> AcceptInvitation:
    return AcceptInvitation(account_id=cast.account.pk, token=token)


def zoe(**fields: Any) -> User:
    user: User = UserFactory(name="Zoe Zimmer", email=ZOE, **fields)
    return user


# --- Sending ---


def test_an_invitation_is_sent_for_seven_days_and_only_its_digest_is_kept() -> None:
    cast = make_cast("atlas")
    change = invite(cast, email=" Zoe@ACME.example ", branch=cast.branch)
    (entry,) = made(change, cast.owner)
    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.branch, invitation.invited_by) == (ZOE, cast.branch, cast.owner)
    assert invitation.expires_at - invitation.sent_at == timedelta(days=7)
    assert invitation.is_open
    assert invitation.token_digest == digest_of(change.token)
    assert len(change.token) >= 43
    assert change.token not in repr(change)
    assert change.token not in str(entry.after)
    assert invitation.token_digest not in str(entry.after)
    assert inviting_account(change.token) == cast.account.pk
    assert inviting_account("no-such-token") is None


def test_two_invitations_have_two_tokens() -> None:
    cast = make_cast("atlas")
    assert invite(cast).token != invite(cast).token


def test_each_guard_says_no_to_an_invitation_for_itself() -> None:
    cast = make_cast("atlas")
    admin, south = cast.join("admin"), cast.branch_beside()
    assert refused(invite(cast, branch=cast.branch), cast.member) is Guard.RIGHT
    assert refused(invite(cast), admin) is Guard.RIGHT  # nothing on the other branch
    assert refused(invite(cast, branch=south, email=admin.email), admin) is Guard.ONESELF
    assert refused(invite(cast, "owner", branch=cast.branch), admin) is Guard.ESCALATION
    supreme = UserFactory()
    ParentMembershipFactory(account=cast.account, user=supreme, role="super_admin")
    assert refused(invite(cast, branch=cast.branch, email=supreme.email), admin) is Guard.ABOVE
    assert refused(invite(cast, "viewer"), cast.owner) is Guard.TARGET
    assert refused(invite(cast, branch=cast.elsewhere), cast.owner) is Guard.TARGET
    assert refused(invite(cast, email="zoe"), cast.owner) is Guard.TARGET
    assert refused(invite(cast, branch=cast.branch, email=cast.member.email), cast.owner) is Guard.TARGET
    assert refused(invite(cast), cast.owner, "\t") is Guard.REASON
    assert refused(invite(cast), cast.outsider) is Guard.TARGET
    Branch.objects.filter(pk=south.pk).update(status="closed")
    assert refused(invite(cast, branch=south), cast.owner) is Guard.TARGET
    made(invite(cast, branch=cast.branch), admin)


def test_nobody_is_invited_to_the_single_role_nor_down_the_ladder() -> None:
    cast = make_cast("staff-ladder", member_role="admin")
    assert refused(invite(cast, "super_admin"), None) is Guard.SINGLE
    cast.remove(cast.member)
    assert refused(invite(cast, "teammate", email=cast.member.email), cast.owner) is Guard.LADDER
    made(invite(cast, "admin", email=cast.member.email), cast.owner)


def test_nobody_is_invited_as_what_the_plan_has_no_more() -> None:
    cast = make_cast("atmos")
    own = OwnRoleFactory(account=cast.account)
    Account.objects.filter(pk=cast.account.pk).update(features=[])
    change = Invite(account_id=cast.account.pk, email=ZOE, role_id=own.pk)
    assert refused(change, cast.owner) is Guard.PUBLISHED


def test_an_address_is_invited_once_at_a_time_to_one_place() -> None:
    cast = make_cast("atlas")
    invited(cast, branch=cast.branch, actor=cast.owner)
    again = refusal(invite(cast, "admin", branch=cast.branch), cast.owner)
    assert str(again) == "zoe@acme.example has already been invited there. Resend that invitation, or cancel it."
    made(invite(cast), cast.owner)
    with time_machine.travel(timezone.now() + timedelta(days=7)):
        made(invite(cast, "admin", branch=cast.branch), cast.owner)
    found = Invitation.objects.filter(branch=cast.branch).order_by("pk")
    assert list(found.values_list("status", "role__key")) == [("cancelled", "member"), ("pending", "admin")]


def test_an_operators_invitation_is_nobodys_and_outlasts_the_session() -> None:
    cast = make_cast("atlas")
    operator = OperatorFactory()
    invitation, token = invited(cast, "owner", actor=operator)
    assert invitation.invited_by is None
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        made(accept(cast, token), zoe())
    assert Membership.objects.get(user__email=ZOE).role.key == "owner"


# --- Sending again, cancelling ---


def test_sent_again_it_has_another_token_and_seven_days_more() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    invitation, old = invited(cast, branch=cast.branch, actor=cast.owner)
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        again = ResendInvitation(account_id=cast.account.pk, invitation_id=invitation.pk)
        made(again, admin)
        invitation.refresh_from_db()
        assert invitation.is_open
        assert invitation.invited_by == admin
        guest = zoe()
        assert refused(accept(cast, old), guest) is Guard.TARGET
        made(accept(cast, again.token), guest)


def test_sending_again_is_judged_by_who_does_it() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    invitation, _ = invited(cast, "owner", branch=cast.branch, actor=cast.owner)
    again = ResendInvitation(account_id=cast.account.pk, invitation_id=invitation.pk)
    assert refused(again, admin) is Guard.ESCALATION
    assert refused(again, cast.member) is Guard.RIGHT
    User.objects.filter(pk=cast.member.pk).update(email="ben@old.example")
    guest = cast.join("admin", user=zoe())
    assert refused(again, guest) is Guard.ONESELF


def test_a_cancelled_invitation_is_neither_accepted_nor_sent_again() -> None:
    cast = make_cast("atlas")
    invitation, token = invited(cast, branch=cast.branch, actor=cast.owner)
    cancel = CancelInvitation(account_id=cast.account.pk, invitation_id=invitation.pk)
    assert refused(cancel, cast.member) is Guard.RIGHT
    (entry,) = made(cancel, cast.join("admin"))
    assert entry.after["status"] == "cancelled"
    assert str(refusal(cancel, cast.owner)) == "This invitation was cancelled. Send a new invitation."
    again = ResendInvitation(account_id=cast.account.pk, invitation_id=invitation.pk)
    assert refused(again, cast.owner) is Guard.TARGET
    assert str(refusal(accept(cast, token), zoe())) == "This invitation was cancelled. Ask for a new invitation."


def test_another_accounts_invitation_is_not_there() -> None:
    cast = make_cast("atlas")
    invitation, token = invited(cast, actor=cast.owner)
    for kind in (ResendInvitation, CancelInvitation):
        change = kind(account_id=cast.elsewhere.account_id, invitation_id=invitation.pk)
        assert str(refusal(change, cast.outsider)) == "That invitation doesn't exist in Hooli."
    assert refused(AcceptInvitation(account_id=cast.elsewhere.account_id, token=token), zoe()) is Guard.TARGET


# --- Accepting ---


def test_who_accepts_becomes_what_they_were_invited_to_be_on_every_open_branch() -> None:
    cast = make_cast("atlas")
    south, closed = cast.branch_beside(), cast.branch_beside("West")
    Branch.objects.filter(pk=closed.pk).update(status="closed")
    invitation, token = invited(cast, actor=cast.owner)
    later = cast.branch_beside("East")
    guest = zoe()
    entries = made(accept(cast, token), guest)
    assert {entry.target_type for entry in entries} == {"teams.invitation", "teams.membership"}
    held = Membership.objects.filter(user=guest, status="active")
    assert set(held.values_list("branch", "role__key")) == {
        (branch.pk, "member") for branch in (cast.branch, south, later)
    }
    invitation.refresh_from_db()
    assert (invitation.status, invitation.user) == ("accepted", guest)
    assert str(refusal(accept(cast, token), guest)) == "This invitation was already accepted. Sign in."


def test_active_memberships_stay_and_removed_ones_come_back_with_the_new_role() -> None:
    cast = make_cast("atlas")
    south, west = cast.branch_beside(), cast.branch_beside("West")
    guest = zoe()
    cast.join("admin", user=guest)
    cast.join("admin", branch=south, user=guest)
    cast.let(guest, "view_reports", branch=south)
    cast.remove(guest, south)
    _, token = invited(cast, actor=cast.owner)
    made(accept(cast, token), guest)
    assert dict(Membership.objects.filter(user=guest, status="active").values_list("branch", "role__key")) == {
        cast.branch.pk: "admin",
        south.pk: "member",
        west.pk: "member",
    }
    assert may(guest, "view_reports", south)


def test_an_invitation_is_bound_to_its_address() -> None:
    cast = make_cast("atlas")
    _, token = invited(cast, actor=cast.owner)
    other = refusal(accept(cast, token), UserFactory())
    assert str(other) == "This invitation was sent to a different email address. Sign in with that email address."
    assert ZOE not in str(other)
    assert refused(accept(cast, token), None) is Guard.TARGET
    assert str(refusal(accept(cast, "guessed"), zoe())) == "That invitation doesn't exist. Ask for a new invitation."
    stale = User.objects.get(email=ZOE)
    User.objects.filter(pk=stale.pk).update(email="zoe@home.example")
    assert refused(accept(cast, token), stale) is Guard.TARGET


def test_it_is_valid_for_seven_days_and_not_at_their_end() -> None:
    cast = make_cast("atlas")
    guest = zoe()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        _, token = invited(cast, actor=cast.owner)
        clock.shift(timedelta(days=7))
        ended = refusal(accept(cast, token), guest)
        assert str(ended) == f"This invitation expired on {timezone.now():%-d %B %Y}. Ask for a new invitation."
        clock.shift(timedelta(microseconds=-1))
        made(accept(cast, token), guest)


def test_a_deactivated_guest_and_a_closed_account_accept_nothing() -> None:
    cast = make_cast("atlas")
    _, token = invited(cast, actor=cast.owner)
    guest = zoe(is_active=False)
    assert str(refusal(accept(cast, token), guest)).startswith("Your user is deactivated.")
    User.objects.filter(pk=guest.pk).update(is_active=True)
    Account.objects.filter(pk=cast.account.pk).update(status="closed")
    assert str(refusal(accept(cast, token), guest)).startswith("Acme is closed.")
    Account.objects.filter(pk=cast.account.pk).update(status="closing")
    made(accept(cast, token), guest)


def test_the_branch_may_have_been_closed_since() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    _, token = invited(cast, branch=south, actor=cast.owner)
    Branch.objects.filter(pk=south.pk).update(status="closed")
    assert str(refusal(accept(cast, token), zoe())) == "South is closed."


def test_it_lapses_with_the_rights_of_who_sent_it() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    _, token = invited(cast, "admin", branch=cast.branch, actor=admin)
    guest = zoe()
    lapsed = f"{admin.name} can no longer make you Admin in Acme. Ask for a new invitation."
    # Demoted, but with the right to invite: more than they have is not theirs to give.
    held = Membership.objects.get(user=admin)
    ChangeRole(account_id=cast.account.pk, membership_id=held.pk, role_id=published("atlas", "member").pk).apply(
        actor=cast.owner, reason="Steps back"
    )
    cast.let(admin, "invite_members")
    found = refusal(accept(cast, token), guest)
    assert (found.guard, str(found)) == (Guard.ESCALATION, lapsed)
    User.objects.filter(pk=admin.pk).update(is_active=False)
    found = refusal(accept(cast, token), guest)
    assert (found.guard, str(found)) == (Guard.RIGHT, lapsed)
    User.objects.filter(pk=admin.pk).update(is_active=True)
    cast.remove(admin)
    assert refusal(accept(cast, token), guest).guard is Guard.RIGHT
    Membership.objects.filter(user=admin).delete()
    found = refusal(accept(cast, token), guest)
    assert (found.guard, str(found)) == (Guard.RIGHT, lapsed)
    invitation = Invitation.objects.get()
    again = ResendInvitation(account_id=cast.account.pk, invitation_id=invitation.pk)
    made(again, cast.owner)
    made(accept(cast, again.token), guest)


def test_an_invitation_to_all_branches_needs_the_right_on_each_that_is_open_by_then() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    _, token = invited(cast, actor=admin)
    guest = zoe()
    cast.join("member", branch=cast.branch_beside(), user=guest)
    assert refused(accept(cast, token), guest) is Guard.RIGHT
    Branch.objects.filter(slug="south").update(status="closed")
    made(accept(cast, token), guest)


def test_it_lapses_where_the_guest_has_risen_above_who_sent_it() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    _, token = invited(cast, branch=cast.branch, actor=admin)
    guest = zoe()
    ParentMembershipFactory(account=cast.account, user=guest, role="super_admin")
    found = refusal(accept(cast, token), guest)
    assert found.guard is Guard.ABOVE
    assert "super" not in str(found).lower()


def test_who_sent_it_does_not_accept_it_by_another_address() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    south = cast.branch_beside()
    cast.join("admin", branch=south, user=admin)
    _, token = invited(cast, branch=south, actor=admin)
    cast.remove(admin, south)
    User.objects.filter(pk=admin.pk).update(email=ZOE)
    assert refused(accept(cast, token), admin) is Guard.ONESELF


def test_the_console_invites_whom_it_likes_within_the_structure() -> None:
    cast = make_cast("onepagecrm")
    _, token = invited(cast, "administrator", actor=None)
    made(accept(cast, token), zoe())
    assert refused(invite(cast, "account_owner", email="max@acme.example"), None) is Guard.SINGLE


def test_the_log_keeps_the_history_of_an_invitation() -> None:
    cast = make_cast("atlas")
    invitation, _ = invited(cast, actor=cast.owner)
    again = ResendInvitation(account_id=cast.account.pk, invitation_id=invitation.pk)
    made(again, cast.owner)
    made(accept(cast, again.token), zoe())
    told = Entry.objects.filter(target_type="teams.invitation", target_id=str(invitation.pk)).order_by("pk")
    assert list(told.values_list("operation__verb", flat=True)) == [
        "access.invitation.sent",
        "access.invitation.resent",
        "access.invitation.accepted",
    ]
