"""The generators give valid files, reach every kind of world, and are quick enough to be used by the million."""

import json
import random
from collections import Counter

import pytest
from hypothesis import given

from tests.conformance import tables
from tests.reference.compiled import Reference
from tests.reference.small import NOW, SAM, small_worlds
from tests.reference.valid import faults
from tests.reference.world import Organisation, World
from tests.reference.worlds import organisations, questions, random_world


@given(found=organisations())
def test_a_random_world_is_a_valid_file_for_each_account(found: list[Organisation]) -> None:
    for organisation in found:
        assert faults(organisation) == []
        assert json.loads(json.dumps(organisation)) == organisation
    rows = [user for organisation in found for user in organisation["users"]]
    assert all(one == other for one in rows for other in rows if one["email"] == other["email"])


def test_a_seed_gives_the_same_world_again() -> None:
    assert random_world(random.Random(7)) == random_world(random.Random(7))


def test_random_worlds_cover_the_hostile_things_often() -> None:
    met: Counter[str] = Counter()
    for seed in range(150):
        for organisation in random_world(random.Random(seed)):
            met.update(_hostile(organisation))
    assert len(met) == 18
    assert min(met.values()) >= 15, met


def _hostile(organisation: Organisation) -> set[str]:
    """The hostile things that one organisation has."""
    scheme = organisation["account"]["scheme"]
    inactive = {user["email"] for user in organisation["users"] if not user["active"]}
    held = {(row["user"], row["branch"]): row for row in organisation["members"]}
    active = {key for key, row in held.items() if row.get("status", "active") == "active"}
    records = organisation["records"]
    branch_of = {f"{row['type']}/{row['ref']}": row["branch"] for row in records}
    private = {f"contact/{row['ref']}" for row in records if row.get("private")}
    about = {f"{row['type']}/{row['ref']}" for row in records if row.get("about") in private}
    responsible = {(row.get("responsible"), row["branch"]) for row in records}
    teams = [(branch["slug"], team["members"]) for branch in organisation["branches"] for team in branch["teams"]]
    seats = Counter((user, slug) for slug, members in teams for user in members)
    published = tables.expected(scheme)
    overrides = organisation["overrides"]
    found = {
        "private contact": bool(private),
        "about a private contact": bool(about),
        "about what is about one": any(row.get("about") in about for row in records),
        "removed member": len(active) < len(held),
        "removed responsible": any(key in held and key not in active for key in responsible),
        "inactive responsible": any(user in inactive for user, _ in responsible),
        "outside responsible": any(user and (user, branch) not in held for user, branch in responsible),
        "nobody responsible": any(user is None for user, _ in responsible),
        "in two teams": any(times > 1 for times in seats.values()),
        "team of outsiders": any(key not in active for key in seats),
        "override of no member": any((row["user"], row["branch"]) not in active for row in overrides),
        "override of what is never granted": any(
            not published[held[key]["role"]][row["permission"]][1]
            for row in overrides
            if (key := (row["user"], row["branch"])) in held and held[key]["role"] in published
        ),
        "override at its end": any(row.get("expires", "").startswith("2026-06-15T12:00:00") for row in overrides),
        "own role": any(row["role"] not in published for row in held.values()),
        "parent role": bool(organisation["parent_roles"]),
        "share to who is no member": any(
            "user" in row and (row["user"], branch_of[row["record"]]) not in active for row in organisation["shares"]
        ),
        "share of change without view": any("view" not in row["permissions"] for row in organisation["shares"]),
        "several branches": len(organisation["branches"]) > 1,
    }
    return {thing for thing, there in found.items() if there}


def test_the_small_worlds_ask_more_than_a_million_questions_with_both_answers_in_each_kind() -> None:
    asked, answers = 0, Counter[tuple[str, bool]]()
    for number, small in enumerate(small_worlds()):
        asked += len(small.questions)
        if number % 50 == 0:
            reference = Reference(small.world)
            answers.update((name, reference.may(SAM, name, target)) for _, name, target in small.questions)
    assert asked > 1_000_000
    assert all(answers[name, True] and answers[name, False] for name, _ in list(answers))


def test_the_small_worlds_of_files_are_valid() -> None:
    for small in small_worlds(every=20):
        assert not small.importable or faults(small.world.organisations[0]) == [], small.name


@pytest.mark.parametrize("fault", ["second branch", "no keeper", "private contact of nobody", "activity about nothing"])
def test_a_faulty_file_is_told_apart(fault: str) -> None:
    organisation = random_world(random.Random(3))[0]
    match fault:
        case "second branch":
            organisation["branches"].append(dict(organisation["branches"][0]))
        case "no keeper":
            organisation["members"], organisation["parent_roles"] = [], []
        case _:
            kind = fault.split()[0].replace("private", "contact")
            row = {"type": kind, "ref": "X-1", "branch": "north", "name": "X", "private": kind == "contact"}
            organisation["records"].append(row)
    assert faults(organisation) != []


def test_a_user_of_one_file_is_asked_about_in_the_other() -> None:
    found = random_world(random.Random(1))
    accounts = {target.partition(":")[2].partition("/")[0] for _, _, target in questions(found)}
    assert accounts == {"acme", "globex"}
    assert Reference(World(found, NOW)).accounts.keys() == accounts
