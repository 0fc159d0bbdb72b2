"""Section 2 of the access model, clause by clause, on examples worked out by hand."""

import pytest

from tests.reference import model
from tests.reference.cast import may, override, record, share, world
from tests.reference.world import Row, World

LEAD = "lead:acme/L-1"
PEOPLE = {"ann": "owner", "ben": "member", "cem": "member"}


def lead_world(scope: str | list[str], creator: str = "", responsible: str = "", *shares: Row) -> World:
    """Ben's scope of view_lead, and one lead."""
    return world(
        "atlas",
        PEOPLE,
        teams={"sales": ["ben", "cem"], "field": ["eve"]},
        overrides=[override("ben", "view_lead", scope)],
        records=[record("lead", "L-1", creator, responsible)],
        shares=shares,
    )


def test_created_reaches_what_one_has_created_and_no_more() -> None:
    assert may(lead_world(["created"], creator="ben", responsible="ann"), "ben", "view_lead", LEAD)
    assert not may(lead_world(["created"], creator="ann", responsible="ben"), "ben", "view_lead", LEAD)


def test_responsible_reaches_what_one_answers_for_and_no_more() -> None:
    assert may(lead_world(["responsible"], responsible="ben"), "ben", "view_lead", LEAD)
    assert not may(lead_world(["responsible"], creator="ben", responsible="cem"), "ben", "view_lead", LEAD)
    assert not may(lead_world(["responsible"], creator="ben"), "ben", "view_lead", LEAD)


def test_none_reaches_nothing_and_all_reaches_nobodys_record() -> None:
    mine = share("lead/L-1", "view", user="ben")
    assert not may(lead_world("none", "ben", "ben", mine), "ben", "view_lead", LEAD)
    assert may(lead_world("all"), "ben", "view_lead", LEAD)


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ({"user": "ben"}, True),
        ({"user": "cem"}, False),
        ({"team": "north/sales"}, True),
        ({"team": "north/field"}, False),
    ],
)
def test_shared_reaches_what_is_shared_with_the_user_or_their_team(subject: dict[str, str], answer: bool) -> None:
    asked = lead_world(["shared"], "", "", share("lead/L-1", "view", **subject))
    assert may(asked, "ben", "view_lead", LEAD) is answer


def test_a_share_to_a_team_of_another_branch_gives_nothing() -> None:
    branches = [
        {"slug": slug, "name": slug, "teams": [{"slug": "sales", "name": "Sales", "members": ["ben"]}]}
        for slug in ("north", "south")
    ]
    records = [record("lead", "L-1")]
    for team, answer in (("north/sales", True), ("south/sales", False)):
        asked = world(
            "atlas", PEOPLE, branches=branches, records=records, shares=[share("lead/L-1", "view", team=team)]
        )
        assert may(asked, "ben", "view_lead", LEAD) is answer


def test_a_share_gives_only_itself() -> None:
    for verb, seen, changed in (("view", True, False), ("change", False, False)):
        asked = world("atlas", PEOPLE, records=[record("lead", "L-1")], shares=[share("lead/L-1", verb, user="ben")])
        assert may(asked, "ben", "view_lead", LEAD) is seen
        assert may(asked, "ben", "change_lead", LEAD) is changed
    both = share("lead/L-1", "view", "change", user="ben")
    asked = world("atlas", PEOPLE, records=[record("lead", "L-1")], shares=[both])
    assert may(asked, "ben", "change_lead", LEAD)


@pytest.mark.parametrize("permission", ["assign_record", "change_record_access", "view_access_history"])
def test_for_every_other_permission_a_share_of_view_counts(permission: str) -> None:
    for verbs, answer in ((["view"], True), (["change", "delete", "export"], False)):
        asked = world(
            "atlas",
            PEOPLE,
            overrides=[override("ben", permission, ["shared"]), override("ben", "view_lead", "all")],
            records=[record("lead", "L-1")],
            shares=[share("lead/L-1", *verbs, user="ben")],
        )
        assert may(asked, "ben", permission, LEAD) is answer


def test_shares_count_for_nothing_on_activities() -> None:
    asked = world(
        "atlas",
        PEOPLE,
        overrides=[override("ben", "view_activity", ["shared"]), override("ben", "view_lead", "all")],
        records=[record("lead", "L-1"), record("activity", "N-1", about="lead/L-1")],
        shares=[share("activity/N-1", "view", user="ben"), share("lead/L-1", "view", user="ben")],
    )
    assert not may(asked, "ben", "view_activity", "activity:acme/N-1")


@pytest.mark.parametrize(("responsible", "answer"), [("cem", True), ("ben", True), ("eve", False), ("", False)])
def test_team_reaches_the_records_of_team_mates_and_ones_own(responsible: str, answer: bool) -> None:
    assert may(lead_world(["team"], creator="cem", responsible=responsible), "ben", "view_lead", LEAD) is answer


def test_team_reaches_nothing_for_who_is_in_no_team() -> None:
    asked = world(
        "atlas", PEOPLE, overrides=[override("ben", "view_lead", ["team"])], records=[record("lead", "L-1", "", "ben")]
    )
    assert not may(asked, "ben", "view_lead", LEAD)


@pytest.mark.parametrize(("removed", "active"), [(["cem"], True), ([], False)])
def test_what_a_removed_or_inactive_team_mate_left_stays_in_the_teams_sight(removed: list[str], active: bool) -> None:
    asked = world(
        "atlas",
        PEOPLE,
        teams={"sales": ["ben", "cem", "dora"]},
        removed=removed,
        people={"cem": {"active": active}},
        overrides=[override("ben", "view_lead", ["team"])],
        records=[record("lead", "L-1", "", "cem"), record("lead", "L-2", "", "dora")],
    )
    assert model.visible(asked, "ben", "view_lead", "acme") == ["L-1", "L-2"]


def test_a_team_of_another_branch_does_not_count() -> None:
    south = {"slug": "south", "name": "South", "teams": [{"slug": "all", "name": "All", "members": ["ben", "cem"]}]}
    north: Row = {"slug": "north", "name": "North", "teams": []}
    asked = world(
        "atlas",
        PEOPLE,
        branches=[north, south],
        members=[{"user": "ben", "branch": "south", "role": "member"}],
        overrides=[override("ben", "view_lead", ["team"])],
        records=[record("lead", "L-1", "", "cem")],
    )
    assert not may(asked, "ben", "view_lead", LEAD)
