"""The exhaustive table of who may change what of whom, in all five schemes: the engine beside the reference.

The reference reads the law in another way and shares no code. What it allows has to be made, and what it refuses has to
be refused by the very guard that it names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from itertools import groupby

import pytest
import time_machine
from django.db import transaction

from apps.access.models import AccessRequest
from apps.changes.refusals import Refusal
from tests.changes.worlds import Stage, engine_change, staged
from tests.conformance import tables
from tests.reference import kinds
from tests.reference.change_cases import ChangeCase, cases

pytestmark = pytest.mark.django_db

# The table has 26,000 cases in 450 worlds, and each is a real change in the database: a run takes one of so many worlds
# of each scheme, and all of them (in a quarter of an hour) with MANDATE_EVERY_CHANGE_WORLD=1.
EVERY = int(os.environ.get("MANDATE_EVERY_CHANGE_WORLD", "8"))
PARTS = 8


@cache
def worlds() -> list[list[ChangeCase]]:
    """The cases of each world, drawn up once in a process."""
    return [list(found) for _, found in groupby(cases(), key=lambda case: id(case.world))]


def chosen(scheme: str, part: int) -> Iterator[list[ChangeCase]]:
    of_scheme = [found for found in worlds() if found[0].id.startswith(f"{scheme}/")]
    yield from of_scheme[part :: PARTS * EVERY]


def outcome(stage: Stage, case: ChangeCase) -> str | None:
    """What the engine makes of it: the guard that refuses, or None; nothing of it stays."""
    try:
        with transaction.atomic():
            if isinstance(case.change, kinds.RequestAccess):
                # Asked once at a time: the one that waits would be in the way.
                AccessRequest.objects.all().delete()
            engine_change(stage, case.change).apply(actor=stage.user(case.actor), reason=case.change.reason)
            transaction.set_rollback(True)
    except Refusal as refusal:
        return str(refusal.guard) if refusal.sentence else "no sentence"
    return None


def is_built(case: ChangeCase) -> bool:
    """An invitation is to one branch or to all of them, and people are added to one branch at a time.

    A name and a second factor are the person's in the whole account to the engine, which asks the guard above
    everywhere: the two readings meet where there is one branch and no parent role.
    """
    branches = getattr(case.change, "branches", None)
    if isinstance(case.change, kinds.ChangeDetails | kinds.ResetMfa) and case.id.startswith("atlas/"):
        return False
    return branches is None or len(branches) == 1


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("scheme", tables.SCHEMES)
def test_the_engine_judges_as_the_reference_does(scheme: str, part: int) -> None:
    tried, wrong = 0, []
    for found in chosen(scheme, part):
        with time_machine.travel(found[0].world.now, tick=False), transaction.atomic():
            stage = staged(found[0].world)
            for case in found:
                if not is_built(case):
                    continue
                tried += 1
                said = outcome(stage, case)
                if said == "target" and case.expected == "right" and isinstance(case.change, kinds.ShareChange):
                    # A record that the actor may not view is not there for them, where the reference speaks of a right.
                    assert stage.hides(case.change.account, case.change.record, case.actor)
                    continue
                if said != case.expected:
                    wrong.append(f"{case.id}: {said}, and the law says {case.expected}")
            transaction.set_rollback(True)
    assert not wrong, f"{len(wrong)} of {tried}:\n" + "\n".join(wrong[:60])
