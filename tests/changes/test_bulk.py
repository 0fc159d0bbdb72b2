"""Many changes at once: what is written and logged, what each line is refused for, and that it is as one by one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.access.models import Override
from apps.access.tables import CsvRow
from apps.accounts.models import User
from apps.audit.models import Entry, Link, Operation
from apps.audit.verification import verify
from apps.changes import bulk, undo
from apps.changes.base import Change
from apps.changes.bulk import ChangeRoles, ReplaceRole, SetOverrides, end_of, scope_of
from apps.changes.guards.comparison import PrivilegeComparison
from apps.changes.members import ChangeRole
from apps.changes.overrides import ClearOverride, SetOverride
from apps.changes.refusals import Guard, ManyRefused, NoSuchTarget, Refusal
from apps.changes.undo import Undo
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.factories import Cast, OwnRoleFactory, ParentMembershipFactory, make_cast, published

pytestmark = pytest.mark.django_db
FILE = ("user", "branch", "permission", "scope", "expires", "reason")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of three, so that a few lines make several."""
    monkeypatch.setattr(bulk, "BATCH", 3)


def lines(*rows: Sequence[str], columns: Sequence[str] = ("user", "branch", "role")) -> list[CsvRow]:
    return [CsvRow(number, dict(zip(columns, row, strict=False))) for number, row in enumerate(rows, start=2)]


def roles(cast: Cast, *rows: Sequence[str], **options: Any) -> ChangeRoles:
    return ChangeRoles(account_id=cast.account.pk, lines=lines(*rows), **options)


def overrides(cast: Cast, *rows: Sequence[str], **options: Any) -> SetOverrides:
    return SetOverrides(account_id=cast.account.pk, lines=lines(*rows, columns=FILE), **options)


def held(cast: Cast) -> dict[str, str]:
    """What everybody is, by address and branch."""
    found = Membership.objects.filter(account=cast.account).values_list("user__email", "branch__slug", "role__key")
    return {f"{email} {slug}": key for email, slug, key in found}


def sound(cast: Cast) -> bool:
    return not any(report.fault for report in verify(cast.account.pk))


def refused(change: Change, actor: User | None = None) -> dict[int | None, Guard]:
    """The guards by line; nothing is written."""
    before = list(Membership.objects.values()), list(Override.objects.values()), Operation.objects.count()
    with pytest.raises(ManyRefused) as caught:
        change.apply(actor=actor, reason="Because")
    assert before == (list(Membership.objects.values()), list(Override.objects.values()), Operation.objects.count())
    found = [refusal.line for refusal in caught.value.refusals]
    assert found == sorted(found, key=lambda line: line or 0)
    assert all(f"line {refusal.line}: {refusal.sentence}" in str(caught.value) for refusal in caught.value.refusals)
    return {refusal.line: refusal.guard for refusal in caught.value.refusals}


def test_many_roles_are_one_operation_with_an_entry_each() -> None:
    cast = make_cast("atlas")
    others = [cast.join() for _ in range(7)]
    change = roles(cast, *([user.email, "north", "admin"] for user in others), ["ben@acme.example"])
    done = ChangeRoles(account_id=cast.account.pk, lines=change.lines, role="admin").apply(
        actor=cast.owner, reason="Up"
    )
    assert done.rows == 8
    operation = Operation.objects.get(pk=str(done.operation_id))
    assert (operation.verb, operation.reason, operation.actor_id) == ("access.role.changed", "Up", cast.owner.pk)
    entries = Entry.objects.filter(operation=operation, target_type="teams.membership")
    assert {entry.user_id for entry in entries} == {user.pk for user in (*others, cast.member)}
    images = entries.values_list("before__names__role", "after__names__role").distinct()
    assert list(images) == [("Member", "Admin")]
    assert Link.objects.filter(operation=operation).count() == 3
    assert sound(cast)
    assert set(held(cast).values()) == {"owner", "admin"}


def test_a_second_time_there_is_nothing_to_change() -> None:
    cast = make_cast("atlas")
    rows = [[cast.join().email, "north", "admin"] for _ in range(5)]
    assert roles(cast, *rows).apply(actor=None, reason="Up").rows == 5
    more = [*rows, [cast.member.email, "north", "admin"]]
    assert roles(cast, *more).apply(actor=None, reason="Up").rows == 1
    again = roles(cast, *more).apply(actor=None, reason="Up")
    assert (again.rows, again.operation_id) == (0, None)


def test_it_is_undone_as_a_whole_in_batches_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "BATCH", 3)
    cast = make_cast("atlas")
    users = [cast.join() for _ in range(8)]
    before = state()
    done = roles(cast, *([user.email, "", "admin"] for user in users)).apply(actor=cast.owner, reason="Up")
    back = Undo(account_id=cast.account.pk, operation_id=int(str(done.operation_id)))
    assert back.apply(actor=cast.owner, reason="Too early").rows == 8
    assert state() == before
    assert sound(cast)


def test_each_line_is_refused_for_itself_and_nothing_is_written() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    admin, other, gone = cast.join("admin"), cast.join(), cast.join()
    cast.remove(gone)
    cast.join(branch=south, user=other)
    assert refused(
        roles(
            cast,
            [cast.member.email, "north", "admin"],
            [admin.email, "north", "member"],
            [cast.owner.email, "north", "member"],
            [other.email, "north", "owner"],
            [other.email, "south", "admin"],
            [gone.email, "north", "admin"],
            ["nobody@acme.example", "north", "admin"],
            [cast.outsider.email, "north", "admin"],
            [cast.member.email, "south", "admin"],
            [other.email, "west", "admin"],
            [other.email, "main", "admin"],
            [other.email, "", "admin"],
            [other.email, "north", "boss"],
            [other.email, "north", "super_admin"],
            ["", "north", "admin"],
        ),
        admin,
    ) == {
        3: Guard.ONESELF,
        4: Guard.ABOVE,
        5: Guard.ESCALATION,
        6: Guard.RIGHT,
        **dict.fromkeys((7, 8, 9, 10, 11, 12, 13, 14, 15, 16), Guard.TARGET),
    }


def test_the_other_accounts_people_are_not_told_from_nobody() -> None:
    cast = make_cast("atlas")
    with pytest.raises(ManyRefused) as caught:
        roles(cast, [cast.outsider.email, "", "admin"], ["x@acme.example", "", "admin"]).apply(actor=None, reason="Up")
    foreign, unknown = caught.value.refusals
    assert str(foreign).replace(cast.outsider.email, "x@acme.example") == str(unknown)
    assert str(unknown) == "x@acme.example is not a member of North."


def test_the_same_member_twice_is_refused_with_both_lines_however_far_apart() -> None:
    cast = make_cast("atlas")
    others = [[cast.join().email, "north", "admin"] for _ in range(5)]
    change = roles(cast, ["BEN@acme.example ", "", "admin"], *others, [cast.member.email, "north", "admin"])
    with pytest.raises(ManyRefused) as caught:
        change.apply(actor=None, reason="Up")
    assert str(caught.value) == "line 8: This repeats line 2. Remove one of the two lines."
    overriding = overrides(
        cast, [cast.member.email, "", "view_lead", "all"], [cast.member.email, "north", "crm.view_lead", "clear"]
    )
    assert refused(overriding) == {3: Guard.TARGET}


def test_one_branch_goes_without_saying_and_several_do_not() -> None:
    cast = make_cast("atlas")
    assert roles(cast, [cast.member.email, "", "admin"]).apply(actor=None, reason="Up").rows == 1
    cast.branch_beside()
    assert refused(roles(cast, [cast.member.email, "", "member"])) == {2: Guard.TARGET}
    assert roles(cast, [cast.member.email, "", "member"], branch="north").apply(actor=None, reason="Down").rows == 1


def test_the_last_owner_stays() -> None:
    cast = make_cast("amocrm")
    second = cast.join("administrator")
    everybody = ReplaceRole(account_id=cast.account.pk, replaced="administrator", role="employee")
    with pytest.raises(Refusal) as caught:
        everybody.apply(actor=None, reason="Down")
    assert caught.value.guard is Guard.LAST_KEEPER
    swap = roles(cast, [cast.owner.email, "", "employee"], [cast.member.email, "", "administrator"])
    assert swap.apply(actor=second, reason="In turn").rows == 2


def test_everybody_who_holds_a_role_gets_another_one() -> None:
    cast = make_cast("atlas")
    south, closed = cast.branch_beside(), cast.branch_beside("Closed")
    there = [cast.join(branch=branch) for branch in (cast.branch, south, closed, south)]
    cast.remove(there[3], south)
    more = [cast.join() for _ in range(7)]
    closed.status = "closed"
    closed.save()
    north = ReplaceRole(account_id=cast.account.pk, replaced="member", role="admin", branch="north")
    assert north.apply(actor=cast.owner, reason="Up").rows == len(more) + 2
    everywhere = ReplaceRole(account_id=cast.account.pk, replaced="member", role="admin")
    assert everywhere.apply(actor=cast.owner, reason="Up").rows == 1
    assert everywhere.apply(actor=cast.owner, reason="Up").operation_id is None
    assert sorted(held(cast).values()) == ["admin"] * 10 + ["member"] * 2 + ["owner"]


def test_replacing_an_unknown_role_or_on_an_unknown_branch_is_refused() -> None:
    cast = make_cast("atlas")
    for replaced, role, branch in (
        ("boss", "admin", ""),
        ("member", "boss", ""),
        ("member", "viewer", ""),
        ("member", "admin", "main"),
    ):
        change = ReplaceRole(account_id=cast.account.pk, replaced=replaced, role=role, branch=branch)
        with pytest.raises(NoSuchTarget):
            change.apply(actor=None, reason="Up")


def test_somebody_elses_role_is_not_there() -> None:
    cast = make_cast("amocrm")
    theirs = OwnRoleFactory(account=cast.elsewhere.account, key="seller")
    assert refused(roles(cast, [cast.member.email, "", theirs.key])) == {2: Guard.TARGET}
    OwnRoleFactory(account=cast.account, key="seller")
    assert roles(cast, [cast.member.email, "", "seller"]).apply(actor=cast.owner, reason="New").rows == 1


@pytest.mark.parametrize("who", ["outsider", "inactive", "member"])
def test_who_may_not_changes_nobody(who: str) -> None:
    cast = make_cast("atlas")
    other = cast.join()
    if who == "inactive":
        User.objects.filter(pk=cast.owner.pk).update(is_active=False)
    actor = {"outsider": cast.outsider, "inactive": cast.owner, "member": cast.member}[who]
    actor.refresh_from_db()
    change = roles(cast, [other.email, "", "admin"])
    if who == "outsider":
        with pytest.raises(NoSuchTarget, match="That account doesn't exist"):
            change.apply(actor=actor, reason="Up")
    else:
        assert refused(change, actor) == {2: Guard.RIGHT}


def test_no_more_refusals_are_told_than_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.changes.base.MOST_REFUSALS", 5)
    cast = make_cast("atlas")
    assert list(refused(roles(cast, *([f"x{n}@acme.example", "", "admin"] for n in range(20))))) == [2, 3, 4, 5, 6]


def test_what_has_moved_between_checking_and_writing_is_not_written() -> None:
    """Somebody else gets the address in the file after its line was judged."""
    cast = make_cast("atlas")
    others = [cast.join() for _ in range(4)]
    top = cast.join("admin")

    class Moving(list[CsvRow]):
        times = 0

        def __iter__(self) -> Any:
            self.times += 1
            if self.times == 2:
                User.objects.filter(pk=others[0].pk).update(email="moved@acme.example")
                User.objects.filter(pk=top.pk).update(email=others[0].email)
            return super().__iter__()

    change = ChangeRoles(
        account_id=cast.account.pk, role="owner", lines=Moving(lines(*([user.email] for user in others)))
    )
    with pytest.raises(OperationalError, match="changed while this was saved"):
        change.apply(actor=None, reason="Up")
    assert list(held(cast).values()).count("owner") == 1


def test_overrides_are_set_changed_and_cleared_with_a_reason_each() -> None:
    cast = make_cast("atlas")
    others = [cast.join() for _ in range(4)]
    end = timezone.now().replace(microsecond=0) + timedelta(days=3)
    cast.let(others[0], "view_lead", Scope.NONE)
    cast.let(others[1], "view_lead", Scope.NONE)
    cast.let(others[2], "view_lead", Scope.ALL)
    done = overrides(
        cast,
        [others[0].email, "north", "view_lead", "responsible + shared", end.isoformat(), "Season"],
        [others[1].email, "", "view_lead", "clear"],
        [others[2].email, "", "view_lead", "all", "", "Another reason changes nothing"],
        [others[3].email, "", "crm.view_lead", "If creator"],
        [others[3].email, "", "manage_billing", "Permitted"],
        [others[2].email, "", "delete_lead", "clear"],
    ).apply(actor=cast.owner, reason="Spring")
    assert done.rows == 4
    found = {(o.user_id, o.permission): o for o in Override.objects.all()}
    season = found[others[0].pk, "view_lead"]
    assert (season.scope, season.expires_at, season.reason) == (Scope.RESPONSIBLE | Scope.SHARED, end, "Season")
    assert season.author == cast.owner
    assert (others[1].pk, "view_lead") not in found
    assert found[others[2].pk, "view_lead"].reason == "For now"
    created = found[others[3].pk, "view_lead"]
    assert (created.scope, created.reason, created.expires_at) == (Scope.CREATED, "Spring", None)
    assert Entry.objects.filter(operation__pk=str(done.operation_id)).count() == 4
    assert sound(cast)


def test_very_different_overrides_are_written_in_one_statement_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """More groups of values than are updated one by one: a reason for each."""
    cast = make_cast("atlas")
    users = [cast.join() for _ in range(30)]
    monkeypatch.setattr(bulk, "BATCH", 100)
    first = [[user.email, "", "view_lead", "all", "", f"Reason {user.pk}"] for user in users]
    overrides(cast, *first).apply(actor=cast.owner, reason="First")
    second = [
        [user.email, "", "view_lead", "team" if place % 2 else "none", "2099-01-01T00:00:00+01:00", f"{place}%s"]
        for place, user in enumerate(users)
    ]
    with CaptureQueriesContext(connection) as queries:
        assert overrides(cast, *second).apply(actor=None, reason="Second").rows == 30
    assert sum(query["sql"].startswith("UPDATE") for query in queries) == 1
    for place, user in enumerate(users):
        found = Override.objects.get(user=user)
        assert (found.reason, found.scope) == (f"{place}%s", Scope.TEAM if place % 2 else Scope.NONE)
        assert (found.author_id, str(found.expires_at)) == (None, "2098-12-31 23:00:00+00:00")


def test_each_line_of_overrides_is_refused_for_itself() -> None:
    cast = make_cast("amocrm")
    actor, other, gone = cast.join("administrator"), cast.join(), cast.join()
    cast.let(other, "view_lead")
    cast.remove(gone)
    assert refused(
        overrides(
            cast,
            [actor.email, "", "view_lead", "none"],
            [cast.owner.email, "", "view_lead", "none"],
            [other.email, "", "view_billing", "all"],
            [other.email, "", "fly", "all"],
            [other.email, "", "", "all"],
            [other.email, "", "view_lead", ""],
            [other.email, "", "view_lead", "some"],
            [other.email, "", "manage_teams", "team"],
            [other.email, "", "view_task", "all", "2027-01-31"],
            [other.email, "", "view_company", "all", "2001-01-31T00:00:00Z"],
            [other.email, "", "view_contact", "all", "soon"],
            [other.email, "", "delete_lead", "clear", "2099-01-31T00:00:00Z"],
            [gone.email, "", "view_lead", "all"],
        ),
        actor,
    ) == {2: Guard.ONESELF, 3: Guard.LOCKED, 4: Guard.LOCKED, **dict.fromkeys(range(5, 15), Guard.TARGET)}


def test_nothing_is_given_that_the_actor_does_not_have_nor_for_longer() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    soon, late = timezone.now() + timedelta(days=2), timezone.now() + timedelta(days=4)
    Override.objects.create(
        account=cast.account, branch=cast.branch, user=admin, permission="delete_branch", scope=Scope.ALL,
        reason="For the move", expires_at=timezone.now() + timedelta(days=3),
    )  # fmt: skip
    users = [cast.join() for _ in range(4)]
    assert refused(
        overrides(
            cast,
            [users[0].email, "", "delete_branch", "all", soon.isoformat()],
            [users[1].email, "", "delete_branch", "all", late.isoformat()],
            [users[2].email, "", "delete_branch", "all"],
            [users[3].email, "", "change_account", "all"],
            [cast.owner.email, "", "view_lead", "none"],
        ),
        admin,
    ) == {3: Guard.ESCALATION, 4: Guard.ESCALATION, 5: Guard.ESCALATION, 6: Guard.ABOVE}


def test_ends_elsewhere_do_not_hide_which_end_is_later() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    admin, early, late = cast.join("admin"), cast.join(), cast.join()
    cast.join(branch=south, user=early)

    def given(user: User, branch: Any, permission: str, days: int) -> None:
        Override.objects.create(
            account=cast.account, branch=branch, user=user, permission=permission, scope=Scope.ALL,
            reason="For now", expires_at=timezone.now() + timedelta(days=days),
        )  # fmt: skip

    given(admin, cast.branch, "delete_branch", 5)
    given(early, south, "view_reports", 1)
    ends = [(timezone.now() + timedelta(days=days)).isoformat() for days in (2, 9)]
    assert refused(
        overrides(
            cast,
            [early.email, "north", "delete_branch", "all", ends[0]],
            [late.email, "north", "delete_branch", "all", ends[1]],
        ),
        admin,
    ) == {3: Guard.ESCALATION}


def test_ever_so_many_ends_are_judged_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cast = make_cast("atlas")
    admin, users = cast.join("admin"), [cast.join() for _ in range(9)]
    asked: list[Any] = []
    compile_all = PrivilegeComparison._gain

    def counted(width: PrivilegeComparison, *given: Any) -> Any:
        asked.append(given)
        return compile_all(width, *given)

    monkeypatch.setattr(PrivilegeComparison, "_gain", counted)
    now = timezone.now()
    rows = [
        [user.email, "", "view_lead", "all", (now + timedelta(days=number)).isoformat()]
        for number, user in enumerate(users, start=1)
    ]
    assert overrides(cast, *rows).apply(actor=admin, reason="Season").rows == 9
    assert len(asked) == 1
    assert roles(cast, *([user.email, "", "admin"] for user in users)).apply(actor=admin, reason="Up").rows == 9
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("none", Scope.NONE),
        ("ALL", Scope.ALL),
        ("Prohibited", Scope.NONE),
        ("if responsible", Scope.RESPONSIBLE | Scope.SHARED),
        ("All in the group", Scope.RESPONSIBLE | Scope.SHARED | Scope.TEAM),
        ("[created, team]", Scope.CREATED | Scope.TEAM),
        ("created+team", Scope.CREATED | Scope.TEAM),
        ("created", Scope.CREATED),
    ],
)
def test_a_scope_is_written_as_people_and_files_write_it(text: str, scope: Scope) -> None:
    assert scope_of(text) == scope


@pytest.mark.parametrize("text", ["", "[]", "-", "everything", "created, everything", "none all"])
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(NoSuchTarget):
        scope_of(text)


@pytest.mark.parametrize("text", ["2027-01-31", "2027-01-31T00:00:00", "tomorrow", "0", "2027-13-01T00:00:00Z"])
def test_what_is_no_end_is_refused(text: str) -> None:
    with pytest.raises(NoSuchTarget):
        end_of(text)


# As one by one


def worlds(seed: int) -> tuple[random.Random, Cast, list[User]]:
    rng = random.Random(seed)
    scheme = rng.choice(["atlas", "amocrm", "atmos", "staff-ladder", "onepagecrm"])
    cast = make_cast(scheme)
    kinds = [role for role in cast.account.role_system.roles.values() if role.kind == "branch" and not role.single]
    branches = [cast.branch]
    if cast.account.role_system.many_branches:
        branches.append(cast.branch_beside())
    people = [cast.owner, cast.member, cast.outsider]
    for _ in range(8):
        user = cast.join(rng.choice(kinds).key, branch=rng.choice(branches))
        people.append(user)
        if len(branches) == 2 and rng.random() < 0.4:
            other = next(b for b in branches if not Membership.objects.filter(user=user, branch=b).exists())
            cast.join(rng.choice(kinds).key, branch=other, user=user)
        if rng.random() < 0.2:
            cast.remove(user, rng.choice(branches))
        if rng.random() < 0.2:
            User.objects.filter(pk=user.pk).update(is_active=False)
    parents = [role.key for role in cast.account.role_system.roles.values() if role.kind == "parent"]
    if parents and rng.random() < 0.5:
        someone = rng.choice(people[1:2] + people[3:])
        ParentMembershipFactory(account=cast.account, user=someone, role=rng.choice(parents))
    return rng, cast, people


def outcome(changes: Iterable[Change], actor: User | None) -> Any:
    """What comes of changes made in turn: the guards by line, the one guard, or the state then. It is taken back."""
    with transaction.atomic():
        try:
            for change in changes:
                change.apply(actor=actor, reason="Because")
            return state()
        except ManyRefused as refused:
            return {refusal.line: refusal.guard for refusal in refused.refusals}
        except Refusal as refusal:
            return refusal.guard
        finally:
            transaction.set_rollback(True)


def compare(change: Change, singles: dict[int, Change], actor: User | None) -> None:
    """Hold a bulk change against its lines one by one: the same refusals, or the same state at the end.

    Whether somebody is left in the top role is asked of all lines together, and not of each.
    """
    together = outcome([change], actor)
    alone = {line: outcome([single], actor) for line, single in singles.items()}
    against = {line: found for line, found in alone.items() if isinstance(found, Guard)}
    against = {line: guard for line, guard in against.items() if guard is not Guard.LAST_KEEPER}
    if against:
        assert together == against
    elif together is not Guard.LAST_KEEPER:
        one_by_one = outcome(singles.values(), actor)
        assert one_by_one in (together, Guard.LAST_KEEPER)


def state() -> tuple[list[Any], list[Any]]:
    columns = ("user", "branch", "permission", "scope", "expires_at", "reason", "author")
    members = Membership.objects.order_by("pk").values_list("pk", "role", "status")
    return list(members), list(Override.objects.order_by(*columns[:3]).values_list(*columns))


@pytest.mark.parametrize("seed", range(12))
def test_many_roles_are_changed_and_refused_as_they_are_one_by_one(seed: int) -> None:
    rng, cast, people = worlds(seed)
    keys = [role.key for role in cast.account.role_system.roles.values() if role.kind == "branch"]
    memberships = list(Membership.objects.filter(account=cast.account))
    for size in (1, 2, 3, 6, 9):
        chosen = rng.sample(memberships, min(size, len(memberships)))
        asked = [(membership, rng.choice(keys)) for membership in chosen]
        singles: dict[int, Change] = {
            number: ChangeRole(
                account_id=cast.account.pk, membership_id=m.pk, role_id=published(cast.account.scheme, key).pk
            )
            for number, (m, key) in enumerate(asked, start=2)
        }
        change = roles(cast, *([m.user.email, m.branch.slug, key] for m, key in asked))
        compare(change, singles, rng.choice([None, cast.owner, *people[3:]]))


@pytest.mark.parametrize("seed", range(12))
def test_many_overrides_are_set_and_refused_as_they_are_one_by_one(seed: int) -> None:
    rng, cast, people = worlds(seed)
    memberships = list(Membership.objects.filter(account=cast.account))
    permissions = ("view_lead", "delete_lead", "export_contact", "manage_billing", "change_roles", "view_reports")
    ends = [None, timezone.now() + timedelta(days=1), timezone.now() + timedelta(days=9)]
    for _ in range(8):
        cast_override(rng, rng.choice(memberships), rng.choice(permissions), rng.choice(ends))
    for size in (1, 2, 4, 8):
        pairs = rng.sample([(m, permission) for m in memberships for permission in permissions], size)
        standing = set(Override.objects.values_list("user", "branch", "permission"))
        asked = [
            (
                m,
                p,
                rng.choice(["none", "all", "created", *["clear"] * ((m.user_id, m.branch_id, p) in standing)]),
                rng.choice(ends),
            )
            for m, p in pairs
        ]
        singles = {number: single(cast, *each) for number, each in enumerate(asked, start=2)}
        change = overrides(
            cast,
            *(
                [m.user.email, m.branch.slug, p, scope, end.isoformat() if end and scope != "clear" else ""]
                for m, p, scope, end in asked
            ),
        )
        compare(change, singles, rng.choice([None, cast.owner, *people[3:]]))


def cast_override(rng: random.Random, membership: Membership, permission: str, end: Any) -> None:
    Override.objects.get_or_create(
        account=membership.account,
        branch=membership.branch,
        user=membership.user,
        permission=permission,
        defaults={"scope": rng.choice([Scope.NONE, Scope.ALL]), "reason": "For now", "expires_at": end},
    )


def single(cast: Cast, membership: Membership, permission: str, scope: str, end: Any) -> Change:
    if scope == "clear":
        return ClearOverride(account_id=cast.account.pk, membership_id=membership.pk, permission=permission)
    return SetOverride(
        account_id=cast.account.pk,
        membership_id=membership.pk,
        permission=permission,
        scope=scope_of(scope),
        expires_at=end,
    )
