"""Previews: show what a change would do before it is made (access model, section 6).

The change is really made, behind the account's lock and through every guard, then measured and rolled back. So a
preview shows exactly what would happen. It shows only what the actor may see: numbers count records that
they can view now, and no private contacts of other people.
"""

from __future__ import annotations

from collections.abc import Collection

from apps.access import handover
from apps.accounts.models import User
from apps.changes.base import Change
from apps.changes.previews.measure import Measure
from apps.changes.previews.values import Preview


def preview(change: Change, *, actor: User | None) -> Preview:
    """Return what the change would do now, without writing anything. `actor` None is the operator.

    Raises:
        Refusal, ManyRefused: as making it would.
    """
    measured = _measured(change, actor)
    if measured.again is not None:
        # Only few of many members are affected: measure these in full.
        measured = _measured(change, actor, measured.again)
    return measured.preview()


def _measured(change: Change, actor: User | None, only: Collection[int] | None = None) -> Measure:
    measure = Measure(change, only)
    with handover.watched(measure.going):
        change.observe(measure, actor=actor)
    return measure
