"""What the five vendors' pages say about changing access, sentence by sentence, of the engine itself.

The reference has them too (`tests/reference/test_published_changes.py`), and `test_table` holds it against the engine.
"""

from __future__ import annotations

import pytest

from apps.access.policy import may
from apps.changes.custom_roles import EditRole
from apps.changes.refusals import Guard
from apps.changes.removal import DeleteMember
from apps.changes.second_factor import ResetMfa
from apps.roles.scopes import Scope
from tests.changes.test_removal import remove
from tests.changes.test_roles_and_overrides import override, role_of
from tests.changes.tries import made, refused
from tests.factories import make_cast, published
from tests.signin.people import with_app

pytestmark = pytest.mark.django_db


def test_atlas_manage_billing_is_removed_from_one_admin_and_the_others_keep_it() -> None:
    cast = make_cast("atlas")
    admin, other = cast.join("admin"), cast.join("admin")
    made(override(cast, admin, "manage_billing", Scope.NONE), cast.owner)
    assert not may(admin, "manage_billing", cast.branch)
    assert may(other, "manage_billing", cast.branch)
    assert may(admin, "view_billing", cast.branch)


def test_atlas_inviting_is_granted_to_one_member_and_the_role_stays() -> None:
    cast = make_cast("atlas")
    other = cast.join("member")
    made(override(cast, cast.member, "invite_members"), cast.owner)
    assert may(cast.member, "invite_members", cast.branch)
    assert not may(other, "invite_members", cast.branch)


def test_staff_ladder_a_teammate_becomes_a_project_manager_and_an_admin_no_teammate() -> None:
    cast = make_cast("staff-ladder")
    teammate, admin = cast.join("teammate"), cast.join("admin")
    made(role_of(cast, teammate, "project_manager"), cast.owner)
    assert refused(role_of(cast, admin, "teammate"), cast.owner) is Guard.LADDER


def test_staff_ladder_the_way_down_is_to_remove_delete_and_add_again() -> None:
    cast = make_cast("staff-ladder")
    admin = cast.join("admin")
    made(remove(cast, admin), cast.owner)
    made(DeleteMember(account_id=cast.account.pk, user_id=admin.pk, branch_id=cast.branch.pk), cast.owner)
    cast.join("teammate", user=admin)
    assert refused(role_of(cast, admin, "freelancer"), cast.owner) is Guard.LADDER
    made(role_of(cast, admin, "project_manager"), cast.owner)


def test_onepagecrm_an_administrator_does_not_remove_the_owner() -> None:
    cast = make_cast("onepagecrm")
    administrator = cast.join("administrator")
    assert refused(remove(cast, cast.owner), administrator) is Guard.SINGLE
    assert may(cast.owner, "view_members", cast.branch)


def test_onepagecrm_an_administrator_removes_another_user() -> None:
    cast = make_cast("onepagecrm")
    administrator, user = cast.join("administrator"), cast.join("user")
    made(remove(cast, user), administrator)
    assert not may(user, "view_branch", cast.branch)


def test_atmos_the_admin_role_is_edited_by_nobody() -> None:
    cast = make_cast("atmos")
    admin = published("atmos", "admin")
    narrow = EditRole(account_id=cast.account.pk, role_id=admin.pk, grants={"view_billing": Scope.NONE})
    assert refused(narrow, cast.owner) is Guard.PUBLISHED
    assert refused(narrow, None) is Guard.PUBLISHED
    other = cast.join("admin")
    assert refused(override(cast, other, "export_lead", Scope.NONE), cast.owner) is Guard.LOCKED


@pytest.mark.parametrize("role", ["super_user", "user", "restricted_user"])
def test_atmos_no_other_role_can_have_billing(role: str) -> None:
    cast = make_cast("atmos")
    member = cast.join(role)
    for permission, place in (
        ("view_billing", cast.branch),
        ("manage_billing", cast.branch),
        ("manage_subscription", cast.account),
    ):
        assert refused(override(cast, member, permission), cast.owner) is Guard.LOCKED
        assert not may(member, permission, place)


def test_amocrm_the_administrators_rights_are_not_limited() -> None:
    cast = make_cast("amocrm")
    other = cast.join("administrator")
    assert refused(override(cast, other, "delete_lead", Scope.NONE), cast.owner) is Guard.LOCKED


@pytest.mark.parametrize("scheme", ["atlas", "amocrm", "atmos", "staff-ladder", "onepagecrm"])
def test_nobody_resets_their_own_second_factor(scheme: str) -> None:
    cast = make_cast(scheme)
    with_app(cast.owner)
    assert refused(ResetMfa(account_id=cast.account.pk, user_id=cast.owner.pk), cast.owner) is Guard.ONESELF
