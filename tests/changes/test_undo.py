"""Undoing: a change and its undoing leave every table of access as it was, and every decision."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from apps.access import records
from apps.access.facts import account_facts, load_people
from apps.access.handover import HandOver, HandOverPlan
from apps.access.mandate import Mandate
from apps.access.models import Override
from apps.access.querysets import visible
from apps.accounts.models import Account, Branch, User
from apps.audit.models import Operation
from apps.audit.services import EntryValues as Told
from apps.audit.services import record
from apps.changes.base import KINDS, Change
from apps.changes.branches import CloseBranch, CreateBranch
from apps.changes.custom_roles import DeleteRole
from apps.changes.guards.needs import NEEDS
from apps.changes.members import AddToBranch, ChangeRole
from apps.changes.overrides import ClearOverride, SetOverride
from apps.changes.refusals import ChangedMeanwhile, Guard, NoSuchTarget, Refusal
from apps.changes.removal import DeleteMember, Leave
from apps.changes.sharing import GrantShare, RevokeShare
from apps.changes.switching import SwitchScheme
from apps.changes.teams import AddTeam, ChangeTeam
from apps.changes.transfer import TransferOwnership
from apps.changes.undo import Undo
from apps.roles import catalogue
from apps.roles.scopes import Scope
from apps.teams.models import Membership, Team
from tests.access.database_worlds import DatabaseWorld
from tests.audit.chains import report
from tests.changes.wishes import WISHES, Nothing, Wish, Wisher
from tests.factories import Cast, LeadFactory, OwnRoleFactory, make_cast, published, share
from tests.reference.worlds import NOW

WORLDS = int(os.environ.get("MANDATE_CHANGED_WORLDS", "12"))
SHARDS = 4
# How many of the changes are asked for every decision, too, which takes longest.
LOOKED_AT = 0.2
pytestmark = pytest.mark.django_db

BASES: list[Any] = list(NEEDS)
TABLES = [model for base in BASES for model in (base.__subclasses__() if base._meta.abstract else [base])]


def rows() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of access."""
    found = {model._meta.label: list(model._default_manager.order_by("pk").values()) for model in TABLES}
    for row in found["accounts.Account"]:
        del row["access_version"]
    return found


def of_records() -> list[Any]:
    """Whose every record is, and where."""
    columns = ("pk", "branch", "responsible")
    return [list(m._default_manager.order_by("pk").values_list(*columns)) for m in records.registered().values()]


def decisions(account: Account) -> dict[int, Any]:
    """What everybody may, and which records they see."""
    found = {}
    codenames = [permission.codename for permission in catalogue.permissions()]
    for facts in load_people(account_facts(account.pk)):
        mandate = Mandate(facts, timezone.now())
        scopes = {(b, c): mandate.effective(b, c).scope for b in (0, *facts.account.branches) for c in codenames}
        seen = {
            name: set(visible(mandate, f"view_{name}", name).values_list("pk", flat=True))
            for name in records.registered()
        }
        found[facts.user_id] = scopes, seen
    return found


class _Back(Exception):
    """Ends a world."""


@contextmanager
def tried() -> Iterator[None]:
    """Take back what is written inside."""
    try:
        with transaction.atomic():
            yield
            raise _Back
    except _Back:
        pass


def test_every_kind_of_change_is_wished_for() -> None:
    assert set(WISHES) == set(KINDS.values()) - {Undo}


STRUCTURAL = {Guard.SINGLE, Guard.LADDER, Guard.LAST_KEEPER, Guard.LOCKED, Guard.PUBLISHED, Guard.TARGET, Guard.ONESELF}


@pytest.mark.parametrize("shard", range(SHARDS))
@time_machine.travel(NOW, tick=False)
def test_a_change_and_its_undoing_are_nothing(shard: int) -> None:
    undone: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for seed in range(shard, WORLDS, SHARDS):
        with tried():
            world = DatabaseWorld(seed)
            account = world.accounts["acme"]
            wisher = Wisher(random.Random(seed), account)
            for kind in WISHES:
                with tried():
                    _change_and_undo(wisher, kind, undone, refused)
    assert sum(undone.values()) > sum(refused.values())


def _change_and_undo(wisher: Wisher, kind: Any, undone: Counter[str], refused: Counter[str]) -> None:
    try:
        wish = wisher.wish(kind)
        before, left = rows(), of_records()
        answers = decisions(wisher.account) if wisher.rng.random() < LOOKED_AT else None
        done = wish.change.apply(actor=wish.actor, reason="As agreed")
    except (Nothing, Refusal):
        return
    if done.operation_id is None:
        assert rows() == before
        return
    after = rows()
    undo = Undo(account_id=wisher.account.pk, operation_id=done.operation_id)
    back = _undone(undo, wish, refused)
    if back is None:
        return
    undone[kind.__name__] += 1
    assert rows() == before, wish
    if answers is not None and of_records() == left:
        assert decisions(wisher.account) == answers, wish
    with pytest.raises(NoSuchTarget, match="already"):
        undo.apply(actor=None, reason="Again")
    if _undone(Undo(account_id=wisher.account.pk, operation_id=back), wish, refused) is not None:
        assert rows() == after, wish


def _undone(undo: Undo, wish: Wish, refused: Counter[str]) -> int | None:
    """The operation of the undoing; None where a guard is against it that binds operators, too."""
    refusal: Refusal | None = None
    try:
        return undo.apply(actor=None, reason="A mistake").operation_id
    except Refusal as found:
        refusal = found
    assert refusal.guard in STRUCTURAL, f"{wish}: {refusal!r}"
    refused[type(wish.change).__name__] += 1
    return None


def applied(change: Change, actor: User | None = None) -> int:
    operation_id = change.apply(actor=actor, reason="As agreed").operation_id
    assert operation_id is not None
    return operation_id


def undo(cast: Cast, operation_id: int, actor: User | None = None) -> int:
    return applied(Undo(account_id=cast.account.pk, operation_id=operation_id), actor)


def refused(cast: Cast, operation_id: int, actor: User | None = None) -> Refusal:
    before = rows()
    with pytest.raises(Refusal) as caught:
        undo(cast, operation_id, actor)
    assert rows() == before
    assert str(caught.value)
    return caught.value


def override(cast: Cast, scope: Scope = Scope.ALL) -> SetOverride:
    held = Membership.objects.get(branch=cast.branch, user=cast.member)
    return SetOverride(account_id=cast.account.pk, membership_id=held.pk, permission="view_billing", scope=scope)


def role(cast: Cast, user: User, key: str) -> ChangeRole:
    held = Membership.objects.get(branch=cast.branch, user=user)
    return ChangeRole(account_id=cast.account.pk, membership_id=held.pk, role_id=published(cast.account.scheme, key).pk)


def test_the_undoing_is_logged_with_what_it_undid() -> None:
    cast = make_cast("atlas")
    done = applied(override(cast), cast.owner)
    back = undo(cast, done, cast.owner)
    assert not Override.objects.exists()
    operation = Operation.objects.get(pk=back)
    assert (operation.verb, operation.actor_id) == ("access.undone", cast.owner.pk)
    link = operation.entries.get(target_type="audit.operation")
    assert (link.target_id, link.target_text) == (str(done), "access.override.set")
    assert report(cast.account.pk).sound


def test_an_undoing_is_undone_any_number_of_times() -> None:
    cast = make_cast("atlas")
    operation_id = applied(override(cast))
    standing = list(Override.objects.values())
    for number in range(4):
        operation_id = undo(cast, operation_id)
        assert list(Override.objects.values()) == ([] if number % 2 == 0 else standing)


def test_what_was_undone_is_not_undone_again() -> None:
    cast = make_cast("atlas")
    done = applied(override(cast))
    back = undo(cast, done)
    assert refused(cast, done).guard is Guard.TARGET
    undo(cast, back)
    undo(cast, done)


def test_what_somebody_changed_since_is_shown_and_stays() -> None:
    cast = make_cast("atlas")
    done = applied(override(cast))
    applied(override(cast, Scope.NONE))
    found = refused(cast, done)
    assert isinstance(found, ChangedMeanwhile)
    assert found.differences["scope"] == (Scope.ALL, Scope.NONE)


def test_what_changed_elsewhere_in_the_row_is_no_hindrance() -> None:
    cast = make_cast("atlas")
    done = applied(role(cast, cast.member, "admin"))
    earlier = timezone.now() - timedelta(days=9)
    Membership.objects.filter(user=cast.member).update(joined_at=earlier)
    undo(cast, done)
    membership = Membership.objects.get(user=cast.member)
    assert (membership.role.key, membership.joined_at) == ("member", earlier)


def test_nobody_undoes_what_they_could_not_do() -> None:
    cast = make_cast("atlas")
    done = applied(role(cast, cast.member, "admin"))
    assert refused(cast, done, cast.member).guard is Guard.ONESELF
    assert refused(cast, done, cast.join()).guard is Guard.RIGHT
    assert refused(cast, done, cast.outsider).guard is Guard.TARGET
    admin = cast.join("admin")
    down = applied(role(cast, cast.join("owner"), "member"))
    assert refused(cast, down, admin).guard is Guard.ESCALATION
    undo(cast, done, admin)


def test_a_right_that_is_missing_comes_before_a_difference() -> None:
    cast = make_cast("atlas")
    done = applied(override(cast))
    applied(override(cast, Scope.NONE))
    assert refused(cast, done, cast.join()).guard is Guard.RIGHT


def test_the_other_accounts_log_is_not_there() -> None:
    cast = make_cast("atlas")
    done = applied(override(cast))
    there = Undo(account_id=cast.elsewhere.account_id, operation_id=done)
    with pytest.raises(NoSuchTarget, match="That change doesn't exist"):
        there.apply(actor=cast.outsider, reason="Mine")
    assert refused(cast, 10**9).guard is Guard.TARGET


def test_whoever_left_does_not_come_back_by_undoing_it() -> None:
    cast = make_cast("atlas")
    plan = HandOverPlan({}, HandOver(cast.owner.pk))
    done = applied(Leave(account_id=cast.account.pk, branch_id=cast.branch.pk, removal_plan=plan), cast.member)
    assert refused(cast, done, cast.member).guard in (Guard.ONESELF, Guard.RIGHT)
    undo(cast, done, cast.owner)
    assert Membership.objects.get(user=cast.member).status == "active"


def test_the_ownership_is_given_back_and_not_taken_back() -> None:
    cast = make_cast("onepagecrm")
    done = applied(TransferOwnership(account_id=cast.account.pk, to_user_id=cast.member.pk), cast.owner)
    assert refused(cast, done, cast.owner).guard in (Guard.ONESELF, Guard.RIGHT)
    undo(cast, done, cast.member)
    assert Membership.objects.get(user=cast.owner).role.single


def test_what_is_final_is_not_undone() -> None:
    cast = make_cast("atlas")
    cast.remove(cast.member)
    done = applied(DeleteMember(account_id=cast.account.pk, user_id=cast.member.pk, branch_id=cast.branch.pk))
    assert "permanently deleted" in str(refused(cast, done))


def test_what_is_no_change_of_access_is_not_undone() -> None:
    cast = make_cast("atlas")
    entry = Told(target_type="crm.lead", target_id=1, target_text="L-1", before={"id": 1}, after={"id": 1})
    with transaction.atomic():
        exported = record(
            verb="access.records.exported", actor=None, reason="Asked for", account_id=cast.account.pk, entries=[entry]
        )
    assert "Records exported" in str(refused(cast, exported.pk))


def test_a_role_that_is_gone_is_not_given_back() -> None:
    cast = make_cast("amocrm")
    own = OwnRoleFactory(account=cast.account)
    held = Membership.objects.get(user=cast.member)
    Membership.objects.filter(pk=held.pk).update(role=own)
    done = applied(role(cast, cast.member, "employee"))
    applied(DeleteRole(account_id=cast.account.pk, role_id=own.pk))
    assert isinstance(refused(cast, done), ChangedMeanwhile)


def test_what_others_hang_on_by_now_stays() -> None:
    cast = make_cast("atlas")
    add = AddTeam(account_id=cast.account.pk, branch_id=cast.branch.pk, slug="sales", name="Sales")
    done = applied(add)
    team = Team.objects.get()
    joined = applied(
        ChangeTeam(account_id=cast.account.pk, team_id=team.pk, user_ids=frozenset({cast.member.pk})), cast.owner
    )
    assert isinstance(refused(cast, done), ChangedMeanwhile)
    undo(cast, joined)
    lead = LeadFactory(branch=cast.branch)
    shared = applied(
        GrantShare(
            account_id=cast.account.pk,
            record_type="lead",
            record_id=lead.pk,
            team_id=team.pk,
            verbs=frozenset({"view"}),
        )
    )
    assert isinstance(refused(cast, done), ChangedMeanwhile)
    undo(cast, shared)
    undo(cast, done)
    opened = applied(CreateBranch(account_id=cast.account.pk, slug="south", name="South"))
    LeadFactory(branch=Branch.objects.get(slug="south"))
    assert isinstance(refused(cast, opened), ChangedMeanwhile)


def test_a_member_with_something_of_their_own_by_now_is_not_unmade() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    done = applied(
        AddToBranch(
            account_id=cast.account.pk,
            user_id=cast.member.pk,
            branch_id=south.pk,
            role_id=published("atlas", "member").pk,
        )
    )
    cast.let(cast.member, "view_billing", branch=south)
    assert isinstance(refused(cast, done), ChangedMeanwhile)
    Override.objects.all().delete()
    undo(cast, done)


def test_a_place_that_is_taken_by_now_is_shown() -> None:
    cast = make_cast("atlas")
    applied(override(cast))
    held = Membership.objects.get(user=cast.member)
    cleared = applied(
        ClearOverride(account_id=cast.account.pk, membership_id=held.pk, permission="view_billing"), cast.owner
    )
    applied(override(cast, Scope.NONE))
    found = refused(cast, cleared)
    assert isinstance(found, ChangedMeanwhile)
    assert found.differences["scope"] == (None, Scope.NONE)


def test_a_share_of_what_has_been_deleted_is_not_given_back() -> None:
    cast = make_cast("atlas")
    lead = LeadFactory(branch=cast.branch)
    share(lead, cast.member)
    common: dict[str, Any] = {"account_id": cast.account.pk, "record_type": "lead", "record_id": lead.pk}
    done = applied(RevokeShare(**common, user_id=cast.member.pk))
    lead.delete()
    assert isinstance(refused(cast, done), ChangedMeanwhile)


def test_a_switch_is_not_undone_over_the_heads_of_those_who_came() -> None:
    cast = make_cast("amocrm")
    roles = {"administrator": "admin", "employee": "user"}
    done = applied(SwitchScheme(account_id=cast.account.pk, scheme="atmos", roles=roles))
    cast.account.refresh_from_db()
    newcomer = cast.join("user")
    assert isinstance(refused(cast, done), ChangedMeanwhile)
    Membership.objects.filter(user=newcomer).delete()
    undo(cast, done, cast.owner)
    assert Membership.objects.get(user=cast.member).role.scheme == "amocrm"


def test_records_that_moved_with_a_branch_stay_where_they_are() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    lead = LeadFactory(branch=cast.branch)
    stays = LeadFactory(branch=south)
    share(lead, cast.team(cast.member))
    share(stays, cast.member)
    close = CloseBranch(account_id=cast.account.pk, branch_id=cast.branch.pk, records_to=south.pk)
    done = applied(close)
    undo(cast, done)
    lead.refresh_from_db()
    assert lead.branch == south
    assert Branch.objects.get(pk=cast.branch.pk).status == "active"


def test_very_many_rows_are_undone_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    cast = make_cast("amocrm")
    for _ in range(7):
        cast.join()
    roles = {"administrator": "admin", "employee": "user"}
    done = applied(SwitchScheme(account_id=cast.account.pk, scheme="atmos", roles=roles))
    monkeypatch.setattr("apps.changes.undo.BATCH", 3)
    after = rows()
    back = undo(cast, done)
    assert set(Membership.objects.filter(account=cast.account).values_list("role__scheme", flat=True)) == {"amocrm"}
    undo(cast, back)
    assert rows() == after
