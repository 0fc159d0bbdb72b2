"""What must hold of every change in every world, whatever is in it."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE
from tests.reference import kinds
from tests.reference.as_files import files
from tests.reference.change_cast import ALL, NONE, NORTH, A, override
from tests.reference.change_cast import world as cast_world
from tests.reference.change_worlds import PEOPLE, invited, random_change, random_world
from tests.reference.changes import after, inverse, verdict
from tests.reference.compiled import Reference
from tests.reference.kinds import Change
from tests.reference.powers import ACCOUNT_LEVEL, gained, position, powers, scopes, within
from tests.reference.small import NOW
from tests.reference.state import Account, User, World, account_of, team_of
from tests.reference.wellformed import is_possible
from tests.reference.worlds import questions

# A world and what happens in it hang on a seed: to draw each of their thousands of choices would be slow.
drawn = st.integers(0, 2**32).map(random.Random)
many = settings(max_examples=60)

GRANTS = (
    kinds.GrantParentRole,
    kinds.GrantShare,
    kinds.AddTeam,
    kinds.AddToBranches,
    kinds.AcceptInvitation,
    kinds.RestoreMember,
    kinds.ReactivateUser,
    kinds.CreateBranch,
)
REVOCATIONS = (
    kinds.RevokeParentRole,
    kinds.RevokeShare,
    kinds.RemoveMember,
    kinds.Leave,
    kinds.DeleteMember,
    kinds.DeleteTeam,
    kinds.CloseBranch,
    kinds.DeactivateUser,
)
NOTHINGS = (
    kinds.Invite,
    kinds.ResendInvitation,
    kinds.CancelInvitation,
    kinds.RequestAccess,
    kinds.DeclineRequest,
    kinds.ChangeDetails,
    kinds.ResetMfa,
    kinds.ChangeBranch,
    kinds.CopyRole,
    kinds.DeleteRole,
    kinds.CloseAccount,
    kinds.TakeBackClosing,
)


def acme(world: World) -> Account:
    found = account_of(world, "acme")
    assert found is not None
    return found


def decisions(world: World) -> set[tuple[str, str, str]]:
    """Every question about acme that is answered with yes."""
    found = files(replace(world, accounts=frozenset({acme(world)})))
    reference = Reference(found)
    return {question for question in questions(found.organisations) if reference.may(*question)}


def tries(rng: random.Random, world: World, number: int) -> Iterator[Change]:
    """Some possible changes of the world, with each of which it starts anew."""
    for _ in range(number):
        change = random_change(rng, world)
        if rng.random() < 0.1:
            change = rng.choice((kinds.DeactivateUser, kinds.ReactivateUser))(rng.choice(PEOPLE))
        if is_possible(world, getattr(change, "user", None), change):
            yield change


def prepared(rng: random.Random) -> World:
    """A world in which some things have happened already, by whoever."""
    world = random_world(rng)
    for change in list(tries(rng, world, 12)):
        invitation = invited(world).get(getattr(change, "key", ""))
        if is_possible(world, invitation.user if invitation else getattr(change, "user", None), change):
            world = after(world, change, rng.choice(PEOPLE))
    return world


def direction(world: World, change: Change) -> tuple[bool, bool]:
    """Whether a change gives, and whether it takes; nothing is said of those that may do both."""
    account = acme(world)
    if isinstance(change, kinds.SetOverride | kinds.ClearOverride | kinds.ChangeRole):
        both = (account, acme(after(world, change)))
        now, then = (position(each, change.user, change.branch, world.now) for each in both)
        return not gained(then, now), not gained(now, then)
    if isinstance(change, kinds.ChangeTeam):
        team = team_of(account, f"{change.branch}/{change.team}")
        assert team is not None
        return team.members <= change.members, change.members <= team.members
    return isinstance(change, GRANTS + NOTHINGS), isinstance(change, REVOCATIONS + NOTHINGS)


@many
@given(drawn)
def test_a_grant_never_shrinks_anybodys_reach_and_a_revocation_never_grows_it(rng: random.Random) -> None:
    world = prepared(rng)
    before = decisions(world)
    for change in tries(rng, world, 24):
        gives, takes = direction(world, change)
        if gives or takes:
            afterwards = decisions(after(world, change, "ann"))
            assert not gives or before <= afterwards, change
            assert not takes or afterwards <= before, change


@many
@given(drawn)
def test_a_change_of_one_account_changes_nothing_in_another(rng: random.Random) -> None:
    world = prepared(rng)
    before, asked = decisions(world), [each for each in tries(rng, world, 5) if isinstance(each, kinds.InAccount)]
    for _ in range(8):
        change = random_change(rng, world, "globex")
        if is_possible(world, getattr(change, "user", None), change):
            then = after(world, change, "ann")
            assert acme(then) == acme(world)
            assert decisions(then) == before
            for each in asked:
                for actor in (*PEOPLE, None):
                    assert verdict(then, actor, each) == verdict(world, actor, each)


@many
@given(drawn)
def test_a_change_and_its_inverse_leave_everything_as_it_was(rng: random.Random) -> None:
    world = prepared(rng)
    for change in tries(rng, world, 20):
        back = inverse(world, change)
        if back is not None:
            then = after(world, change, "ann")
            assert after(then, back) == world, (change, back)
            by_undo_alone = isinstance(change, kinds.RevokeParentRole | kinds.ChangeTeam | kinds.RevokeShare)
            ended = isinstance(back, kinds.SetOverride) and back.ends is not None and back.ends <= world.now
            if not (by_undo_alone or ended):
                assert is_possible(then, None, back), (change, back)


@many
@given(drawn)
def test_who_is_nothing_in_the_account_can_change_nothing_in_it(rng: random.Random) -> None:
    world = prepared(rng)
    outsider = replace(world, users=world.users | {User("zed")})
    for change in tries(rng, outsider, 20):
        assert verdict(outsider, "zed", change) is not None


def happen(
    rng: random.Random, world: World, actors: list[str | None], number: int, *, taking: float = 1
) -> Iterator[tuple[Change, World]]:
    """Changes by these people, each allowed by the guards when it happens, and the world after each; time passes.

    ``taking`` is how many of the changes that only take are tried: where all are, soon nobody may do anything.
    """
    for _ in range(number):
        if rng.random() < 0.01:
            world = replace(world, now=world.now + timedelta(hours=rng.choice((1, 24))))
        change = random_change(rng, world)
        if rng.random() < 0.1:
            change = rng.choice((kinds.DeactivateUser, kinds.ReactivateUser))(rng.choice(PEOPLE))
        actor = rng.choice(actors)
        if is_possible(world, actor, change) and not direction(world, change)[0] and rng.random() > taking:
            continue
        if isinstance(change, kinds.AcceptInvitation) and change.key in invited(world):
            actor = invited(world)[change.key].user
        if isinstance(change, kinds.Leave | kinds.RequestAccess) and change.user in actors:
            actor = change.user
        if verdict(world, actor, change) is None:
            world = after(world, change, actor)
            yield change, world


def keepers(world: World) -> set[str]:
    """The branches of acme that have an active holder of the top role, and "all" for one of a supreme parent role."""
    account, active = acme(world), {user.name for user in world.users if user.active}
    top = tables.top_roles(account.scheme)
    held = [
        row.branch for row in account.members if row.role in top and {row.user} <= active and row.status == "active"
    ]
    supreme = ["all"] * any(row.role in top and row.user in active for row in account.parent_roles)
    return ({*held} & {*account.open_branches}) | {*supreme}


@many
@given(drawn, st.integers(1, 60))
def test_no_sequence_of_allowed_changes_leaves_an_account_without_a_keeper(rng: random.Random, length: int) -> None:
    world = random_world(rng)
    kept = keepers(world)
    assert kept
    for change, then in happen(rng, world, [*PEOPLE, None], length):
        left = keepers(then)
        assert left, change
        assert "all" in left or kept & {*acme(then).open_branches} <= left, change
        single = {key for key, role in tables.roles(acme(then).scheme).items() if role.single}
        held = [row.role for row in acme(then).members if row.status == "active" and row.role in single]
        assert sorted(held) == sorted(single), change
        kept = left


@settings(max_examples=100)
@given(drawn, st.integers(1, 200))
def test_no_sequence_of_allowed_changes_gives_what_none_of_its_actors_ever_had(rng: random.Random, length: int) -> None:
    world = random_world(rng)
    bosses = {row.user for row in acme(world).members if row.role in tables.top_roles(acme(world).scheme)}
    bosses |= {row.user for row in acme(world).parent_roles if row.role == "super_admin"}
    actors = sorted({*PEOPLE} - bosses)
    assume(actors)
    last = [world, *(then for _, then in happen(rng, world, [*actors], length, taking=0.1))][-1]
    hold_no_more_than_they_had(world, last, actors)


@many
@given(drawn)
def test_what_is_handed_on_never_outlives_what_its_givers_had(rng: random.Random) -> None:
    names, days = ("view_reports", "view_billing"), [None, *(NOW + timedelta(days=number) for number in range(4))]
    rights = {override(user, "manage_member_permissions") for user in PEOPLE[1:]}
    held = {override(user, name, ALL, rng.choice(days)) for user in PEOPLE[1:] for name in names if rng.random() < 0.5}
    roles = dict.fromkeys(PEOPLE[1:], "member") | {PEOPLE[0]: "owner"}
    first = last = cast_world("atlas", roles, overrides=rights | held)
    for _ in range(20):
        place, name = (A, rng.choice(PEOPLE[1:]), NORTH), rng.choice(names)
        change = kinds.SetOverride(*place, name, rng.choice((ALL, ALL, NONE)), rng.choice(days[1:]))
        change = replace(change, ends=None) if rng.random() < 0.3 else change
        actor = rng.choice(PEOPLE[1:])
        last = after(last, change) if verdict(last, actor, change) is None else last
    hold_no_more_than_they_had(first, last, [*PEOPLE[1:]])


def hold_no_more_than_they_had(before: World, now: World, actors: list[str]) -> None:
    """Fails where somebody has, or will have, what neither they nor any of the actors would have had then."""
    first, last = acme(before), acme(now)
    ends = {row.ends for row in first.overrides | last.overrides if row.ends is not None}
    for at in sorted({now.now, *(end for end in ends if end > now.now)}):
        for branch in [None, *({*first.open_branches} & {*last.open_branches})]:
            own = [scopes(powers(first, actor, branch, at)) for actor in actors]
            for user in {row.user for row in last.members | last.parent_roles}:
                was, is_now = scopes(powers(first, user, branch, at)), scopes(powers(last, user, branch, at))
                for name in ACCOUNT_LEVEL if branch is None else CATALOGUE:
                    assert any(within(is_now[name], each[name]) for each in [was, *own]), (user, name, at)
