"""Section 3 of the access model, clause by clause, on examples worked out by hand."""

from datetime import timedelta

import pytest

from tests.conformance import tables
from tests.reference.cast import may, override, reaches, record, share, world
from tests.reference.small import NOW
from tests.reference.world import WrongTarget

ASSIGNED = {"responsible", "shared"}


def test_a_role_gives_what_its_table_says() -> None:
    asked = world("atlas", {"ann": "owner", "ben": "member"})
    assert reaches(asked, "ann", "view_lead") == {"all"}
    assert reaches(asked, "ben", "view_lead") == ASSIGNED
    assert reaches(asked, "ben", "manage_billing") == set()


def test_a_stranger_to_the_account_has_nothing() -> None:
    asked = world("atlas", {"ann": "owner"})
    assert all(reaches(asked, "eve", name) == set() for name in tables.CATALOGUE)


def test_a_role_counts_on_its_own_branch_only() -> None:
    asked = world("atlas", {"ann": "owner"}, members=[{"user": "ann", "branch": "south", "role": "member"}])
    assert reaches(asked, "ann", "delete_lead", "branch:acme/north") == {"all"}
    assert reaches(asked, "ann", "delete_lead", "branch:acme/south") == set()


def test_a_closed_account_gives_nothing_and_a_closing_one_still_everything() -> None:
    closed = world("atlas", {"ann": "owner"}, account={"status": "closed"})
    closing = world("atlas", {"ann": "owner"}, account={"status": "closing"})
    assert reaches(closed, "ann", "view_lead") == set()
    assert reaches(closing, "ann", "view_lead") == {"all"}


def test_an_operator_reaches_everything_even_in_a_closed_account() -> None:
    asked = world("atlas", {"ann": "owner"}, account={"status": "closed"}, people={"eve": {"superuser": True}})
    assert all(reaches(asked, "eve", name) == {"all"} for name in tables.CATALOGUE)


def test_an_inactive_user_has_nothing_not_as_supreme_nor_as_operator() -> None:
    asked = world(
        "atlas",
        {"ann": "owner", "ben": "owner"},
        people={"ben": {"active": False}, "eve": {"active": False, "superuser": True}},
        parent_roles=[{"user": "ben", "role": "super_admin"}],
    )
    assert reaches(asked, "ben", "view_lead") == set()
    assert reaches(asked, "eve", "view_lead") == set()


def test_what_the_plan_lacks_is_gone_for_everyone() -> None:
    operator = {"eve": {"superuser": True}}
    supreme = [{"user": "ben", "role": "super_admin"}]
    for features, answer in (([], set()), (["automation"], {"all"})):
        asked = world("atlas", {"ann": "owner"}, account={"features": features}, people=operator, parent_roles=supreme)
        for user in ("ann", "ben", "eve"):
            assert reaches(asked, user, "manage_autoflows") == answer
            assert reaches(asked, user, "view_lead") == {"all"}


def test_nothing_narrows_a_supreme_parent_role() -> None:
    asked = world(
        "atlas",
        {"ann": "owner", "ben": "member"},
        parent_roles=[{"user": "ben", "role": "super_admin"}],
        overrides=[override("ben", "view_lead", "none")],
    )
    assert reaches(asked, "ben", "view_lead") == {"all"}
    assert reaches(asked, "ben", "manage_roles", "account:acme") == {"all"}
    assert reaches(asked, "ben", "delete_lead", "branch:acme/south") == {"all"}


def test_another_parent_role_joins_what_the_branch_gives() -> None:
    asked = world("atlas", {"ann": "owner", "ben": "member"}, parent_roles=[{"user": "ben", "role": "viewer"}])
    assert "all" in reaches(asked, "ben", "view_lead")
    assert reaches(asked, "ben", "change_lead") == ASSIGNED
    assert reaches(asked, "ben", "view_lead", "branch:acme/south") == {"all"}
    assert reaches(asked, "ben", "change_lead", "branch:acme/south") == set()


def test_an_override_does_not_narrow_a_parent_role() -> None:
    parents = [{"user": "ben", "role": "billing_admin"}]
    asked = world(
        "atlas",
        {"ann": "owner", "ben": "admin"},
        parent_roles=parents,
        overrides=[override("ben", "view_billing", "none")],
    )
    assert reaches(asked, "ben", "view_billing") == {"all"}


@pytest.mark.parametrize("scope", [["created"], ["responsible", "shared", "team"], ["team"]])
def test_an_override_stands_in_place_of_the_role_both_ways(scope: list[str]) -> None:
    asked = world(
        "atlas",
        {"ann": "owner", "ben": "member"},
        overrides=[override("ann", "view_lead", scope), override("ben", "delete_lead", scope)],
    )
    assert reaches(asked, "ann", "view_lead") == set(scope)
    assert reaches(asked, "ben", "delete_lead") == set(scope)
    assert reaches(asked, "ben", "view_lead") == ASSIGNED


def test_an_override_of_another_branch_counts_there_only() -> None:
    asked = world("atlas", {"ann": "owner"}, overrides=[override("ann", "view_lead", "none", branch="south")])
    assert reaches(asked, "ann", "view_lead") == {"all"}


def test_an_override_never_gives_what_is_not_grantable() -> None:
    asked = world(
        "onepagecrm",
        {"ann": "account_owner", "ben": "user"},
        overrides=[override("ben", "delete_contact", "all"), override("ben", "delete_opportunity", "all")],
    )
    assert reaches(asked, "ben", "delete_contact") == set()
    assert reaches(asked, "ben", "delete_opportunity") == {"all"}


def test_a_locked_role_takes_no_overrides() -> None:
    overrides = [override("ann", "view_lead", "none"), override("ben", "view_lead", "none")]
    asked = world("amocrm", {"ann": "administrator", "ben": "employee"}, overrides=overrides)
    assert reaches(asked, "ann", "view_lead") == {"all"}
    assert reaches(asked, "ben", "view_lead") == set()


@pytest.mark.parametrize(("seconds", "scope"), [(-1, ASSIGNED), (0, ASSIGNED), (1, {"all"})])
def test_an_override_counts_until_the_instant_of_its_end(seconds: int, scope: set[str]) -> None:
    ends = (NOW + timedelta(seconds=seconds)).isoformat()
    asked = world(
        "atlas", {"ann": "owner", "ben": "member"}, overrides=[override("ben", "view_lead", "all", expires=ends)]
    )
    assert reaches(asked, "ben", "view_lead") == scope


def test_a_time_is_read_the_same_from_yaml_and_from_json() -> None:
    for ends in (NOW, "2026-06-15T12:00:00Z", "2026-06-15T14:00:00+02:00"):
        asked = world("atlas", {"ann": "member"}, overrides=[override("ann", "view_lead", "all", expires=ends)])
        assert reaches(asked, "ann", "view_lead") == ASSIGNED


def test_a_removed_member_has_nothing_and_no_override_share_or_team_brings_it_back() -> None:
    asked = world(
        "atlas",
        {"ann": "owner", "ben": "admin"},
        removed=["ben"],
        teams={"sales": ["ann", "ben"]},
        overrides=[override("ben", "view_lead", ["shared", "team", "responsible", "created"])],
        records=[record("lead", "L-1", "ben", "ben")],
        shares=[share("lead/L-1", "view", user="ben")],
    )
    assert reaches(asked, "ben", "view_lead") == set()
    assert not may(asked, "ben", "view_lead", "lead:acme/L-1")


def test_a_membership_on_a_closed_branch_gives_nothing_but_a_parent_role_stays() -> None:
    asked = world(
        "atlas",
        {"ann": "owner"},
        branches=[{"slug": "north", "name": "North", "teams": [], "status": "closed"}],
        parent_roles=[{"user": "ben", "role": "viewer"}],
    )
    assert reaches(asked, "ann", "view_lead") == set()
    assert reaches(asked, "ben", "view_lead") == {"all"}


def test_an_account_level_permission_is_the_union_over_the_branches_and_the_parent_role() -> None:
    asked = world(
        "atlas",
        {"ann": "owner", "ben": "member"},
        members=[{"user": "ben", "branch": "south", "role": "member"}],
        overrides=[
            override("ben", "add_to_branches", "all", branch="south"),
            override("ann", "add_to_branches", "none"),
        ],
    )
    assert may(asked, "ben", "add_to_branches", "account:acme")
    assert not may(asked, "ann", "add_to_branches", "account:acme")
    viewer = world("atlas", {"ann": "owner"}, parent_roles=[{"user": "eve", "role": "viewer"}])
    assert may(viewer, "eve", "view_parent_roles", "account:acme")
    assert not may(viewer, "eve", "grant_parent_roles", "account:acme")


def test_an_account_level_permission_does_not_come_from_a_closed_branch() -> None:
    closed = [{"slug": "north", "name": "North", "teams": [], "status": "closed"}]
    asked = world("atlas", {"ann": "owner"}, branches=closed)
    assert not may(asked, "ann", "add_to_branches", "account:acme")


def test_the_scope_of_a_branch_permission_is_not_asked_of_an_account() -> None:
    with pytest.raises(WrongTarget):
        reaches(world("atlas", {"ann": "owner"}), "ann", "view_lead", "account:acme")


def test_an_own_role_gives_its_grants_and_the_rest_of_its_original() -> None:
    grants = {"view_lead": ["created"], "export_lead": "all"}
    own = {"key": "auditor", "name": "Auditor", "based_on": "employee", "grants": grants}
    asked = world("amocrm", {"ann": "administrator", "ben": "auditor"}, own=[own])
    assert reaches(asked, "ben", "view_lead") == {"created"}
    assert reaches(asked, "ben", "export_lead") == {"all"}
    assert reaches(asked, "ben", "view_contact") == {"all"}


def test_what_is_never_grantable_in_the_original_is_not_in_the_copy() -> None:
    own = {"key": "auditor", "name": "Auditor", "based_on": "employee", "grants": {"manage_billing": "all"}}
    overrides = [override("ben", "view_billing", "all"), override("ben", "manage_teams", "all")]
    asked = world("amocrm", {"ann": "administrator", "ben": "auditor"}, own=[own], overrides=overrides)
    assert reaches(asked, "ben", "manage_billing") == set()
    assert reaches(asked, "ben", "view_billing") == set()
    assert reaches(asked, "ben", "manage_teams") == {"all"}


def test_scopes_join_by_union() -> None:
    asked = world(
        "atlas",
        {"ann": "owner", "ben": "member"},
        parent_roles=[{"user": "ben", "role": "billing_admin"}],
        overrides=[override("ben", "view_lead", ["created", "team"])],
    )
    assert reaches(asked, "ben", "view_lead") == {"created", "team"}
    assert reaches(asked, "ben", "view_billing") == {"all"}
