"""Previews: what they tell is what then happens, and they leave no trace."""

import json
import os
import random
from collections import Counter
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.access.handover import HandOver, HandOverPlan
from apps.access.models import Override
from apps.accounts.models import Account, User
from apps.audit.models import Entry, Link, Operation
from apps.changes.base import Change
from apps.changes.branches import CloseBranch
from apps.changes.custom_roles import EditRole
from apps.changes.members import ChangeRole
from apps.changes.overrides import SetOverride
from apps.changes.preview import preview
from apps.changes.previews.values import Preview
from apps.changes.refusals import Guard, Refusal
from apps.changes.removal import Leave, RemoveMember
from apps.changes.sharing import GrantShare
from apps.changes.teams import ChangeTeam
from apps.changes.undo import Undo
from apps.roles.models import Role, RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.access.database_worlds import DatabaseWorld
from tests.changes.measured import Expected, Situation
from tests.changes.test_undo import rows, tried
from tests.changes.wishes import WISHES, Nothing, Wisher
from tests.factories import (
    ActivityFactory,
    Cast,
    CompanyFactory,
    ContactFactory,
    LeadFactory,
    MembershipFactory,
    OperatorFactory,
    OwnRoleFactory,
    TaskFactory,
    make_cast,
    published,
)
from tests.reference.worlds import NOW

pytestmark = pytest.mark.django_db

WORLDS = int(os.environ.get("MANDATE_CHANGED_WORLDS", "12"))
SHARDS = 4


def told(change: Change, actor: User | None, monkeypatch: pytest.MonkeyPatch) -> tuple[Preview, Preview]:
    """The preview in full, and as it is told of very many."""
    full = preview(change, actor=actor)
    with monkeypatch.context() as patched:
        patched.setattr("apps.changes.previews.measure.IN_FULL", 0)
        return full, preview(change, actor=actor)


@pytest.mark.parametrize("shard", range(SHARDS))
@time_machine.travel(NOW, tick=False)
def test_what_a_preview_tells_is_what_happens(shard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[str] = Counter()
    for seed in range(shard, WORLDS, SHARDS):
        with tried():
            world = DatabaseWorld(seed)
            wisher = Wisher(random.Random(seed), world.accounts["acme"])
            for kind in WISHES:
                with tried():
                    _tell_and_make(wisher, kind, monkeypatch, seen)
    assert seen["affected"]


def _tell_and_make(wisher: Wisher, kind: type[Change], monkeypatch: pytest.MonkeyPatch, seen: Counter[str]) -> None:
    try:
        change, actor = wisher.wish(kind)
        if actor is None and wisher.rng.random() < 0.5:
            actor = wisher.of(User.objects.filter(memberships__account=wisher.account).distinct())
    except (Nothing, Refusal):
        return
    before = rows()
    log = _log(wisher.account)
    try:
        full, sums = told(change, actor, monkeypatch)
    except Refusal as refusal:
        with pytest.raises(type(refusal)):
            change.apply(actor=actor, reason="As told")
        return
    assert (rows(), _log(wisher.account)) == (before, log)
    situation = Situation(wisher.account)
    done = change.apply(actor=actor, reason="As told")
    expected = Expected(situation, Situation(wisher.account), actor)
    _compare(full, sums, expected, f"{actor} {change}")
    seen[kind.__name__] += 1
    seen["affected"] += full.affected
    seen["orphans"] += sum(full.orphans.values())
    seen["stranded"] += sum(sum(m.numbers.stranded.values()) for m in full.members)
    seen["groups"] += len(sums.groups)
    if done.operation_id is not None and not kind.final:
        undo = Undo(account_id=wisher.account.pk, operation_id=done.operation_id)
        with tried():
            try:
                back, sums = told(undo, None, monkeypatch)
            except Refusal:
                return
            now = Situation(wisher.account)
            undo.apply(actor=None, reason="Back")
            _compare(back, sums, Expected(now, Situation(wisher.account), None), f"undo {change}")


def _compare(full: Preview, sums: Preview, expected: Expected, what: str) -> None:
    members = {member.user_id: member for member in full.members}
    total: dict[str, Counter[str]] = {key: Counter() for key in ("gains", "loses", "stranded")}
    for user_id in expected.users:
        numbers, scopes = expected.numbers(user_id), expected.scopes(user_id)
        if user_id not in members:
            assert not any(numbers.values()), f"{what}: {user_id} is not told of, {numbers}"
            assert not scopes, f"{what}: {user_id} is not told of, {scopes}"
            continue
        member = members[user_id]
        assert member.numbers.as_json() == numbers, f"{what}: {user_id}"
        changes = {(change.branch_id or 0, change.permission): change for change in member.changes}
        for (branch_id, codename), (was, is_now) in scopes.items():
            change = changes.get((branch_id, codename)) or changes[0, codename]
            assert (change.before.scope, change.after.scope) == (was, is_now), f"{what}: {user_id} {change}"
        for key, counts in expected.numbers(user_id, public=True).items():
            total[key].update(counts)
    assert dict(full.orphans) == expected.orphans(), what
    assert sums.affected == full.affected, what
    if sums.groups:
        for key, counts in total.items():
            summed: Counter[str] = sum((getattr(group.numbers, key) for group in sums.groups), Counter())
            assert dict(summed) == dict(counts), f"{what}: {key} in sums"
        assert sum(group.members for group in sums.groups) == full.affected
        assert dict(sums.orphans) == dict(full.orphans), f"{what}: orphans in sums"
    list(full.lines()), list(sums.lines())


def _log(account: Account) -> Any:
    version = Account.objects.values_list("access_version").get(pk=account.pk)
    return (
        version,
        Operation.objects.count(),
        Entry.objects.count(),
        list(Link.objects.order_by("pk").values_list("hash")),
    )


def held(cast: Cast, user: User) -> int:
    return Membership.objects.get(branch=cast.branch, user=user).pk


def override(cast: Cast, user: User, permission: str, scope: Scope) -> SetOverride:
    return SetOverride(account_id=cast.account.pk, membership_id=held(cast, user), permission=permission, scope=scope)


def by_name(found: Preview) -> dict[str, dict[str, Any]]:
    return {member.name: member.numbers.as_json() for member in found.members}


def test_another_role_is_told_in_sentences_with_where_it_comes_from() -> None:
    cast = make_cast("atlas")
    LeadFactory(branch=cast.branch, responsible=cast.member)
    LeadFactory(branch=cast.branch)
    ContactFactory(branch=cast.branch)
    change = ChangeRole(
        account_id=cast.account.pk, membership_id=held(cast, cast.member), role_id=published("atlas", "admin").pk
    )
    found = preview(change, actor=cast.owner)
    lines = list(found.lines())
    assert lines[:2] == ["1 member is affected:", "Ben Baker:"]
    assert "  View leads on North: If responsible → Permitted (Member → Admin)" in lines
    assert "  Gains 1 lead and 1 contact (of those you can view)." in lines
    ((member,), told) = found.members, json.loads(json.dumps(found.as_json()))
    assert told["members"][0]["gains"] == {"lead": 1, "contact": 1}
    change_of_leads = next(each for each in member.changes if each.permission == "view_lead")
    assert [step.role.key for step in change_of_leads.after.steps if step.role] == ["admin"]


def test_an_end_that_moves_is_a_difference_too() -> None:
    cast = make_cast("atlas")
    cast.let(cast.member, "view_billing")
    now = Override.objects.get()
    later = override(cast, cast.member, "view_billing", Scope.ALL)
    assert not preview(later, actor=cast.owner).affected
    Override.objects.filter(pk=now.pk).update(expires_at=NOW.replace(year=2999))
    (change,) = preview(later, actor=cast.owner).members[0].changes
    until = "15 June 2999, 12:00 UTC"
    assert str(change) == f"View billing on North: Permitted until {until} → Permitted (override → override)"


def test_only_what_the_actor_may_see_is_counted() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    cast.let(admin, "view_lead", Scope.RESPONSIBLE | Scope.SHARED)
    LeadFactory(branch=cast.branch, responsible=cast.member)
    change = override(cast, cast.member, "view_lead", Scope.NONE)
    assert by_name(preview(change, actor=cast.owner))["Ben Baker"]["loses"] == {"lead": 1}
    assert by_name(preview(change, actor=admin))["Ben Baker"] == {"gains": {}, "loses": {}, "stranded": {}}


def test_private_contacts_are_nobodys_to_count_but_their_responsibles() -> None:
    cast = make_cast("atlas")
    ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    ContactFactory(branch=cast.branch, responsible=cast.owner, private=True)
    change = override(cast, cast.member, "view_contact", Scope.NONE)
    for actor in (cast.owner, None):
        assert not any(by_name(preview(change, actor=actor))["Ben Baker"].values())


def test_whoever_leaves_is_told_of_their_own_private_contacts_and_not_that_somebody_gets_them() -> None:
    cast = make_cast("atlas")
    contact = ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    TaskFactory(about=contact, responsible=cast.member)
    plan = HandOverPlan({"task": cast.owner.pk}, HandOver(cast.owner.pk))
    change = Leave(account_id=cast.account.pk, branch_id=cast.branch.pk, removal_plan=plan)
    found = by_name(preview(change, actor=cast.member))
    assert found == {"Ben Baker": {"gains": {}, "loses": {"contact": 1, "task": 1}, "stranded": {}}}


def test_a_removal_tells_of_those_who_receive_and_of_their_team() -> None:
    cast = make_cast("amocrm", member_role="employee")
    heir, mate = cast.join(), cast.join()
    for user in (cast.member, heir, mate):
        cast.let(user, "view_lead", Scope.RESPONSIBLE | Scope.TEAM)
        cast.let(user, "view_activity")
    cast.team(heir, mate)
    ActivityFactory(about=LeadFactory(branch=cast.branch, responsible=cast.member))
    TaskFactory(branch=cast.branch, responsible=cast.member)
    plan = HandOverPlan({"lead": heir.pk}, HandOver(heir.pk))
    change = RemoveMember(
        account_id=cast.account.pk, user_id=cast.member.pk, branch_id=cast.branch.pk, removal_plan=plan
    )
    found = by_name(preview(change, actor=cast.owner))
    assert found["Ben Baker"]["loses"] == {"lead": 1, "task": 1, "activity": 1}
    assert found["Ben Baker"]["stranded"] == {"task": 1}
    for user in (heir, mate):
        assert found[str(user)]["gains"] == {"lead": 1, "activity": 1}


def test_a_new_team_mate_is_told_of_on_both_sides() -> None:
    cast = make_cast("amocrm")
    other = cast.join()
    for user in (cast.member, other):
        cast.let(user, "view_lead", Scope.TEAM)
    LeadFactory(branch=cast.branch, responsible=cast.member)
    team = cast.team(other)
    everybody = frozenset({cast.member.pk, other.pk})
    found = preview(ChangeTeam(account_id=cast.account.pk, team_id=team.pk, user_ids=everybody), actor=cast.owner)
    assert [numbers["gains"] for numbers in by_name(found).values()] == [{"lead": 1}, {"lead": 1}]


def test_a_share_with_a_team_is_told_of_its_members() -> None:
    cast = make_cast("atlas")
    lead = LeadFactory(branch=cast.branch, responsible=cast.owner)
    team = cast.team(cast.member, cast.join())
    change = GrantShare(
        account_id=cast.account.pk,
        record_type="lead",
        record_id=lead.pk,
        team_id=team.pk,
        verbs=frozenset({"view"}),
    )
    found = preview(change, actor=cast.owner)
    assert [member.numbers.as_json()["gains"] for member in found.members] == [{"lead": 1}, {"lead": 1}]


def test_what_nobody_would_see_any_more_is_named_and_work_without_sight_too() -> None:
    cast = make_cast("atlas")
    cast.let(cast.owner, "view_company", Scope.RESPONSIBLE)
    company = CompanyFactory(branch=cast.branch, responsible=cast.member)
    cast.let(cast.member, "view_company", Scope.RESPONSIBLE)
    OperatorFactory()
    found = preview(override(cast, cast.member, "view_company", Scope.NONE), actor=None)
    supreme = published("atlas", "super_admin")
    assert not found.orphans, "the owner is supreme"
    cast.owner.parent_memberships.all().delete()
    found = preview(override(cast, cast.member, "view_company", Scope.NONE), actor=None)
    assert (found.orphans, found.references) == ({"company": 1}, (company.reference,))
    assert f"1 company would not be visible to anyone: {company.reference}." in list(found.lines())
    assert by_name(found)["Ben Baker"]["stranded"] == {"company": 1}
    assert supreme.supreme


def test_a_refused_change_has_no_preview() -> None:
    cast = make_cast("atlas")
    with pytest.raises(Refusal) as caught:
        preview(override(cast, cast.member, "view_lead", Scope.ALL), actor=cast.member)
    assert caught.value.guard is Guard.ONESELF


def test_undoing_tells_what_stays() -> None:
    cast = make_cast("atlas")
    plan = HandOverPlan({"lead": cast.owner.pk}, HandOver(cast.owner.pk))
    change = RemoveMember(
        account_id=cast.account.pk, user_id=cast.member.pk, branch_id=cast.branch.pk, removal_plan=plan
    )
    done = change.apply(actor=cast.owner, reason="Leaves").operation_id
    found = preview(Undo(account_id=cast.account.pk, operation_id=done or 0), actor=cast.owner)
    assert list(found.lines())[-1] == "Records that this change handed over, moved or deleted stay as they are."


def crowded(cast: Cast, number: int) -> Role:
    """An own role with so many holders; it shows them leads that they answer for."""
    role: Role = OwnRoleFactory(account=cast.account)
    RoleGrant.objects.create(role=role, permission="view_lead", scope=Scope.RESPONSIBLE)
    for user in User.objects.bulk_create(User(name=f"U {n}", email=f"u{n}@x.example") for n in range(number)):
        MembershipFactory(branch=cast.branch, user=user, role=role)
    return role


def test_very_many_are_told_of_in_groups_and_their_records_in_sums() -> None:
    cast = make_cast("amocrm")
    role = crowded(cast, 60)
    for user in User.objects.filter(email__in=["u1@x.example", "u2@x.example"]):
        LeadFactory(branch=cast.branch, responsible=user)
    LeadFactory(branch=cast.branch, created_by=User.objects.get(email="u1@x.example"))
    change = EditRole(account_id=cast.account.pk, role_id=role.pk, grants={"view_lead": Scope.ALL})
    (group,) = preview(change, actor=cast.owner).groups
    assert (group.members, dict(group.numbers.gains)) == (60, {"lead": 60 * 3 - 2})
    less = EditRole(account_id=cast.account.pk, role_id=role.pk, grants={"view_lead": Scope.CREATED})
    found = preview(less, actor=cast.owner)
    (group,) = found.groups
    assert group.as_json()["gains_by_reach"] == {"lead": {"created": 1}}
    assert group.as_json()["loses_by_reach"] == {"lead": {"responsible": 2}}
    assert group.numbers.stranded == {"lead": 2}
    assert "  In total they lose 2 leads (of those you can view)." in list(found.lines())
    assert json.dumps(found.as_json())


def test_sums_count_what_somebody_saw_of_a_branch_without_reaching_any_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cast = make_cast("amocrm")
    south = cast.branch_beside()
    cast.join("administrator", branch=south, user=cast.owner)
    cast.let(cast.member, "view_lead")
    LeadFactory.create_batch(3, branch=cast.branch, responsible=cast.owner)
    move = CloseBranch(account_id=cast.account.pk, branch_id=cast.branch.pk, records_to=south.pk)
    full, sums = told(move, None, monkeypatch)
    assert by_name(full)[cast.member.name]["loses"] == {"lead": 3}
    assert sum((Counter(group.numbers.loses) for group in sums.groups), Counter()) == {"lead": 3}


def test_few_among_very_many_are_told_of_in_full() -> None:
    cast = make_cast("amocrm")
    role = crowded(cast, 60)
    for user in User.objects.filter(email__startswith="u").exclude(email="u7@x.example"):
        if user.memberships.filter(branch=cast.branch).exists():
            cast_let(cast, user)
    change = EditRole(account_id=cast.account.pk, role_id=role.pk, grants={"view_lead": Scope.ALL})
    found = preview(change, actor=cast.owner)
    assert [member.name for member in found.members] == ["U 7"]
    assert (found.affected, found.groups) == (1, ())


def cast_let(cast: Cast, user: User) -> None:
    Override.objects.create(
        account=cast.account, branch=cast.branch, user=user, permission="view_lead", scope=Scope.NONE, reason="No"
    )


def test_the_queries_do_not_grow_with_the_members() -> None:
    cast = make_cast("amocrm")
    counts = []
    for number in (60, 180):
        with tried():
            role = crowded(cast, number)
            change = EditRole(account_id=cast.account.pk, role_id=role.pk, grants={"view_lead": Scope.ALL})
            preview(change, actor=cast.owner)
            with CaptureQueriesContext(connection) as queries:
                preview(change, actor=cast.owner)
            counts.append(len(queries))
    assert counts[0] == counts[1]
