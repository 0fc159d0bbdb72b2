"""Previews: what they tell is what then happens, and they leave no trace."""

import os
import random
from collections import Counter
from typing import Any

import pytest
import time_machine

from apps.access.changes.base import Change
from apps.access.changes.refusals import Refusal
from apps.access.changes.undo import Undo
from apps.access.preview import preview
from apps.access.previews.values import Preview
from apps.accounts.models import Account, User
from apps.audit.models import Entry, Link, Operation
from tests.access.database_worlds import DatabaseWorld
from tests.changes.measured import Expected, Situation
from tests.changes.test_undo import rows, tried
from tests.changes.wishes import WISHES, Nothing, Wisher
from tests.reference.worlds import NOW

pytestmark = pytest.mark.django_db

WORLDS = int(os.environ.get("MANDATE_CHANGED_WORLDS", "12"))
SHARDS = 4


def told(change: Change, actor: User | None, monkeypatch: pytest.MonkeyPatch) -> tuple[Preview, Preview]:
    """The preview in full, and as it is told of very many."""
    full = preview(change, actor=actor)
    with monkeypatch.context() as patched:
        patched.setattr("apps.access.previews.measure.IN_FULL", 0)
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
        for key, counts in numbers.items():
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
