"""What must hold in every world, whatever is in it."""

import copy
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE
from tests.reference import model
from tests.reference.compiled import Reference
from tests.reference.small import NOW
from tests.reference.world import Organisation, Row, World, target_of
from tests.reference.worlds import LETTERS, VIEWS, organisations, questions

Worlds = list[Organisation]
Decisions = set[tuple[str, str, str]]
anywhere = organisations(beyond_files=True)
drawn = st.randoms(use_true_random=False)


def allowed(found: Worlds) -> Decisions:
    """Every question of these worlds that is answered with yes."""
    reference = Reference(World(found, NOW))
    return {question for question in questions(found) if reference.may(*question)}


def chosen(found: Worlds, part: str, index: int) -> Row | None:
    """Some row of a part of the first organisation, if there is one."""
    rows: list[Row] = found[0][part]
    return rows[index % len(rows)] if rows else None


def widen_an_override(found: Worlds, index: int) -> None:
    row = chosen(found, "overrides", index)
    if row is not None and row["scope"] != "all":
        record = CATALOGUE[row["permission"]].target == "record"
        written = [] if isinstance(row["scope"], str) else row["scope"]
        row["scope"] = sorted({*written, ("created", "responsible", "shared", "team")[index % 4]}) if record else "all"


def permit_an_override(found: Worlds, index: int) -> None:
    row = chosen(found, "overrides", index)
    if row is not None:
        row["scope"] = "all"


def share_a_record(found: Worlds, index: int) -> None:
    row = chosen(found, "records", index)
    if row is not None and row["type"] != "activity":
        user = found[0]["users"][index % len(found[0]["users"])]["email"]
        verbs = ["view", "change", "delete"][: 1 + index % 3]
        found[0]["shares"].append({"record": f"{row['type']}/{row['ref']}", "user": user, "permissions": verbs})


def join_a_team(found: Worlds, index: int) -> None:
    user = found[0]["users"][index % len(found[0]["users"])]["email"]
    for branch in found[0]["branches"]:
        for team in branch["teams"][:1]:
            team["members"] = sorted({*team["members"], user})


def become_a_viewer(found: Worlds, index: int) -> None:
    user = found[0]["users"][index % len(found[0]["users"])]["email"]
    if found[0]["account"]["scheme"] == "atlas" and all(row["user"] != user for row in found[0]["parent_roles"]):
        found[0]["parent_roles"].append({"user": user, "role": "viewer"})


def become_super_admin(found: Worlds, index: int) -> None:
    if found[0]["account"]["scheme"] == "atlas":
        user = found[0]["users"][index % len(found[0]["users"])]["email"]
        parents = [row for row in found[0]["parent_roles"] if row["user"] != user]
        found[0]["parent_roles"] = [*parents, {"user": user, "role": "super_admin"}]


def open_everything(found: Worlds, index: int) -> None:
    found[0]["account"] |= {"status": "active", "features": None}
    for branch in found[0]["branches"]:
        branch["status"] = "active"


def publish_a_contact(found: Worlds, index: int) -> None:
    private = [row for row in found[0]["records"] if row.get("private")]
    if private:
        private[index % len(private)]["private"] = False


GRANTS = [
    widen_an_override,
    permit_an_override,
    share_a_record,
    join_a_team,
    become_a_viewer,
    become_super_admin,
    open_everything,
    publish_a_contact,
]


@pytest.mark.parametrize("grant", GRANTS)
@settings(max_examples=25)
@given(before=anywhere, index=st.integers(0, 99))
def test_a_grant_never_shrinks_and_its_revocation_never_grows(
    grant: Callable[[Worlds, int], None], before: Worlds, index: int
) -> None:
    after = copy.deepcopy(before)
    grant(after, index)
    assert allowed(before) <= allowed(after)


@settings(max_examples=30)
@given(found=anywhere, rng=drawn)
def test_the_compiled_form_answers_as_the_plain_one(found: Worlds, rng: random.Random) -> None:
    asked = World(found, NOW)
    reference = Reference(asked)
    for user, permission, target in rng.sample(list(questions(found)), 60):
        assert reference.may(user, permission, target) == model.may(asked, user, permission, target)
        assert reference.who_may(permission, target) == model.who_may(asked, permission, target)
        organisation, branch, _ = target_of(asked, target)
        account = organisation["account"]["slug"]
        place = f"branch:{account}/{branch}" if branch else target
        assert reference.scope(user, permission, place) == model.scope(asked, user, permission, place)
        if CATALOGUE[permission].target == "record":
            assert reference.visible(user, permission, account) == model.visible(asked, user, permission, account)


@settings(max_examples=30)
@given(found=anywhere)
def test_lists_and_holders_are_the_decisions_asked_the_other_way(found: Worlds) -> None:
    reference = Reference(World(found, NOW))
    yes = allowed(found)
    holders: dict[tuple[str, str], set[str]] = {(name, target): set() for _, name, target in questions(found)}
    seen: Decisions = set()
    for user, name, target in yes:
        holders[name, target].add(user)
        if name in VIEWS:
            seen.add((user, name, target))
    for (name, target), users in holders.items():
        ordinary = {user for user in users if not reference.people[user].get("superuser")}
        assert reference.who_may(name, target) == sorted(ordinary)
        assert all(reference.people[user]["active"] for user in users)
    listed = {
        (user, f"view_{kind}", f"{kind}:{slug}/{each}")
        for slug in reference.accounts
        for kind in LETTERS
        for user in reference.people
        for each in reference.visible(user, f"view_{kind}", slug)
    }
    assert listed == seen


@settings(max_examples=30)
@given(found=anywhere)
def test_what_has_ended_or_been_removed_is_as_if_it_had_never_been(found: Worlds) -> None:
    without = copy.deepcopy(found)
    for organisation in without:
        organisation["overrides"] = [row for row in organisation["overrides"] if not ended(row)]
        organisation["members"] = [row for row in organisation["members"] if row.get("status") != "removed"]
    assert allowed(found) == allowed(without)


def ended(row: Row) -> bool:
    """Whether an override has an end that is not in the future."""
    return "expires" in row and model.instant(row["expires"]) <= NOW


@settings(max_examples=30)
@given(found=anywhere)
def test_nothing_crosses_from_one_account_to_another(found: Worlds) -> None:
    yes = allowed(found)
    for organisation in found:
        users = {user["email"] for user in organisation["users"]}
        operators = {user["email"] for each in found for user in each["users"] if user.get("superuser")}
        slug = organisation["account"]["slug"]
        here = {each for each in yes if each[2].partition(":")[2].partition("/")[0] == slug and each[0] in users}
        assert here == allowed([organisation])
        strangers = {user for user, _, target in yes if target.partition(":")[2].partition("/")[0] == slug} - users
        assert strangers <= operators


@settings(max_examples=30)
@given(found=anywhere)
def test_a_private_contact_and_what_is_about_it_is_its_responsibles_alone(found: Worlds) -> None:
    yes = allowed(found)
    for organisation in found:
        slug = organisation["account"]["slug"]
        owners = {f"contact/{r['ref']}": r["responsible"] for r in organisation["records"] if r.get("private")}
        for _ in range(2):
            for row in organisation["records"]:
                if row.get("about") in owners:
                    owners[f"{row['type']}/{row['ref']}"] = owners[row["about"]]
        targets = {f"{name.partition('/')[0]}:{slug}/{name.partition('/')[2]}": who for name, who in owners.items()}
        assert all(user == targets[target] for user, _, target in yes if target in targets)


@settings(max_examples=30)
@given(found=anywhere)
def test_who_may_do_something_may_do_all_that_it_needs(found: Worlds) -> None:
    yes = allowed(found)
    schemes = {organisation["account"]["slug"]: organisation["account"]["scheme"] for organisation in found}
    about = {
        f"activity:{each['account']['slug']}/{row['ref']}": f"{each['account']['slug']}/{row['about']}"
        for each in found
        for row in each["records"]
        if row["type"] == "activity"
    }
    for user, name, target in yes:
        slug = target.partition(":")[2].partition("/")[0]
        kind = target.partition(":")[0]
        for needed in tables.prerequisites(schemes[slug]).get(name, ()):
            assert (user, needed, target) in yes
        if kind in LETTERS:
            assert (user, f"view_{kind}", target) in yes
        if target in about:
            account, subject, reference = about[target].split("/", 2)
            assert (user, f"view_{subject}", f"{subject}:{account}/{reference}") in yes
