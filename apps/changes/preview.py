"""Previews: what a change would do, told before it is made (access model, section 6).

The change is really made, behind the account's lock and through every guard, measured and rolled back; so what a
preview tells is what happens. What the actor may not see is not told to them: numbers of records count those that they
may view now, and nobody's private contacts but their own.
"""

from __future__ import annotations

from collections.abc import Collection

from apps.access import handover
from apps.accounts.models import User
from apps.changes.base import Change
from apps.changes.previews.measure import Measure
from apps.changes.previews.values import Preview


def preview(change: Change, *, actor: User | None) -> Preview:
    """What the change would do if the actor made it now; nothing is written. None is the operator at the console.

    Raises:
        Refusal, ManyRefused: as making it would.
    """
    measured = _measured(change, actor)
    if measured.again is not None:
        # Many were looked at for the few who are affected: those in full.
        measured = _measured(change, actor, measured.again)
    return measured.preview()


def _measured(change: Change, actor: User | None, only: Collection[int] | None = None) -> Measure:
    measure = Measure(change, only)
    with handover.watched(measure.going):
        change.observe(measure, actor=actor)
    return measure
