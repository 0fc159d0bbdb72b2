"""Previews of changes that concern very many: asked, computed by the queue's worker, looked at, and forgotten."""

import asyncio
import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.access.models import QueuedPreview
from apps.audit.models import Operation
from apps.changes.branches import ReopenBranch
from apps.changes.bulk import ChangeRoles, ReplaceRole
from apps.changes.custom_roles import EditRole
from apps.changes.invitations import CancelInvitation, ResendInvitation
from apps.changes.jobs import forget_previews
from apps.changes.members import ChangeRole
from apps.changes.preview import preview
from apps.changes.previews import queued
from apps.changes.refusals import Refusal
from apps.changes.serializing import dump, load, load_change
from apps.changes.sharing import ChangeShare, RevokeShare
from apps.changes.switching import SwitchScheme
from apps.roles.models import Role
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.access.database_worlds import DatabaseWorld
from tests.changes.test_preview import crowded
from tests.changes.test_undo import tried
from tests.changes.wishes import WISHES, Nothing, Wisher
from tests.factories import Cast, LeadFactory, MembershipFactory, make_cast, published

pytestmark = pytest.mark.django_db
PAGE = "/the/page/"


def work() -> None:
    """Let a worker do what is in the queue, and end."""
    assert isinstance(app.connector, DjangoConnector)

    async def run(worker: App) -> None:
        async with worker.open_async():
            await worker.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)

    # In a thread of its own: a browser's test has a loop running in this one.
    with app.replace_connector(app.connector.get_worker_connector()) as worker, ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, run(worker)).result()


def wider(cast: Cast, number: int = 60) -> EditRole:
    """A change of an own role that so many hold."""
    return EditRole(account_id=cast.account.pk, role_id=crowded(cast, number).pk, grants={"view_lead": Scope.ALL})


def asked(change: EditRole, cast: Cast) -> QueuedPreview:
    return queued.ask(change, actor=cast.owner, address=PAGE, sent=[("name", "Sales")])


def computed(asked: QueuedPreview) -> QueuedPreview:
    queued.compute(asked.pk, account_id=asked.account_id, user_id=asked.user_id)
    asked.refresh_from_db()
    return asked


@pytest.mark.django_db(transaction=True)
def test_the_worker_computes_what_a_page_asked_for() -> None:
    cast = make_cast("amocrm")
    LeadFactory(branch=cast.branch)
    change = wider(cast)
    row = asked(change, cast)
    jobs = ProcrastinateJob.objects.filter(task_name=queued.TASK)
    assert (row.state, jobs.get().status) == ("waiting", "todo")

    work()

    row.refresh_from_db()
    assert row.state == "done"
    assert row.result == {"lines": list(preview(change, actor=cast.owner).lines()), "more": 0}
    assert "  In total they gain 60 leads (of those you can view)." in row.result["lines"]
    assert not Operation.objects.filter(verb=EditRole.verb.word).exists()
    assert jobs.get().status == "succeeded"


def test_changes_of_more_than_fifty_members_are_those_that_wait() -> None:
    cast = make_cast("amocrm")
    change = wider(cast, 50)
    assert not queued.concerns_many(change, actor=cast.owner)
    MembershipFactory(branch=cast.branch, role=Role.objects.get(pk=change.role_id))
    assert queued.concerns_many(change, actor=cast.owner)


def test_it_is_found_out_without_looking_at_everybody() -> None:
    counts = []
    cast = make_cast("amocrm")
    for number in (60, 240):
        with tried():
            crowded(cast, number)
            keys = Membership.objects.values_list("role__key", flat=True)
            mapping: dict[str, str | None] = dict.fromkeys(keys, "member")
            change = SwitchScheme(account_id=cast.account.pk, scheme="atlas", roles=mapping)
            with CaptureQueriesContext(connection) as queries:
                assert queued.concerns_many(change, actor=None)
            counts.append(len(queries))
    assert counts[0] == counts[1] < 20


def test_a_change_that_makes_no_sense_is_refused_at_once() -> None:
    cast = make_cast("atlas")
    with pytest.raises(Refusal):
        queued.concerns_many(EditRole(account_id=cast.account.pk, role_id=0, grants={}), actor=cast.owner)


def test_the_askers_rights_are_those_that_they_have_when_it_is_computed() -> None:
    cast = make_cast("amocrm")
    row = asked(wider(cast), cast)
    cast.join("administrator")
    ChangeRole(
        account_id=cast.account.pk,
        membership_id=Membership.objects.get(user=cast.owner).pk,
        role_id=published("amocrm", "employee").pk,
    ).apply(actor=None, reason="Somebody else does it now")
    assert computed(row).state == "refused"
    assert "You need the permission" in row.result["refusal"]


def test_what_somebody_else_changed_meanwhile_is_told_as_a_difference() -> None:
    cast = make_cast("amocrm")
    role = crowded(cast, 60)
    change = EditRole(
        account_id=cast.account.pk,
        role_id=role.pk,
        grants={"view_lead": Scope.ALL},
        seen={"view_lead": Scope.TEAM},
    )
    row = computed(asked(change, cast))
    assert row.state == "refused"
    assert load(row.result["differences"]) == {"view_lead": (Scope.TEAM, Scope.RESPONSIBLE)}


def test_what_could_not_be_computed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    cast = make_cast("amocrm")
    row = asked(wider(cast), cast)

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(queued, "preview", broken)
    with pytest.raises(ZeroDivisionError):
        computed(row)
    row.refresh_from_db()
    assert (row.state, row.result) == ("failed", {})


def test_asking_again_takes_the_place_of_what_still_waits() -> None:
    cast = make_cast("amocrm")
    change = wider(cast)
    first, second = asked(change, cast), asked(change, cast)
    queued.compute(first.pk, account_id=cast.account.pk, user_id=cast.owner.pk)
    assert not QueuedPreview.objects.filter(pk=first.pk).exists()
    assert computed(second).state == "done"
    third = asked(change, cast)
    assert set(QueuedPreview.objects.all()) == {second, third}


def test_nobody_finds_what_somebody_else_asked_for_nor_on_another_page() -> None:
    cast = make_cast("amocrm")
    row = asked(wider(cast), cast)
    mine: dict[str, Any] = {"account_id": cast.account.pk, "actor": cast.owner, "address": PAGE}
    assert queued.find(row.pk, **mine) == row
    for other in ({"actor": cast.member}, {"account_id": 0}, {"address": "/"}):
        assert queued.find(row.pk, **{**mine, **other}) is None


def test_after_a_day_it_is_forgotten() -> None:
    cast = make_cast("amocrm")
    change = wider(cast)
    computed(asked(change, cast))
    new = asked(change, cast)
    QueuedPreview.objects.exclude(pk=new.pk).update(asked_at=timezone.now() - timedelta(days=1, seconds=1))
    assert forget_previews(timestamp=0) == 1
    assert list(QueuedPreview.objects.all()) == [new]


def test_very_many_lines_are_cut_where_nobody_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "MOST_LINES", 3)
    cast = make_cast("amocrm")
    change = wider(cast)
    row = computed(asked(change, cast))
    every = list(preview(change, actor=cast.owner).lines())
    assert row.result == {"lines": every[:3], "more": len(every) - 3}


def test_every_kind_of_change_comes_back_from_json_as_it_was() -> None:
    seen = set()
    for seed in range(4):
        with tried():
            wisher = Wisher(random.Random(seed), DatabaseWorld(seed).accounts["acme"])
            for kind in WISHES:
                try:
                    change, _ = wisher.wish(kind)
                except Nothing:
                    continue
                assert load_change(json.loads(json.dumps(dump(change)))) == change
                seen.add(kind)
    verbs = frozenset({"view", "change"})
    for rare in (
        CancelInvitation(account_id=1, invitation_id=2),
        ResendInvitation(account_id=1, invitation_id=2, token="t"),
        ChangeShare(account_id=1, record_type="lead", record_id=2, user_id=3, verbs=verbs, seen=frozenset()),
        RevokeShare(account_id=1, record_type="lead", record_id=2, team_id=3, seen=verbs),
        ReopenBranch(account_id=1, branch_id=2),
    ):
        assert load_change(json.loads(json.dumps(dump(rare)))) == rare
        seen.add(type(rare))
    assert {kind for kind in WISHES if kind.__module__.startswith("apps.access.")} <= seen
    replaced = ReplaceRole(account_id=1, replaced="a", role="b", branch="c", progress=print)
    assert load_change(json.loads(json.dumps(dump(replaced)))) == replaced
    with pytest.raises(TypeError, match="no plain value"):
        dump(ChangeRoles(account_id=1, lines=iter([])))
    with pytest.raises(TypeError, match="no change"):
        load_change(dump({"a": 1}))
