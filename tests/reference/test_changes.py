"""Each guard of section 6 on examples worked out by hand, and the table of all cases."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.conformance import tables
from tests.reference import kinds
from tests.reference.change_cases import cases
from tests.reference.change_cast import (
    ALL,
    ASSIGNED,
    CREATED,
    LATER,
    NONE,
    NORTH,
    SOON,
    SOUTH,
    VIEW,
    A,
    changed,
    invitation,
    lead,
    only,
    override,
    request,
    shared,
    team,
    world,
)
from tests.reference.changes import GUARDS, standing, verdict
from tests.reference.small import NOW
from tests.reference.state import Account, Invitation, Member, OwnRole, Record

BIT = timedelta(microseconds=1)
ATLAS = {"ann": "owner", "ben": "admin", "cem": "member", "dora": "member"}
ATMOS = {"ann": "admin", "ben": "super_user", "cem": "user", "dora": "user"}
LADDER = {"ann": "super_admin", "ben": "admin", "cem": "teammate"}
RAISE = kinds.ChangeRole(A, "cem", NORTH, "admin")
CLOSER = OwnRole("closer", "user", frozenset({("change_roles", ALL), ("manage_roles", ALL)}))


# reason, target


@pytest.mark.parametrize("reason", ["", " ", "\n\t  "])
@pytest.mark.parametrize("actor", ["ann", "cem", None])
def test_a_blank_reason_is_refused_before_anything_else_and_for_everybody(reason: str, actor: str | None) -> None:
    for change in (RAISE, replace(RAISE, user="nobody"), kinds.CloseAccount(A), kinds.DeactivateUser("ben")):
        assert verdict(world("atlas", ATLAS), actor, replace(change, reason=reason)) == "reason"


@pytest.mark.parametrize(
    "change",
    [
        replace(RAISE, account="globex"),
        replace(RAISE, user="eve"),
        replace(RAISE, branch=SOUTH),
        replace(RAISE, role="administrator"),
        replace(RAISE, role="viewer"),
        kinds.ClearOverride(A, "cem", NORTH, "view_lead"),
        kinds.RestoreMember(A, "cem", NORTH),
        kinds.RevokeParentRole(A, "cem"),
        kinds.GrantParentRole(A, "eve", "viewer"),
        kinds.RevokeShare(A, "lead/L-1", "cem", None),
        kinds.AcceptInvitation(A, "i"),
        kinds.Leave(A, "cem", NORTH),
        kinds.AddTeam(A, NORTH, "sales", frozenset({"eve"})),
        kinds.TransferOwnership(A, "ben", "admin"),
    ],
)
def test_what_is_not_there_cannot_be_changed(change: kinds.Change) -> None:
    for actor in ("ann", None):
        assert verdict(world("atlas", ATLAS), actor, change) == "target"


def test_a_removed_member_and_a_closed_branch_take_no_change() -> None:
    assert verdict(world("atlas", ATLAS, removed={"cem"}), "ann", RAISE) == "target"
    closed = changed(world("atlas", ATLAS | {"dora": "member"}, removed={"dora"}), kinds.CloseBranch(A, NORTH))
    for change in (RAISE, kinds.RestoreMember(A, "dora", NORTH), kinds.DeleteMember(A, "dora", NORTH)):
        assert verdict(closed, None, change) == "target"


def test_what_is_given_ends_in_the_future() -> None:
    asked = world("atlas", ATLAS, requests=[request("cem", "view_billing")])
    for ends, guard in ((NOW - BIT, "target"), (NOW, "target"), (NOW + BIT, None)):
        assert verdict(asked, "ann", kinds.SetOverride(A, "cem", NORTH, "view_billing", ALL, ends)) == guard
        assert verdict(asked, "ann", kinds.ApproveRequest(A, "r", ends)) == guard


def test_an_invitation_to_a_closed_branch_is_cancelled_by_nobody_without_the_right() -> None:
    asked = world("atlas", ATLAS, south={"ann": "owner"}, invitations=[invitation("zed", "member", "ann", SOUTH)])
    closed = changed(asked, kinds.CloseBranch(A, SOUTH))
    for actor, guard in (("cem", "right"), ("eve", "right"), (None, None)):
        assert verdict(closed, actor, kinds.CancelInvitation(A, "i")) == guard


@pytest.mark.parametrize("record", [Record("activity", "N-1", NORTH), Record("contact", "P-1", NORTH, private=True)])
def test_activities_and_private_contacts_are_not_shared(record: Record) -> None:
    asked = world("atlas", ATLAS, records=[replace(record, responsible="ann")])
    assert verdict(asked, "ann", kinds.GrantShare(A, record.name, "cem", None, VIEW)) == "target"


# oneself, right


@pytest.mark.parametrize(
    "change",
    [
        kinds.ChangeRole(A, "ann", NORTH, "member"),
        kinds.SetOverride(A, "ann", NORTH, "manage_billing", NONE),
        kinds.ClearOverride(A, "ann", NORTH, "view_lead"),
        kinds.RemoveMember(A, "ann", NORTH),
        kinds.ResetMfa(A, "ann", NORTH),
        kinds.ChangeParentRole(A, "ann", "viewer"),
        kinds.RevokeParentRole(A, "ann"),
        kinds.ApproveRequest(A, "r"),
        kinds.DeclineRequest(A, "r"),
        kinds.AddToBranches(A, "ann", "owner", frozenset({SOUTH})),
        kinds.Invite(A, "i", "ann", "owner", frozenset({SOUTH})),
    ],
)
def test_nobody_changes_their_own_access_not_even_a_super_admin(change: kinds.Change) -> None:
    asked = world(
        "atlas",
        ATLAS | {"ben": "owner"},
        parents={"ann": "super_admin"},
        overrides=[override("ann", "view_lead", NONE)],
        requests=[request("ann", "add_branch")],
    )
    assert verdict(asked, "ann", change) == "oneself"
    assert verdict(asked, None, change) is None


def test_leaving_by_oneself_is_allowed_up_to_the_last_keeper() -> None:
    asked = world("atlas", ATLAS)
    assert verdict(asked, "cem", kinds.Leave(A, "cem", NORTH)) is None
    assert verdict(asked, "ann", kinds.Leave(A, "ann", NORTH)) == "last_keeper"
    assert verdict(world("atlas", ATLAS | {"ben": "owner"}), "ann", kinds.Leave(A, "ann", NORTH)) is None


def test_an_own_role_is_not_edited_by_who_holds_it() -> None:
    asked = world("atmos", ATMOS | {"cem": "closer"}, roles=[CLOSER])
    edit = kinds.EditRole(A, "closer", frozenset({("manage_roles", ALL)}))
    assert verdict(asked, "cem", edit) == "oneself"
    assert verdict(asked, "ann", edit) is None


def test_the_right_is_the_one_held_now_where_the_change_is() -> None:
    asked = world("atlas", ATLAS, south={"ben": "member", "cem": "member"})
    assert verdict(asked, "ben", RAISE) is None
    assert verdict(asked, "ben", replace(RAISE, branch=SOUTH)) == "right"
    overrides = [override("dora", "change_roles", ALL, ends) for ends in (NOW,)]
    same = kinds.ChangeRole(A, "cem", NORTH, "member")
    assert verdict(world("atlas", ATLAS, overrides=overrides), "dora", same) == "right"
    overrides = [override("dora", "change_roles", ALL, NOW + BIT)]
    assert verdict(world("atlas", ATLAS, overrides=overrides), "dora", same) is None


def test_who_is_inactive_and_whose_account_is_closed_may_nothing() -> None:
    assert verdict(world("atlas", ATLAS, inactive={"ben"}), "ben", RAISE) == "right"
    assert verdict(world("atlas", ATLAS, status="closing"), "ben", RAISE) is None
    for actor, change in (("ben", RAISE), ("cem", kinds.Leave(A, "cem", NORTH))):
        assert verdict(world("atlas", ATLAS, status="closed"), actor, change) == "right"
    assert verdict(world("atlas", ATLAS, status="closed"), None, RAISE) is None


def test_only_an_operator_deactivates() -> None:
    asked = world("atlas", ATLAS, parents={"ben": "super_admin"}, operators={"eve"})
    assert verdict(asked, "ben", kinds.DeactivateUser("cem")) == "right"
    for actor in ("eve", None):
        assert verdict(asked, actor, kinds.DeactivateUser("cem")) is None
        assert verdict(asked, actor, kinds.ReactivateUser("cem")) == "target"


def test_switching_the_scheme_needs_every_scope_everywhere() -> None:
    roles = frozenset({("owner", "admin"), ("admin", "super_user"), ("member", "user"), ("super_admin", None)})
    switch = kinds.SwitchScheme(A, "atmos", roles)
    asked = world("atlas", ATLAS, parents={"ben": "super_admin"}, overrides=[override("ann", "change_account")])
    asked = changed(asked, kinds.CloseBranch(A, SOUTH))
    assert verdict(asked, "ann", switch) == "right"
    assert verdict(asked, "ben", switch) is None
    assert only(changed(asked, switch)).members == {
        Member("ann", NORTH, "admin"),
        Member("ben", NORTH, "super_user"),
        Member("cem", NORTH, "user"),
        Member("dora", NORTH, "user"),
    }
    assert verdict(asked, "ben", replace(switch, roles=roles - {("member", "user")})) == "target"
    low = (roles - {("owner", "admin")}) | {("owner", "user")}
    assert verdict(asked, "ben", replace(switch, roles=low)) == "last_keeper"
    single = frozenset({(key, "account_owner") for key in ATLAS.values()} | {("super_admin", None)})
    assert verdict(asked, "ben", kinds.SwitchScheme(A, "onepagecrm", single)) == "single"


# shield, published, single, locked, ladder


def test_the_shield_is_the_staff_ladders_and_does_not_hold_the_operator() -> None:
    details = kinds.ChangeDetails(A, "ann", NORTH, "In Leeds")
    assert verdict(world("staff-ladder", LADDER), "ben", details) == "shield"
    assert verdict(world("staff-ladder", LADDER), None, details) is None
    onepage = {"ann": "account_owner", "ben": "administrator"}
    assert verdict(world("onepagecrm", onepage), "ben", details) == "above"


def test_own_roles_only_where_the_scheme_allows_them() -> None:
    for scheme in tables.SCHEMES:
        base = {"atlas": "member", "amocrm": "employee", "staff-ladder": "teammate"}.get(scheme, "user")
        expected = None if scheme in {"amocrm", "atmos"} else "published"
        assert verdict(world(scheme, {}), None, kinds.CopyRole(A, "copied", base)) == expected


def test_an_own_role_is_not_given_when_the_plan_has_none_any_more() -> None:
    give = kinds.ChangeRole(A, "cem", NORTH, "closer")
    assert verdict(world("atmos", ATMOS, roles=[CLOSER]), "ann", give) is None
    without = world("atmos", ATMOS, roles=[CLOSER], features=frozenset({"automation"}))
    assert verdict(without, "ann", give) == "published"


def test_a_held_role_is_not_deleted() -> None:
    delete = kinds.DeleteRole(A, "closer")
    asked = world("atmos", ATMOS | {"cem": "closer"}, roles=[CLOSER], removed={"cem"})
    assert verdict(asked, "ann", delete) == "target"
    assert verdict(changed(asked, kinds.DeleteMember(A, "cem", NORTH)), "ann", delete) is None


def test_a_single_role_is_not_restored_beside_its_new_holder() -> None:
    roles = {"ann": "account_owner", "ben": "account_owner"}
    asked = world("onepagecrm", roles, removed={"ben"})
    assert verdict(asked, None, kinds.RestoreMember(A, "ben", NORTH)) == "single"


def test_an_override_left_on_a_locked_role_may_be_cleared_but_none_set() -> None:
    asked = world(
        "amocrm", {"ann": "administrator", "ben": "administrator"}, overrides=[override("ben", "view_lead", NONE)]
    )
    assert verdict(asked, "ann", kinds.ClearOverride(A, "ben", NORTH, "view_lead")) is None
    assert verdict(asked, "ann", kinds.SetOverride(A, "ben", NORTH, "view_lead", ALL)) == "locked"
    assert verdict(asked, None, kinds.SetOverride(A, "ben", NORTH, "view_lead", ALL)) == "locked"


def test_no_way_leads_down_the_ladder_and_staying_is_no_step() -> None:
    asked = world("staff-ladder", LADDER | {"dora": "project_manager"}, removed={"dora"})
    north = frozenset({NORTH})
    assert verdict(asked, "ben", kinds.ChangeRole(A, "cem", NORTH, "teammate")) is None
    assert verdict(asked, "ben", kinds.ChangeRole(A, "cem", NORTH, "salesperson")) == "ladder"
    assert verdict(asked, "ben", kinds.Invite(A, "i", "dora", "teammate", north)) == "ladder"
    assert verdict(asked, "ben", kinds.Invite(A, "i", "dora", "admin", north)) is None
    assert verdict(asked, "ben", kinds.RestoreMember(A, "dora", NORTH)) is None


# above


@pytest.mark.parametrize(
    "change",
    [
        kinds.ChangeRole(A, "ann", NORTH, "member"),
        kinds.SetOverride(A, "ann", NORTH, "manage_billing", NONE),
        kinds.RemoveMember(A, "ann", NORTH),
        kinds.ChangeDetails(A, "ann", NORTH, "In Leeds"),
        kinds.ResetMfa(A, "ann", NORTH),
        kinds.GrantShare(A, "lead/L-1", "ann", None, VIEW),
    ],
)
def test_nobody_changes_somebody_above_them(change: kinds.Change) -> None:
    asked = world("atlas", ATLAS | {"dora": "owner"}, records=[lead()])
    assert verdict(asked, "ben", change) == "above"
    assert verdict(asked, "dora", change) is None


def test_above_is_the_whole_person_parent_role_and_single_overrides_included() -> None:
    assert verdict(world("atlas", ATLAS, parents={"cem": "super_admin"}), "ben", RAISE) == "above"
    assert verdict(world("atlas", ATLAS, overrides=[override("cem", "delete_branch")]), "ben", RAISE) == "above"
    ended = world("atlas", ATLAS, overrides=[override("cem", "delete_branch", ALL, NOW)])
    assert verdict(ended, "ben", RAISE) is None
    assert verdict(world("atlas", ATLAS, inactive={"ann"}), "ben", kinds.ResetMfa(A, "ann", NORTH)) == "above"


def test_over_holders_of_parent_roles_stands_who_administers_parent_roles() -> None:
    overrides = [override("ben", "revoke_parent_roles")]
    asked = world("atlas", ATLAS, parents={"cem": "super_admin", "ann": "super_admin"}, overrides=overrides)
    assert verdict(asked, "ben", kinds.RevokeParentRole(A, "cem")) == "above"
    asked = world(
        "atlas", ATLAS, parents={"cem": "super_admin"}, overrides=[override("ben", "administer_parent_roles")]
    )
    assert verdict(asked, "ben", kinds.RevokeParentRole(A, "cem")) is None
    assert verdict(asked, "ben", kinds.GrantParentRole(A, "dora", "super_admin")) == "escalation"


# escalation


@pytest.mark.parametrize(
    ("ends", "guard"),
    [(SOON - BIT, None), (SOON, None), (SOON + BIT, "escalation"), (LATER, "escalation"), (None, "escalation")],
)
def test_nobody_gives_anything_for_longer_than_their_own_end(ends: datetime | None, guard: str | None) -> None:
    overrides = [override("dora", "manage_member_permissions"), override("dora", "view_billing", ALL, SOON)]
    asked = world("atlas", ATLAS, overrides=overrides, requests=[request("cem", "view_billing")])
    assert verdict(asked, "dora", kinds.SetOverride(A, "cem", NORTH, "view_billing", ALL, ends)) == guard
    assert verdict(asked, "dora", kinds.ApproveRequest(A, "r", ends)) == guard
    longer = changed(asked, kinds.SetOverride(A, "cem", NORTH, "view_billing", ALL, SOON))
    assert verdict(longer, "dora", kinds.SetOverride(A, "cem", NORTH, "view_billing", ALL, ends)) == guard


def test_nobody_gives_what_is_prohibited_to_them_in_between() -> None:
    overrides = [override("ben", "reset_mfa", NONE, SOON)]
    asked = world("atlas", ATLAS, overrides=overrides)
    assert verdict(asked, "ben", kinds.SetOverride(A, "cem", NORTH, "reset_mfa", ALL)) == "escalation"
    assert verdict(replace(asked, now=SOON), "ben", kinds.SetOverride(A, "cem", NORTH, "reset_mfa", ALL)) is None


@pytest.mark.parametrize(
    ("scope", "guard"),
    [(ASSIGNED, None), (CREATED, "escalation"), (ASSIGNED | {"team"}, "escalation"), (ALL, "escalation")],
)
def test_a_scope_is_covered_by_its_reaches(scope: frozenset[str], guard: str | None) -> None:
    asked = world(
        "atlas", ATLAS, overrides=[override("dora", "manage_member_permissions"), override("cem", "view_lead", NONE)]
    )
    assert verdict(asked, "dora", kinds.SetOverride(A, "cem", NORTH, "view_lead", scope)) == guard


def test_taking_away_may_be_giving() -> None:
    """To clear a narrowing override gives back what the role says."""
    asked = world(
        "atlas", ATLAS, overrides=[override("ben", "manage_billing", NONE), override("dora", "manage_billing", NONE)]
    )
    asked = changed(asked, kinds.ChangeRole(A, "dora", NORTH, "admin"))
    assert verdict(asked, "ben", kinds.ClearOverride(A, "dora", NORTH, "manage_billing")) == "escalation"
    assert verdict(asked, "ann", kinds.ClearOverride(A, "dora", NORTH, "manage_billing")) is None


def test_restoring_and_adding_are_giving() -> None:
    asked = world("atlas", ATLAS | {"dora": "owner"}, removed={"dora"}, south={"ben": "member", "ann": "owner"})
    assert verdict(asked, "ben", kinds.RestoreMember(A, "dora", NORTH)) == "escalation"
    assert verdict(asked, "ann", kinds.RestoreMember(A, "dora", NORTH)) is None
    assert verdict(asked, "ben", kinds.AddToBranches(A, "cem", "admin", frozenset({SOUTH}))) == "escalation"
    assert verdict(asked, "ann", kinds.AddToBranches(A, "cem", "admin", frozenset({SOUTH}))) is None


def test_an_own_role_gives_its_holders_no_more_than_its_editor_has() -> None:
    copied = OwnRole("copied", "user")
    asked = world("atmos", ATMOS | {"ben": "closer", "dora": "copied"}, roles=[CLOSER, copied])
    asked = changed(asked, kinds.EditRole(A, "copied", frozenset()))
    wide, own = frozenset({("export_lead", ALL)}), frozenset({("change_roles", ALL)})
    assert verdict(asked, "ben", kinds.EditRole(A, "copied", wide)) == "escalation"
    assert verdict(asked, "ben", kinds.EditRole(A, "copied", own)) is None
    assert verdict(asked, "ben", kinds.CopyRole(A, "wide", "user", wide)) is None
    made = changed(asked, kinds.CopyRole(A, "wide", "user", wide))
    assert verdict(made, "ben", kinds.ChangeRole(A, "cem", NORTH, "wide")) == "escalation"


def test_a_parent_role_is_given_by_who_has_it_on_every_branch() -> None:
    grant = kinds.GrantParentRole(A, "cem", "billing_admin")
    overrides = [override("ann", "grant_parent_roles")]
    assert verdict(world("atlas", ATLAS, overrides=overrides), "ann", grant) == "escalation"
    assert verdict(world("atlas", ATLAS, overrides=overrides, south={"ann": "owner"}), "ann", grant) is None


def test_an_acceptance_is_judged_by_what_its_inviter_may_then() -> None:
    asked = world("atlas", ATLAS, invitations=[invitation("eve", "admin", "ben", NORTH)])
    accept = kinds.AcceptInvitation(A, "i")
    assert verdict(asked, "eve", accept) is None
    assert verdict(asked, "dora", accept) == "target"
    assert verdict(changed(asked, kinds.ChangeRole(A, "ben", NORTH, "member")), "eve", accept) == "right"
    assert verdict(changed(asked, kinds.RemoveMember(A, "ben", NORTH)), "eve", accept) == "right"
    narrowed = changed(asked, kinds.SetOverride(A, "ben", NORTH, "reset_mfa", NONE))
    assert verdict(narrowed, "eve", accept) == "escalation"
    operators = replace(invitation("eve", "owner", None, NORTH), key="i")
    assert verdict(world("atlas", ATLAS, invitations=[operators]), "eve", accept) is None


def test_who_puts_somebody_in_a_team_gives_what_is_shared_with_it() -> None:
    overrides = [override("dora", "manage_teams"), override("dora", "view_lead", ALL)]
    common: dict[str, Any] = {"teams": [team("ben")], "records": [lead("ben", "ben")], "overrides": overrides}
    put = kinds.ChangeTeam(A, NORTH, "sales", frozenset({"ben", "cem"}))
    only_seen = world("atlas", ATLAS, shares=[shared(None, "view", team="north/sales")], **common)
    assert verdict(only_seen, "dora", put) is None
    also_changed = world("atlas", ATLAS, shares=[shared(None, "view", "change", team="north/sales")], **common)
    assert verdict(also_changed, "dora", put) == "escalation"
    assert verdict(also_changed, "ann", put) is None


def test_a_share_has_no_end_so_neither_may_what_it_gives() -> None:
    overrides = [override("dora", "grant_record_access"), override("dora", "view_lead", ALL, SOON)]
    asked = world("atlas", ATLAS, records=[lead("ann", "ann")], overrides=overrides)
    assert verdict(asked, "dora", kinds.GrantShare(A, "lead/L-1", "cem", None, VIEW)) == "escalation"
    own = world("atlas", ATLAS, records=[lead("ann", "dora")], overrides=overrides[:1])
    assert verdict(own, "dora", kinds.GrantShare(A, "lead/L-1", "cem", None, VIEW)) is None


# fresh, last keeper


def test_a_page_that_somebody_has_overtaken_changes_nothing() -> None:
    asked = world("atlas", ATLAS)
    seen = replace(RAISE, seen=standing(asked, RAISE))
    assert seen.seen == frozenset[object]({Member("cem", NORTH, "member")})
    assert verdict(asked, "ann", seen) is None
    overtaken = changed(asked, kinds.ChangeRole(A, "cem", NORTH, "owner"))
    assert verdict(overtaken, "ann", seen) == "fresh"
    assert verdict(overtaken, "ann", RAISE) is None
    assert verdict(changed(asked, RAISE), "ann", seen) == "fresh"
    assert verdict(changed(asked, kinds.ChangeRole(A, "dora", NORTH, "admin")), "ann", seen) is None
    allow = kinds.SetOverride(A, "cem", NORTH, "view_billing", ALL)
    blank = replace(allow, seen=standing(asked, allow))
    assert verdict(asked, "ann", blank) is None
    assert verdict(changed(asked, replace(allow, ends=LATER)), "ann", blank) == "fresh"


@pytest.mark.parametrize(
    "change",
    [
        kinds.ChangeRole(A, "ann", NORTH, "admin"),
        kinds.RemoveMember(A, "ann", NORTH),
        kinds.DeactivateUser("ann"),
        kinds.CloseBranch(A, NORTH),
    ],
)
def test_the_last_keeper_stays_even_for_the_operator(change: kinds.Change) -> None:
    assert verdict(world("atlas", ATLAS), None, change) == "last_keeper"
    assert verdict(world("atlas", ATLAS | {"dora": "owner"}, inactive={"dora"}), None, change) == "last_keeper"
    assert verdict(world("atlas", ATLAS | {"dora": "owner"}, removed={"dora"}), None, change) == "last_keeper"
    assert verdict(world("atlas", ATLAS, parents={"dora": "super_admin"}), None, change) is None
    assert verdict(world("atlas", ATLAS, parents={"dora": "viewer"}), None, change) == "last_keeper"


def test_each_branch_keeps_its_own_keeper_and_may_be_closed_with_it() -> None:
    asked = world("atlas", ATLAS, south={"ann": "owner"})
    assert verdict(asked, None, kinds.RemoveMember(A, "ann", SOUTH)) == "last_keeper"
    assert verdict(asked, None, kinds.CloseBranch(A, SOUTH)) is None
    assert verdict(world("atlas", ATLAS, south={"ben": "admin"}), None, kinds.RemoveMember(A, "ben", SOUTH)) is None


def test_a_supreme_parent_role_is_not_given_up_where_nobody_else_keeps_the_account() -> None:
    asked = world("atlas", {"cem": "member"}, parents={"cem": "super_admin"})
    assert verdict(asked, None, kinds.RevokeParentRole(A, "cem")) == "last_keeper"
    assert verdict(asked, None, kinds.ChangeParentRole(A, "cem", "viewer")) == "last_keeper"
    kept = world("atlas", ATLAS, parents={"cem": "super_admin"})
    assert verdict(kept, None, kinds.RevokeParentRole(A, "cem")) is None


# effects


def test_deleting_for_good_takes_what_hung_on_the_membership_and_nothing_else() -> None:
    asked = world(
        "atlas",
        ATLAS,
        south={"cem": "member"},
        removed={"cem"},
        overrides=[override("cem", "view_lead"), override("dora", "view_lead")],
        teams=[team("cem", "dora")],
        records=[lead("cem", "cem")],
        shares=[shared("cem", "view"), shared("dora", "view")],
    )
    then: Account = only(changed(asked, kinds.DeleteMember(A, "cem", NORTH)))
    assert {row for row in then.members if row.user == "cem"} == {Member("cem", SOUTH, "member")}
    assert {row.user for row in then.overrides} == {row.user for row in then.shares} == {"dora"}
    assert then.teams == {team("dora")}
    assert then.records == {lead("cem", "cem")}


def test_an_invitation_to_all_branches_leaves_active_memberships_as_they_are() -> None:
    pending: Invitation = invitation("ben", "member", "ann")
    asked = world("atlas", ATLAS, south={"ann": "owner"}, invitations=[pending])
    then = only(changed(asked, kinds.AcceptInvitation(A, "i")))
    assert {row for row in then.members if row.user == "ben"} == {
        Member("ben", NORTH, "admin"),
        Member("ben", SOUTH, "member"),
    }


# The table


def test_the_table_of_cases_is_complete_and_the_same_each_time() -> None:
    found = list(cases())
    names = [case.id for case in found]
    assert len({*names}) == len(names) < 40_000
    assert {case.expected for case in found} == {None, "target", *GUARDS} - {"fresh"}
    assert {type(case.change) for case in found} == {
        kind
        for kind in vars(kinds).values()
        if isinstance(kind, type) and issubclass(kind, kinds.Change) and not kind.__subclasses__()
    } - {kinds.ReactivateUser}
    assert {case.id.partition("/")[0] for case in found} == {*tables.SCHEMES}
