"""Adding members to further branches, and changing what they are called or whether they are active at all."""

from __future__ import annotations

from typing import Any

import pytest

from apps.access.models import Override
from apps.access.policy import may
from apps.accounts.models import Account, Branch, User
from apps.changes.branches import CloseBranch
from apps.changes.details import ActivateUser, ChangeDetails, DeactivateUser
from apps.changes.members import AddToBranch
from apps.changes.refusals import ChangedMeanwhile, Guard
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.changes.tries import made, refusal, refused
from tests.factories import (
    Cast,
    MembershipFactory,
    OperatorFactory,
    ParentMembershipFactory,
    UserFactory,
    make_cast,
    published,
)

pytestmark = pytest.mark.django_db


def add(cast: Cast, user: User, branch: Branch, role: str = "member") -> AddToBranch:
    role_id = published(cast.account.scheme, role).pk
    return AddToBranch(account_id=cast.account.pk, user_id=user.pk, branch_id=branch.pk, role_id=role_id)


def rename(cast: Cast, user: User, name: str = "Benjamin Baker", **more: Any) -> ChangeDetails:
    return ChangeDetails(account_id=cast.account.pk, user_id=user.pk, name=name, **more)


# --- Adding to a branch ---


def test_a_member_is_added_to_a_further_branch() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    (entry,) = made(add(cast, cast.member, south), cast.owner)
    assert (entry.target_type, entry.branch_id, entry.user_id) == ("teams.membership", south.pk, cast.member.pk)
    assert Membership.objects.get(user=cast.member, branch=south).role.key == "member"
    assert may(cast.member, "view_branch", south)
    assert refused(add(cast, cast.member, south), cast.owner) is Guard.TARGET


def test_the_holder_of_a_parent_role_is_added() -> None:
    cast = make_cast("atlas")
    zoe = UserFactory()
    ParentMembershipFactory(account=cast.account, user=zoe, role="viewer")
    made(add(cast, zoe, cast.branch), cast.owner)


def test_a_removed_member_is_added_again_with_what_they_left_with() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    cast.join("admin", branch=south, user=cast.member)
    cast.let(cast.member, "view_reports", branch=south)
    cast.remove(cast.member, south)
    (entry,) = made(add(cast, cast.member, south), cast.owner)
    assert (entry.before["status"], entry.after["status"]) == ("removed", "active")
    assert Membership.objects.get(user=cast.member, branch=south).role.key == "member"
    assert may(cast.member, "view_reports", south)


def test_only_people_of_the_account_are_added_to_its_open_branches() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    stranger = refusal(add(cast, cast.outsider, south), cast.owner)
    nobody = AddToBranch(
        account_id=cast.account.pk, user_id=10**9, branch_id=south.pk, role_id=published("atlas", "member").pk
    )
    assert str(stranger) == str(refusal(nobody, cast.owner)) == "That member doesn't exist in Acme. Invite them."
    assert refused(add(cast, cast.member, cast.elsewhere), cast.owner) is Guard.TARGET
    assert refused(add(cast, cast.member, south, "viewer"), cast.owner) is Guard.TARGET
    assert refused(add(cast, cast.member, cast.branch, "admin"), cast.owner) is Guard.TARGET
    Branch.objects.filter(pk=south.pk).update(status="closed")
    assert refused(add(cast, cast.member, south), cast.owner) is Guard.TARGET
    cast.remove(cast.member)
    assert refused(add(cast, cast.member, cast.branch), cast.owner) is Guard.TARGET


def test_adding_needs_its_right_and_gives_nothing_beyond_the_actors_own() -> None:
    cast = make_cast("atlas")
    south, admin = cast.branch_beside(), cast.join("admin")
    made(add(cast, cast.member, cast.branch_beside("West")), cast.owner)
    assert refused(add(cast, cast.member, south), cast.member) is Guard.ONESELF
    other = cast.join("member")
    assert refused(add(cast, other, south), cast.member) is Guard.RIGHT
    # The admin has nothing on that branch, so whatever they give there is more than their own.
    assert refused(add(cast, cast.member, south), admin) is Guard.ESCALATION
    cast.join("admin", branch=south, user=admin)
    assert refused(add(cast, cast.member, south, "owner"), admin) is Guard.ESCALATION
    made(add(cast, cast.member, south), admin)
    ParentMembershipFactory(account=cast.account, user=other, role="super_admin")
    assert refused(add(cast, other, south), admin) is Guard.ABOVE


def test_an_override_that_waits_there_counts_as_given() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    admin = cast.join("admin", branch=south)
    Override.objects.create(
        account=cast.account, branch=south, user=cast.member, permission="delete_branch", scope=Scope.ALL, reason="Once"
    )
    cast.join("member", branch=south, user=cast.member)
    cast.remove(cast.member, south)
    assert refused(add(cast, cast.member, south), admin) is Guard.ESCALATION


def test_no_way_leads_down_the_ladder_and_none_to_the_single_role() -> None:
    cast = make_cast("staff-ladder", member_role="project_manager")
    cast.remove(cast.member)
    # A second branch is nothing that the scheme has; with one, the removed member can be added again as they were.
    south = cast.branch_beside()
    cast.join("teammate", branch=south, user=cast.member)
    assert refused(add(cast, cast.member, cast.branch, "teammate"), cast.owner) is Guard.LADDER
    assert refused(add(cast, cast.member, cast.branch, "super_admin"), None) is Guard.SINGLE
    made(add(cast, cast.member, cast.branch, "project_manager"), cast.owner)


# --- Details ---


def test_a_name_is_changed_by_who_may_and_by_oneself() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    (entry,) = made(rename(cast, cast.member), admin)
    assert (entry.account_id, entry.before["name"], entry.after["name"]) == (0, "Ben Baker", "Benjamin Baker")
    made(rename(cast, cast.member, "Ben"), cast.member)
    assert User.objects.get(pk=cast.member.pk).name == "Ben"
    assert rename(cast, cast.member, " Ben ").apply(actor=admin, reason="Again").operation_id is None


def test_a_name_is_held_to_the_guards() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    assert refused(rename(cast, admin), cast.member) is Guard.RIGHT
    assert refused(rename(cast, cast.owner), admin) is Guard.ABOVE
    assert refused(rename(cast, cast.outsider), cast.owner) is Guard.TARGET
    assert refused(rename(cast, cast.member, "  "), cast.owner) is Guard.TARGET
    assert refused(rename(cast, cast.member, "B" * 151), cast.owner) is Guard.TARGET
    with pytest.raises(ChangedMeanwhile):
        rename(cast, cast.member, seen={"name": "Bob"}).apply(actor=cast.owner, reason="Because")
    User.objects.filter(pk=cast.member.pk).update(is_active=False)
    assert refused(rename(cast, cast.member), cast.member) is Guard.RIGHT
    cast.remove(cast.member)
    assert refused(rename(cast, cast.member), cast.owner) is Guard.TARGET


def test_somebody_above_on_another_branch_is_above() -> None:
    cast = make_cast("atlas")
    admin, south = cast.join("admin"), cast.branch_beside()
    cast.join("owner", branch=south, user=cast.member)
    assert refused(rename(cast, cast.member), admin) is Guard.ABOVE


def test_a_name_is_changed_where_the_right_is_held_on_any_branch_of_the_member() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    cast.join("member", branch=south, user=cast.member)
    manager = cast.join("member")
    cast.join("admin", branch=south, user=manager)
    made(rename(cast, cast.member), manager)


def test_who_works_in_two_accounts_changes_their_name_alone() -> None:
    cast = make_cast("atlas")
    MembershipFactory(branch=cast.elsewhere, user=cast.member, role="member", status="removed")
    assert refused(rename(cast, cast.member), cast.owner) is Guard.RIGHT
    made(rename(cast, cast.member), cast.member)
    made(rename(cast, cast.member, "Bennie"), None)
    made(rename(cast, cast.member, "Benno"), OperatorFactory())


def test_the_shielded_one_keeps_their_name_to_themselves() -> None:
    cast = make_cast("staff-ladder")
    assert refused(rename(cast, cast.owner), cast.join("admin")) is Guard.SHIELD
    made(rename(cast, cast.owner, "Anna"), cast.owner)


# --- Deactivating ---


def test_a_deactivated_user_is_allowed_nothing_and_activated_again_all_that_they_had() -> None:
    cast = make_cast("atlas")
    (entry,) = made(DeactivateUser(user_id=cast.member.pk), None)
    assert (entry.account_id, entry.before["is_active"], entry.after["is_active"]) == (0, True, False)
    assert not may(User.objects.get(pk=cast.member.pk), "view_branch", cast.branch)
    assert DeactivateUser(user_id=cast.member.pk).apply(actor=None, reason="Again").operation_id is None
    made(ActivateUser(user_id=cast.member.pk), OperatorFactory())
    assert may(User.objects.get(pk=cast.member.pk), "view_branch", cast.branch)


def test_only_an_operator_in_a_session_deactivates() -> None:
    cast = make_cast("atlas")
    for change in (DeactivateUser(user_id=cast.member.pk), ActivateUser(user_id=cast.member.pk)):
        assert refused(change, cast.owner) is Guard.RIGHT
        assert refused(change, OperatorFactory(session=False)) is Guard.RIGHT
        assert refused(change, None, " ") is Guard.REASON
    assert refused(DeactivateUser(user_id=10**9), None) is Guard.TARGET


def test_every_account_keeps_its_keeper() -> None:
    cast = make_cast("atlas")
    MembershipFactory(branch=cast.elsewhere, user=cast.owner, role="owner")
    assert refused(DeactivateUser(user_id=cast.owner.pk), None) is Guard.LAST_KEEPER
    cast.join("owner")
    made(DeactivateUser(user_id=cast.owner.pk), None)
    assert refused(DeactivateUser(user_id=cast.outsider.pk), None) is Guard.LAST_KEEPER


@pytest.mark.parametrize("key", ["amocrm", "atlas"])
def test_the_last_branch_with_a_keeper_is_closed_under_a_supreme_role_alone(key: str) -> None:
    cast = make_cast(key)
    cast.branch_beside()  # where nobody is a member
    close = CloseBranch(account_id=cast.account.pk, branch_id=cast.branch.pk)
    if key == "amocrm":
        assert refused(close, None) is Guard.LAST_KEEPER
    else:  # the founder is its super admin, too
        made(close, None)
        assert refused(DeactivateUser(user_id=cast.owner.pk), None) is Guard.LAST_KEEPER


def test_somebody_without_any_account_is_deactivated_too() -> None:
    made(DeactivateUser(user_id=UserFactory().pk), None)
    assert not Account.objects.exists()
