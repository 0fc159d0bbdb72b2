"""Previews that the queue computes: of changes that concern more members than a page can wait for (section 6).

The page keeps what it asks in a table, a worker computes it with the rights that the asker has by then, and the page
looks again until it is there. So the page answers at once, whatever the size of the account, and what takes long is
done once at a time for each account.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from apps.access.models import QueuedPreview
from apps.accounts.fence import tenant
from apps.accounts.models import Account, User
from apps.accounts.preferences import as_read_by
from apps.changes.base import TRIAL, Change
from apps.changes.context import ChangeContext
from apps.changes.preview import preview
from apps.changes.previews.people import concerned
from apps.changes.previews.values import IN_FULL
from apps.changes.refusals import ChangedMeanwhile, ManyRefused, Refusal
from apps.changes.serializing import dump, load_change

TASK = "apps.changes.jobs.compute_preview"
# Lines shown on a page; `--dry-run` prints all of them.
MOST_LINES = 500
State = QueuedPreview.State


def concerns_many(change: Change, *, actor: User | None) -> bool:
    """Whether the rows of a change can alter the rights of more than `IN_FULL` members.

    It follows from the plan alone and stops at the first member too many, so that it costs a page some short queries:
    the guards, which take time for each member, are asked by the preview. Nothing is written, so nothing is locked.

    Raises:
        Refusal: the change makes no sense for what is there.
    """
    context = ChangeContext(Account.objects.get(pk=change.account_id), actor, TRIAL)
    found: set[int] = set()
    with transaction.atomic():
        for diff in change.plan(context):
            for user_id in concerned(context, diff):
                found.add(user_id)
                if len(found) > IN_FULL:
                    return True
    return False


@transaction.atomic
def ask(change: Change, *, actor: User, address: str, sent: Sequence[tuple[str, str]]) -> QueuedPreview:
    """Have the preview of a change computed for the page of that address, on which this was filled in.

    What the same page asked before for the same person is not computed any more.
    """
    mine = QueuedPreview.objects.filter(account=change.account_id, user=actor, address=address)
    mine.filter(state=State.WAITING).delete()
    queued = QueuedPreview.objects.create(
        account_id=change.account_id, user=actor, change=dump(change), address=address, sent=list(sent)
    )
    # One at a time per account: a preview holds the account's lock.
    job = app.configure_task(TASK, lock=f"preview in account {change.account_id}")
    job.defer(account_id=change.account_id, user_id=actor.pk, queued_id=queued.pk)
    return queued


def find(queued_id: int, *, account_id: int, actor: User, address: str) -> QueuedPreview | None:
    """The preview that this person asked for on the page of that address; None where there is none, or no more."""
    queued = QueuedPreview.objects.filter(account=account_id, user=actor, address=address)
    return queued.filter(pk=queued_id).first()


def compute(queued_id: int, *, account_id: int, user_id: int) -> None:
    """Compute a preview that is still waited for, with the asker's rights as they are now."""
    with tenant(account_id, user_id):
        waiting = QueuedPreview.objects.filter(pk=queued_id, account=account_id, state=State.WAITING)
        queued = waiting.select_related("user", "account").first()
        if queued is None:
            return
        queued.state = State.FAILED
        try:
            with as_read_by(queued.user, queued.account):
                queued.state, queued.result = _computed(queued)
        finally:
            queued.computed_at = timezone.now()
            queued.save(update_fields=["state", "result", "computed_at"])


def _computed(queued: QueuedPreview) -> tuple[State, dict[str, Any]]:
    try:
        lines = preview(load_change(queued.change), actor=queued.user).lines()
    except (Refusal, ManyRefused) as refusal:
        differences = refusal.differences if isinstance(refusal, ChangedMeanwhile) else {}
        return State.REFUSED, {"refusal": str(refusal), "differences": dump(differences)}
    return State.DONE, {"lines": list(islice(lines, MOST_LINES)), "more": sum(1 for _ in lines)}


def forget_old() -> int:
    """Forget the previews that were asked for more than a day ago, of all accounts; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT forget_old_previews()")
        ((count,),) = cursor.fetchall()
    return int(count)
