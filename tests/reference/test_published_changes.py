"""What the vendors' own pages say about changing access, sentence by sentence."""

from datetime import timedelta

import pytest

from tests.conformance.tables import PICK_LIST
from tests.reference import kinds, model
from tests.reference.as_files import files
from tests.reference.change_cast import (
    ALL,
    ASSIGNED,
    CREATED,
    NONE,
    NORTH,
    SOUTH,
    A,
    changed,
    invitation,
    lead,
    only,
    override,
    shared,
    team,
    world,
)
from tests.reference.changes import verdict
from tests.reference.model import may
from tests.reference.small import NOW
from tests.reference.state import Member, Override, World, user_of

ATLAS = {"ann": "owner", "ben": "admin", "cem": "member"}
LADDER = {
    "ann": "super_admin",
    "ben": "admin",
    "cem": "project_manager",
    "dora": "teammate",
    "eve": "freelancer",
}
ONEPAGE = {
    "ann": "account_owner",
    "ben": "administrator",
    "cem": "user",
    "dora": "focused_user",
    "eve": "administrator",
}
ATMOS = {"ann": "admin", "ben": "super_user", "cem": "user", "dora": "restricted_user"}
AMOCRM = {"ann": "administrator", "ben": "employee", "cem": "employee"}


def changes_the_lead(asked: World, user: str) -> bool:
    return may(files(asked), user, "change_lead", f"lead:{A}/L-1")


def has(asked: World, user: str, permission: str) -> bool:
    return bool(model.scope(files(asked), user, permission, f"branch:{A}/{NORTH}"))


# Atlas


def test_you_might_remove_manage_billing_from_an_admin_who_should_not_have_access_to_payment_methods() -> None:
    asked = world("atlas", ATLAS)
    change = kinds.SetOverride(A, "ben", NORTH, "manage_billing", NONE)
    assert verdict(asked, "ann", change) is None
    assert has(asked, "ben", "manage_billing")
    assert not has(changed(asked, change), "ben", "manage_billing")


def test_or_grant_invite_team_members_to_a_member_who_helps_with_onboarding() -> None:
    asked = world("atlas", ATLAS)
    change = kinds.SetOverride(A, "cem", NORTH, "invite_members", ALL)
    assert verdict(asked, "ben", change) is None
    then = changed(asked, change)
    assert has(then, "cem", "invite_members")
    assert verdict(then, "cem", kinds.Invite(A, "i", "eve", "member", frozenset({NORTH}))) is None
    assert verdict(then, "cem", kinds.Invite(A, "i", "eve", "admin", frozenset({NORTH}))) == "escalation"


def test_select_save_changes_and_provide_a_reason_for_the_change() -> None:
    change = kinds.SetOverride(A, "ben", NORTH, "manage_billing", NONE, reason=" \t\n")
    assert verdict(world("atlas", ATLAS), "ann", change) == "reason"


def test_you_can_override_any_individual_permission_for_a_team_member_on_a_specific_branch() -> None:
    asked = world("atlas", ATLAS, south={"ben": "admin"}, parents={"eve": "super_admin"})
    for user, name in (
        ("ann", "delete_branch"),
        ("ben", "add_branch"),
        ("cem", "manage_billing"),
        ("cem", "reset_mfa"),
    ):
        for given in (ALL, NONE):
            change = kinds.SetOverride(A, user, NORTH, name, given)
            assert verdict(asked, "eve", change) is None
    then = changed(asked, kinds.SetOverride(A, "ben", NORTH, "reset_mfa", NONE))
    assert model.scope(files(then), "ben", "reset_mfa", f"branch:{A}/{SOUTH}") == ALL


def test_each_team_member_can_have_a_different_role_on_each_branch() -> None:
    asked = world("atlas", ATLAS, south={"ann": "owner"})
    add = kinds.AddToBranches(A, "cem", "admin", frozenset({SOUTH}))
    then = changed(asked, add)
    assert verdict(asked, "ann", add) is None
    assert {Member("cem", NORTH, "member"), Member("cem", SOUTH, "admin")} <= only(then).members


def test_you_cannot_reset_your_own_mfa_from_this_location() -> None:
    asked = world("atlas", ATLAS, parents={"eve": "super_admin"})
    assert verdict(asked, "ben", kinds.ResetMfa(A, "ben", NORTH)) == "oneself"
    assert verdict(asked, "ann", kinds.ResetMfa(A, "ann", NORTH)) == "oneself"
    reset = kinds.ResetMfa(A, "cem", NORTH)
    assert verdict(asked, "ben", reset) is None
    person = user_of(changed(asked, reset), "cem")
    assert person is not None
    assert not person.mfa


@pytest.mark.parametrize(("scheme", "roles"), [("atmos", ATMOS), ("amocrm", AMOCRM), ("onepagecrm", ONEPAGE)])
def test_nobody_resets_their_own_mfa_anywhere(scheme: str, roles: dict[str, str]) -> None:
    assert verdict(world(scheme, roles), "ann", kinds.ResetMfa(A, "ann", NORTH)) == "oneself"


def test_admins_manage_team_members_and_members_cannot_manage_team_members_or_billing() -> None:
    asked = world("atlas", ATLAS | {"dora": "member"})
    for change in (
        kinds.ChangeRole(A, "dora", NORTH, "admin"),
        kinds.RemoveMember(A, "dora", NORTH),
        kinds.SetOverride(A, "dora", NORTH, "view_billing", ALL),
        kinds.ChangeDetails(A, "dora", NORTH, "In Leeds"),
    ):
        assert verdict(asked, "ben", change) is None
        assert verdict(asked, "cem", change) == "right"


def test_owner_is_the_highest_branch_level_role() -> None:
    asked = world("atlas", ATLAS | {"dora": "owner"})
    assert verdict(asked, "ben", kinds.ChangeRole(A, "dora", NORTH, "member")) == "above"
    assert verdict(asked, "ben", kinds.ChangeRole(A, "cem", NORTH, "owner")) == "escalation"
    assert verdict(asked, "ann", kinds.ChangeRole(A, "dora", NORTH, "member")) is None
    assert verdict(asked, "ann", kinds.ChangeRole(A, "cem", NORTH, "owner")) is None


def test_a_team_member_can_have_one_parent_role_or_none_at_all() -> None:
    asked = world("atlas", ATLAS, parents={"eve": "super_admin", "cem": "viewer"})
    assert verdict(asked, "eve", kinds.GrantParentRole(A, "cem", "billing_admin")) == "target"
    instead = kinds.ChangeParentRole(A, "cem", "billing_admin")
    assert verdict(asked, "eve", instead) is None
    assert {row.role for row in only(changed(asked, instead)).parent_roles if row.user == "cem"} == {"billing_admin"}
    assert verdict(asked, "eve", kinds.RevokeParentRole(A, "cem")) is None
    assert verdict(asked, "ann", kinds.RevokeParentRole(A, "cem")) == "right"


@pytest.mark.parametrize("actor", ["cem", "dora"])
def test_viewers_cannot_make_changes_and_billing_admins_have_no_management_capabilities(actor: str) -> None:
    asked = world("atlas", {"ann": "owner", "ben": "member"}, parents={"cem": "viewer", "dora": "billing_admin"})
    for change in (
        kinds.ChangeRole(A, "ben", NORTH, "admin"),
        kinds.SetOverride(A, "ben", NORTH, "view_billing", ALL),
        kinds.GrantParentRole(A, "ben", "viewer"),
        kinds.CloseBranch(A, NORTH),
        kinds.CloseAccount(A),
    ):
        assert verdict(asked, actor, change) == "right"


@pytest.mark.parametrize(
    ("permission", "change"),
    [
        ("grant_parent_roles", kinds.GrantParentRole(A, "cem", "billing_admin")),
        ("change_parent_roles", kinds.ChangeParentRole(A, "dora", "billing_admin")),
        ("revoke_parent_roles", kinds.RevokeParentRole(A, "dora")),
    ],
)
def test_parent_roles_are_granted_updated_and_revoked_each_by_its_permission(
    permission: str, change: kinds.ParentChange
) -> None:
    roles = ATLAS | {"dora": "member"}
    without = world("atlas", roles, south={"ann": "owner"}, parents={"dora": "viewer", "eve": "super_admin"})
    assert verdict(without, "ann", change) == "right"
    for name in (permission, "administer_parent_roles"):
        asked = changed(without, kinds.SetOverride(A, "ann", NORTH, name, ALL))
        assert verdict(asked, "ann", change) is None


def test_super_admin_has_complete_access_to_everything_in_atlas() -> None:
    asked = world("atlas", ATLAS, parents={"eve": "super_admin"})
    for change in (
        kinds.ChangeRole(A, "ann", NORTH, "member"),
        kinds.GrantParentRole(A, "cem", "super_admin"),
        kinds.CreateBranch(A, "west"),
        kinds.CloseBranch(A, NORTH),
        kinds.CloseAccount(A),
        kinds.AddToBranches(A, "ben", "owner", frozenset({SOUTH})),
    ):
        assert verdict(asked, "eve", change) is None


def test_permanently_deleting_a_branch_is_its_owners() -> None:
    asked = world("atlas", ATLAS, south={"ann": "owner"})
    assert verdict(asked, "ann", kinds.CloseBranch(A, NORTH)) is None
    assert verdict(asked, "ben", kinds.CloseBranch(A, NORTH)) == "right"
    assert verdict(asked, "ben", kinds.ChangeBranch(A, NORTH, "North-west")) is None
    assert verdict(asked, "ann", kinds.CreateBranch(A, "west")) == "right"


def test_grant_revoke_and_update_client_access() -> None:
    asked = world("atlas", ATLAS | {"dora": "member"}, records=[lead("dora", "dora")], shares=[shared("dora", "view")])
    give = kinds.GrantShare(A, "lead/L-1", "cem", None, frozenset({"view", "change"}))
    for change in (
        give,
        kinds.ChangeShare(A, "lead/L-1", "dora", None, frozenset({"view", "change"})),
        kinds.RevokeShare(A, "lead/L-1", "dora", None),
    ):
        assert verdict(asked, "ben", change) is None
        assert verdict(asked, "dora", change) == "right"
    assert not changes_the_lead(asked, "cem")
    assert changes_the_lead(changed(asked, give), "cem")


def test_update_an_accountants_assignment_never_beyond_what_one_may_do_oneself() -> None:
    overrides = [override("dora", "grant_record_access", ASSIGNED)]
    asked = world("atlas", ATLAS | {"dora": "member"}, records=[lead("ann", "dora")], overrides=overrides)
    give = kinds.GrantShare(A, "lead/L-1", "cem", None, frozenset({"view", "change"}))
    assert verdict(asked, "dora", give) is None
    assert verdict(asked, "dora", kinds.GrantShare(A, "lead/L-1", "cem", None, frozenset({"delete"}))) == "escalation"
    assert verdict(asked, "dora", kinds.GrantShare(A, "lead/L-1", "ben", None, frozenset({"view"}))) == "above"


def test_the_tooltip_leads_to_a_request_and_the_exact_permission_is_granted() -> None:
    asked = world("atlas", ATLAS)
    ask = kinds.RequestAccess(A, "cem", NORTH, "r", "view_billing", ALL)
    assert verdict(asked, "cem", ask) is None
    then = changed(asked, ask)
    assert verdict(then, "cem", kinds.ApproveRequest(A, "r")) == "oneself"
    approve = kinds.ApproveRequest(A, "r")
    assert verdict(then, "ben", approve) is None
    assert only(changed(then, approve)).overrides == {Override("cem", NORTH, "view_billing", ALL)}
    assert only(changed(then, kinds.DeclineRequest(A, "r"))).overrides == frozenset()


# The staff ladder


@pytest.mark.parametrize(
    ("user", "role", "guard"),
    [
        ("dora", "project_manager", None),  # "a Teammate to a Project Manager, that would be no problem"
        ("cem", "admin", None),  # "a Project Manager to an Admin that would be no problem"
        ("eve", "teammate", None),
        ("cem", "teammate", "ladder"),  # "you are not able to change … a Project Manager to a Teammate"
        ("dora", "freelancer", "ladder"),
        ("dora", "super_admin", "single"),  # "there can be only one"
        ("ann", "admin", "shield"),  # "and that person can't be changed"
    ],
)
def test_you_can_only_make_up_the_ladder_changes(user: str, role: str, guard: str | None) -> None:
    assert verdict(world("staff-ladder", LADDER), "ben", kinds.ChangeRole(A, user, NORTH, role)) == guard


@pytest.mark.parametrize("actor", ["ann", None])
def test_you_are_not_able_to_change_an_admin_to_a_teammate(actor: str | None) -> None:
    change = kinds.ChangeRole(A, "ben", NORTH, "teammate")
    assert verdict(world("staff-ladder", LADDER), actor, change) == "ladder"


def test_the_only_way_is_to_delete_the_user_and_re_add_at_the_lower_permission_level() -> None:
    asked = world("staff-ladder", LADDER)
    remove, delete = kinds.RemoveMember(A, "cem", NORTH), kinds.DeleteMember(A, "cem", NORTH)
    again = kinds.Invite(A, "i", "cem", "teammate", frozenset({NORTH}))
    assert verdict(asked, "ben", delete) == "target"
    assert verdict(asked, "ben", remove) is None
    removed = changed(asked, remove)
    assert verdict(removed, "ben", again) == "ladder"
    assert verdict(removed, "ben", delete) is None
    deleted = changed(removed, delete)
    assert verdict(deleted, "ben", again) is None
    invited = changed(deleted, again, actor="ben")
    accept = kinds.AcceptInvitation(A, "i")
    assert verdict(invited, "cem", accept) is None
    assert Member("cem", NORTH, "teammate") in only(changed(invited, accept)).members


def test_a_deleted_user_is_moved_to_the_restore_staff_tab_and_restored_as_they_were() -> None:
    overrides = [override("dora", "view_reports")]
    asked = world("staff-ladder", LADDER, overrides=overrides, records=[lead()], shares=[shared("dora", "view")])
    asked = changed(asked, kinds.AddTeam(A, NORTH, "sales", frozenset({"dora"})))
    removed = changed(asked, kinds.RemoveMember(A, "dora", NORTH))
    assert not has(removed, "dora", "view_reports")
    restore = kinds.RestoreMember(A, "dora", NORTH)
    assert verdict(removed, "ben", restore) is None
    assert changed(removed, restore) == asked


@pytest.mark.parametrize("actor", ["ann", None])
def test_there_is_only_one_super_admin_user_per_account(actor: str | None) -> None:
    asked = world("staff-ladder", LADDER)
    assert verdict(asked, actor, kinds.ChangeRole(A, "ben", NORTH, "super_admin")) == "single"
    assert verdict(asked, actor, kinds.Invite(A, "i", "zed", "super_admin", frozenset({NORTH}))) == "single"


def test_that_person_cannot_be_changed_but_by_an_operators_transfer() -> None:
    asked = world("staff-ladder", LADDER)
    transfer = kinds.TransferOwnership(A, "ben", "admin")
    assert verdict(asked, "ann", transfer) == "right"
    assert verdict(asked, "ben", transfer) == "oneself"
    assert verdict(asked, "ann", kinds.ChangeRole(A, "ann", NORTH, "admin")) == "oneself"
    assert verdict(asked, None, kinds.ChangeRole(A, "ann", NORTH, "admin")) == "single"
    assert verdict(asked, None, kinds.RemoveMember(A, "ann", NORTH)) == "single"
    assert verdict(asked, "ann", kinds.Leave(A, "ann", NORTH)) == "single"
    assert verdict(asked, None, transfer) is None
    assert {Member("ann", NORTH, "admin"), Member("ben", NORTH, "super_admin")} <= only(
        changed(asked, transfer)
    ).members


def test_there_can_be_multiple_admins_per_account() -> None:
    up = kinds.ChangeRole(A, "cem", NORTH, "admin")
    asked = changed(world("staff-ladder", LADDER), up)
    assert verdict(world("staff-ladder", LADDER), "ben", up) is None
    assert verdict(asked, "cem", kinds.ChangeRole(A, "dora", NORTH, "admin")) is None


@pytest.mark.parametrize(
    "change",
    [
        kinds.ChangeDetails(A, "ann", NORTH, "In Leeds"),
        kinds.SetOverride(A, "ann", NORTH, "view_lead", NONE),
        kinds.ChangeRole(A, "ann", NORTH, "admin"),
        kinds.RemoveMember(A, "ann", NORTH),
        kinds.ResetMfa(A, "ann", NORTH),
    ],
)
def test_admins_cannot_edit_the_super_admins_details(change: kinds.OnBranch) -> None:
    asked = world("staff-ladder", LADDER)
    assert verdict(asked, "ben", change) == "shield"
    assert verdict(asked, "dora", change) == "right"
    assert verdict(asked, "ann", kinds.ChangeDetails(A, "ann", NORTH, "In Leeds")) is None


def test_admins_cannot_modify_anything_in_the_manage_subscription_menu_nor_be_given_it() -> None:
    asked = world("staff-ladder", LADDER)
    for actor in ("ann", None):
        for user in ("ben", "cem", "eve"):
            assert verdict(asked, actor, kinds.SetOverride(A, user, NORTH, "manage_subscription", ALL)) == "locked"


def test_project_managers_office_managers_and_lower_have_no_access_to_the_admin_settings() -> None:
    asked = world("staff-ladder", LADDER | {"cem": "office_manager"})
    for actor in ("cem", "dora", "eve"):
        for change in (
            kinds.ChangeRole(A, "eve" if actor != "eve" else "dora", NORTH, "admin"),
            kinds.Invite(A, "i", "zed", "freelancer", frozenset({NORTH})),
            kinds.AddTeam(A, NORTH, "field"),
        ):
            assert verdict(asked, actor, change) == "right"
    for name in ("change_roles", "invite_members", "manage_teams", "manage_member_permissions"):
        assert verdict(asked, "ann", kinds.SetOverride(A, "cem", NORTH, name, ALL)) == "locked"


def test_teammates_cannot_be_assigned_as_the_project_leader() -> None:
    asked = world("staff-ladder", LADDER)
    assert verdict(asked, "ann", kinds.SetOverride(A, "dora", NORTH, "lead_project", ALL)) == "locked"
    assert verdict(asked, "dora", kinds.RequestAccess(A, "dora", NORTH, "r", "lead_project", ALL)) == "locked"


# OnePageCRM


def test_an_administrator_cannot_remove_themselves_or_the_account_owner() -> None:
    asked = world("onepagecrm", ONEPAGE)
    assert verdict(asked, "ben", kinds.RemoveMember(A, "ben", NORTH)) == "oneself"
    assert verdict(asked, "ben", kinds.Leave(A, "ben", NORTH)) == "oneself"
    assert verdict(asked, "ben", kinds.RemoveMember(A, "ann", NORTH)) == "single"
    assert verdict(asked, "ben", kinds.RemoveMember(A, "eve", NORTH)) is None
    assert verdict(asked, "ben", kinds.RemoveMember(A, "cem", NORTH)) is None


def test_the_account_owner_cannot_be_deleted() -> None:
    asked = world("onepagecrm", ONEPAGE)
    assert verdict(asked, "ann", kinds.Leave(A, "ann", NORTH)) == "oneself"
    for actor in ("ben", None):
        assert verdict(asked, actor, kinds.RemoveMember(A, "ann", NORTH)) == "single"


def test_if_the_account_owner_leaves_the_ownership_is_transferred_to_another_user_first() -> None:
    asked = world("onepagecrm", ONEPAGE)
    for actor in ("ben", "cem"):
        assert verdict(asked, actor, kinds.TransferOwnership(A, "eve", "user")) == "right"
    transfer = kinds.TransferOwnership(A, "cem", "administrator")
    assert verdict(asked, "ann", transfer) is None
    then = changed(asked, transfer)
    assert {row.user for row in only(then).members if row.role == "account_owner"} == {"cem"}
    assert verdict(then, "cem", kinds.RemoveMember(A, "ann", NORTH)) is None


def test_the_administrator_does_not_have_access_to_delete_the_account() -> None:
    asked = world("onepagecrm", ONEPAGE)
    assert verdict(asked, "ben", kinds.CloseAccount(A)) == "right"
    assert verdict(asked, "ann", kinds.CloseAccount(A)) is None
    assert verdict(changed(asked, kinds.CloseAccount(A)), "ann", kinds.TakeBackClosing(A)) is None
    assert verdict(asked, "ann", kinds.SetOverride(A, "ben", NORTH, "delete_account", ALL)) == "locked"


@pytest.mark.parametrize("actor", ["ann", "ben"])
def test_a_user_is_added_and_their_permissions_managed_by_the_owner_or_an_administrator(actor: str) -> None:
    asked = world("onepagecrm", {"ann": "account_owner", "ben": "administrator", "cem": "user", "dora": "focused_user"})
    for change in (
        kinds.Invite(A, "i", "eve", "user", frozenset({NORTH})),
        kinds.SetOverride(A, "cem", NORTH, "view_pipeline", ALL),
        kinds.ChangeDetails(A, "cem", NORTH, "In Leeds"),
        kinds.RemoveMember(A, "dora", NORTH),
    ):
        assert verdict(asked, actor, change) is None
        assert verdict(asked, "dora", change) in {"right", "oneself"}


@pytest.mark.parametrize("user", ["cem", "dora"])
@pytest.mark.parametrize("name", ["own_private_contacts", "export_contact", "download_vcard", "manage_autoflows"])
def test_what_says_request_permission_is_requested_and_granted(user: str, name: str) -> None:
    asked = world("onepagecrm", ONEPAGE)
    ask = kinds.RequestAccess(A, user, NORTH, "r", name, ALL)
    assert verdict(asked, user, ask) is None
    assert verdict(changed(asked, ask), "ben", kinds.ApproveRequest(A, "r")) is None


@pytest.mark.parametrize("user", ["cem", "dora"])
@pytest.mark.parametrize("name", ["invite_members", "delete_contact", "manage_billing", "delete_account"])
def test_what_is_crossed_out_is_neither_requested_nor_granted(user: str, name: str) -> None:
    asked = world("onepagecrm", ONEPAGE)
    assert verdict(asked, user, kinds.RequestAccess(A, user, NORTH, "r", name, ALL)) == "locked"
    assert verdict(asked, "ann", kinds.SetOverride(A, user, NORTH, name, ALL)) == "locked"


def test_they_change_their_own_details() -> None:
    asked = world("onepagecrm", ONEPAGE)
    for user in ONEPAGE:
        assert verdict(asked, user, kinds.ChangeDetails(A, user, NORTH, "In Leeds")) is None


# Atmos


def test_the_admin_role_may_be_assigned_to_any_user() -> None:
    asked = world("atmos", ATMOS)
    for user in ("ben", "cem", "dora"):
        assert verdict(asked, "ann", kinds.ChangeRole(A, user, NORTH, "admin")) is None
        assert verdict(asked, "ben", kinds.ChangeRole(A, user, NORTH, "admin")) in {"right", "oneself"}


@pytest.mark.parametrize("actor", ["ann", None])
@pytest.mark.parametrize("features", [None, frozenset({"custom_roles"})])
def test_the_admin_role_cannot_be_modified_or_edited_in_any_way(
    actor: str | None, features: frozenset[str] | None
) -> None:
    asked = world("atmos", ATMOS, features=features)
    redefinitions: list[kinds.Change] = [
        kinds.EditRole(A, "admin", frozenset({("view_lead", NONE)})),
        kinds.DeleteRole(A, "admin"),
        kinds.CopyRole(A, "admin", "user"),
        kinds.CopyRole(A, "closer", "admin"),
    ]
    assert {verdict(asked, actor, change) for change in redefinitions} == {"published"}
    for scope in (NONE, CREATED):
        assert verdict(asked, None, kinds.SetOverride(A, "ann", NORTH, "view_lead", scope)) == "locked"


@pytest.mark.parametrize("base", ["super_user", "user", "restricted_user"])
@pytest.mark.parametrize("name", ["view_billing", "manage_billing", "manage_subscription"])
def test_it_is_the_only_role_with_billing_access(base: str, name: str) -> None:
    asked = world("atmos", ATMOS)
    billing = frozenset({(name, ALL)})
    assert verdict(asked, "ann", kinds.CopyRole(A, "clerk", base, billing)) == "locked"
    copy = kinds.CopyRole(A, "clerk", base)
    assert verdict(asked, "ann", copy) is None
    assert verdict(changed(asked, copy), "ann", kinds.EditRole(A, "clerk", billing)) == "locked"
    for user in ("ben", "cem", "dora"):
        assert verdict(asked, "ann", kinds.SetOverride(A, user, NORTH, name, ALL)) == "locked"
    held = changed(asked, copy, kinds.ChangeRole(A, "cem", NORTH, "clerk"))
    assert verdict(held, "ann", kinds.SetOverride(A, "cem", NORTH, name, ALL)) == "locked"


def test_admins_manage_all_users_and_roles_and_permissions() -> None:
    asked = world("atmos", ATMOS)
    for change in (
        kinds.Invite(A, "i", "eve", "admin", frozenset({NORTH})),
        kinds.RemoveMember(A, "cem", NORTH),
        kinds.SetOverride(A, "dora", NORTH, "export_lead", ALL),
        kinds.CopyRole(A, "closer", "user", frozenset({("export_lead", ALL)})),
        kinds.AddTeam(A, NORTH, "field", frozenset({"cem"})),
    ):
        assert verdict(asked, "ann", change) is None
        assert verdict(asked, "ben", change) == "right"


def test_custom_roles_come_with_the_plan() -> None:
    asked = world("atmos", ATMOS, features=frozenset({"automation"}))
    copy = kinds.CopyRole(A, "closer", "user")
    assert verdict(asked, "ann", copy) == "right"
    assert verdict(asked, None, copy) == "published"


# amoCRM


@pytest.mark.parametrize("name", ["view_lead", "change_contact", "delete_company", "export_lead", "delete_task"])
@pytest.mark.parametrize("level", ["Permitted", "All in the group", "If responsible", "Prohibited"])
def test_each_right_has_its_levels_to_be_set(name: str, level: str) -> None:
    asked = world("amocrm", AMOCRM)
    change = kinds.SetOverride(A, "ben", NORTH, name, PICK_LIST[level])
    assert verdict(asked, "ann", change) is None
    assert verdict(asked, "cem", change) == "right"
    assert model.scope(files(changed(asked, change)), "ben", name, f"branch:{A}/{NORTH}") == PICK_LIST[level]


def test_if_you_set_view_to_prohibited_the_others_go_with_it_and_come_back_with_it() -> None:
    asked = world("amocrm", AMOCRM, records=[lead("ben", "ben")])
    prohibit = kinds.SetOverride(A, "ben", NORTH, "view_lead", NONE)
    assert changes_the_lead(asked, "ben")
    assert not changes_the_lead(changed(asked, prohibit), "ben")
    assert changes_the_lead(changed(asked, prohibit, kinds.ClearOverride(A, "ben", NORTH, "view_lead")), "ben")


def test_groups_are_given_by_who_manages_them() -> None:
    asked = world("amocrm", AMOCRM, records=[lead("ann", "cem")], teams=[team("cem")])
    asked = changed(asked, kinds.SetOverride(A, "ben", NORTH, "view_lead", PICK_LIST["All in the group"]))
    put = kinds.ChangeTeam(A, NORTH, "sales", frozenset({"ben", "cem"}))
    assert verdict(asked, "ann", put) is None
    assert verdict(asked, "cem", put) == "right"
    seen = f"lead:{A}/L-1"
    assert not may(files(asked), "ben", "view_lead", seen)
    assert may(files(changed(asked, put)), "ben", "view_lead", seen)


def test_the_administrators_rights_are_not_set_and_own_roles_may_be_made() -> None:
    asked = world("amocrm", AMOCRM | {"dora": "administrator"})
    assert verdict(asked, "ann", kinds.SetOverride(A, "dora", NORTH, "view_lead", NONE)) == "locked"
    assert verdict(asked, "ann", kinds.CopyRole(A, "auditor", "employee", frozenset({("view_lead", CREATED)}))) is None
    assert verdict(asked, "ann", kinds.CopyRole(A, "boss", "administrator")) == "published"


def test_an_invitation_goes_to_one_branch_or_all_and_is_valid_for_seven_days() -> None:
    asked = world("atlas", ATLAS, south={"ann": "owner"})
    assert verdict(asked, "ann", kinds.Invite(A, "i", "eve", "admin", None)) is None
    assert verdict(asked, "ben", kinds.Invite(A, "i", "eve", "member", None)) == "right"
    assert verdict(asked, "ben", kinds.Invite(A, "i", "eve", "member", frozenset({NORTH}))) is None
    for days, guard in ((0, None), (6.99, None), (7, "target")):
        sent = NOW - timedelta(days=days)
        invited = world(
            "atlas", ATLAS, south={"ann": "owner"}, invitations=[invitation("eve", "admin", "ann", sent=sent)]
        )
        accept = kinds.AcceptInvitation(A, "i")
        assert verdict(invited, "eve", accept) == guard
        again = changed(invited, kinds.ResendInvitation(A, "i"))
        assert verdict(again, "eve", accept) is None
        cancelled = changed(again, kinds.CancelInvitation(A, "i"))
        assert verdict(cancelled, "eve", accept) == "target"
        assert {row.status for row in only(cancelled).invitations} == {"cancelled"}
