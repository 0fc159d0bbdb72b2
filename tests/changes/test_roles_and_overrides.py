"""Changing a role, setting and clearing an override: what is written, and what each guard refuses."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.access.models import Override
from apps.access.policy import may
from apps.accounts.models import User
from apps.audit.models import Entry, Operation
from apps.changes.base import Change
from apps.changes.members import ChangeRole
from apps.changes.overrides import ClearOverride, SetOverride
from apps.changes.refusals import ChangedMeanwhile, Guard, PermissionMissing, Refusal
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.admin.people import staff
from tests.factories import Cast, make_cast, published

pytestmark = pytest.mark.django_db


def held(cast: Cast, user: User) -> Membership:
    return Membership.objects.get(branch=cast.branch, user=user)


def role_of(cast: Cast, user: User, key: str) -> ChangeRole:
    role = published(cast.account.scheme, key)
    return ChangeRole(account_id=cast.account.pk, membership_id=held(cast, user).pk, role_id=role.pk)


def override(cast: Cast, user: User, permission: str, scope: Scope = Scope.ALL, days: int = 0) -> SetOverride:
    return SetOverride(
        account_id=cast.account.pk,
        membership_id=held(cast, user).pk,
        permission=permission,
        scope=scope,
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )


def refused(change: Change, actor: User | None, reason: str = "Because") -> Guard:
    before = list(Membership.objects.order_by("pk").values()), list(Override.objects.order_by("pk").values())
    operations = Operation.objects.count()
    with pytest.raises(Refusal) as caught:
        change.apply(actor=actor, reason=reason)
    assert before == (
        list(Membership.objects.order_by("pk").values()),
        list(Override.objects.order_by("pk").values()),
    )
    assert Operation.objects.count() == operations
    assert str(caught.value)
    return caught.value.guard


def test_a_role_is_changed_and_the_log_says_who_and_why() -> None:
    cast = make_cast("atlas")
    done = role_of(cast, cast.member, "admin").apply(actor=cast.owner, reason=" Promoted ")
    assert held(cast, cast.member).role.key == "admin"
    operation = Operation.objects.get(pk=str(done.operation_id))
    assert (operation.verb, operation.reason, operation.actor_id) == ("access.role.changed", "Promoted", cast.owner.pk)
    assert Entry.objects.get(operation=operation).user_id == cast.member.pk


def test_what_is_so_already_is_no_change() -> None:
    cast = make_cast("atlas")
    assert role_of(cast, cast.member, "member").apply(actor=cast.owner, reason="Again").operation_id is None
    assert refused(role_of(cast, cast.member, "member"), cast.member) is Guard.ONESELF
    override(cast, cast.member, "view_reports").apply(actor=cast.owner, reason="First")
    assert override(cast, cast.member, "view_reports").apply(actor=cast.owner, reason="Again").operation_id is None
    assert refused(override(cast, cast.member, "view_reports"), cast.join()) is Guard.RIGHT


@pytest.mark.parametrize("blank", ["", "  ", "\n", "\u200b\u2060"])
def test_without_a_reason_nothing_changes(blank: str) -> None:
    cast = make_cast("atlas")
    assert refused(role_of(cast, cast.member, "admin"), cast.owner, blank) is Guard.REASON


def test_each_guard_says_no_for_itself() -> None:
    cast = make_cast("atlas")
    admin, other = cast.join("admin"), cast.join("admin")
    assert refused(role_of(cast, other, "member"), cast.member) is Guard.RIGHT
    assert refused(role_of(cast, admin, "owner"), admin) is Guard.ONESELF
    assert refused(role_of(cast, cast.member, "owner"), admin) is Guard.ESCALATION
    assert refused(role_of(cast, cast.owner, "member"), admin) is Guard.ABOVE
    assert refused(role_of(cast, cast.member, "super_admin"), cast.owner) is Guard.TARGET
    role_of(cast, cast.member, "admin").apply(actor=admin, reason="Equal")


def test_a_right_that_is_missing_is_named() -> None:
    cast = make_cast("atlas")
    with pytest.raises(PermissionMissing) as caught:
        role_of(cast, cast.owner, "member").apply(actor=cast.member, reason="Because")
    assert (caught.value.codename, caught.value.target) == ("change_roles", cast.branch)


def test_the_other_accounts_members_are_not_there() -> None:
    cast = make_cast("atlas")
    there = Membership.objects.get(user=cast.outsider)
    change = ChangeRole(account_id=cast.account.pk, membership_id=there.pk, role_id=there.role_id)
    assert refused(change, cast.owner) is Guard.TARGET
    there_too = ChangeRole(
        account_id=cast.elsewhere.account_id, membership_id=there.pk, role_id=published("atlas", "member").pk
    )
    assert refused(there_too, cast.owner) is Guard.TARGET


def test_the_ladder_leads_only_up() -> None:
    cast = make_cast("staff-ladder", member_role="teammate")
    admin = cast.join("admin")
    role_of(cast, cast.member, "project_manager").apply(actor=cast.owner, reason="Earned it")
    assert refused(role_of(cast, admin, "teammate"), cast.owner) is Guard.LADDER
    assert refused(role_of(cast, admin, "teammate"), None) is Guard.LADDER
    assert refused(role_of(cast, cast.member, "super_admin"), cast.owner) is Guard.SINGLE
    assert refused(override(cast, cast.owner, "view_lead"), admin) is Guard.SHIELD


def test_a_locked_role_takes_no_override_and_x_is_never_given() -> None:
    cast = make_cast("amocrm")
    second = cast.join("administrator")
    assert refused(override(cast, second, "view_lead", Scope.NONE), cast.owner) is Guard.LOCKED
    assert refused(override(cast, cast.member, "view_billing"), cast.owner) is Guard.LOCKED


def test_nobody_gives_for_longer_than_they_have_it_themselves() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    override(cast, admin, "delete_branch", days=5).apply(actor=cast.owner, reason="For the move")
    assert refused(override(cast, cast.member, "delete_branch"), admin) is Guard.ESCALATION
    assert refused(override(cast, cast.member, "delete_branch", days=6), admin) is Guard.ESCALATION
    override(cast, cast.member, "delete_branch", days=4).apply(actor=admin, reason="Helps with the move")
    assert may(cast.member, "delete_branch", cast.branch)


def test_a_short_ban_in_place_of_a_lasting_one_gives_what_it_ends_in() -> None:
    cast = make_cast("atlas", member_role="member")
    admin = cast.join("admin")
    override(cast, admin, "view_reports", Scope.NONE).apply(actor=cast.owner, reason="Not yours")
    other = cast.join("admin")
    override(cast, other, "view_reports", Scope.NONE).apply(actor=cast.owner, reason="Nor yours")
    assert refused(override(cast, other, "view_reports", Scope.NONE, days=1), admin) is Guard.ESCALATION
    clear = ClearOverride(account_id=cast.account.pk, membership_id=held(cast, other).pk, permission="view_reports")
    assert refused(clear, admin) is Guard.ESCALATION


def test_what_is_held_of_the_account_on_one_branch_is_given_on_another() -> None:
    cast = make_cast("amocrm")
    actor = staff(cast.branch, ["manage_member_permissions"])
    other = staff(cast.branch, [])
    assert refused(override(cast, other, "manage_statuses"), actor) is Guard.ESCALATION
    south = staff(cast.branch_beside(), ["manage_statuses"])
    cast.join(Membership.objects.get(user=south).role, branch=south.memberships.get().branch, user=actor)
    override(cast, other, "manage_statuses").apply(actor=actor, reason="Does it for all branches")
    assert may(other, "manage_statuses", cast.account)


def test_the_second_of_two_edits_of_one_page_is_shown_the_difference() -> None:
    cast = make_cast("atlas")
    membership = held(cast, cast.member)
    common: dict[str, Any] = {
        "account_id": cast.account.pk,
        "membership_id": membership.pk,
        "permission": "view_billing",
    }
    SetOverride(**common, scope=Scope.ALL, seen={}).apply(actor=cast.owner, reason="First")
    second = SetOverride(**common, scope=Scope.NONE, seen={})
    with pytest.raises(ChangedMeanwhile) as caught:
        second.apply(actor=cast.owner, reason="Second")
    assert caught.value.differences["scope"] == (None, Scope.ALL)
    assert Override.objects.get().scope == Scope.ALL
    SetOverride(**common, scope=Scope.NONE, seen={"scope": Scope.ALL, "expires_at": None}).apply(
        actor=cast.owner, reason="Third"
    )
    assert Override.objects.get().scope == Scope.NONE


def test_the_last_keeper_stays() -> None:
    cast = make_cast("amocrm")
    assert refused(role_of(cast, cast.owner, "employee"), None) is Guard.LAST_KEEPER
    second = cast.join("administrator")
    role_of(cast, cast.owner, "employee").apply(actor=second, reason="Steps back")
