"""One change of access, from its plan to the commit (access model, section 6).

A `Change` plans rows. The guards check them, they are written, and the account must keep a holder of its top role.
A preview does the same, measures before and after, and rolls back.

The order: lock the account's row as the first statement of a READ COMMITTED transaction, read everything behind that
lock, check, write (the database writes the log), commit. A serialization failure or a deadlock starts all of it again.
The lock order is account, branches, memberships, records, head of the hash chain.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _
from psycopg.errors import DeadlockDetected, SerializationFailure

from apps.accounts.models import User
from apps.audit.services import OperationInProgress, is_blank, operation
from apps.audit.verbs import Verb
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange
from apps.changes.guards.judging import GuardEvaluator, GuardTerms
from apps.changes.guards.last_keeper import LastKeeperGuard
from apps.changes.refusals import Guard, ManyRefused, NoSuchTarget, ReasonMissing, Refusal
from apps.changes.seats import Seats

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

T = TypeVar("T")

TRIES = 6
ORDER = list(Guard)
# Report all refused lines of a file, but no more than people can read.
MOST_REFUSALS = 1000
TRIAL = "Tried, and taken back"


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """The result of a change: its operation in the log (None if nothing changed) and the number of rows."""

    operation_id: int | None
    rows: int


# Every kind of change by its verb.
KINDS: dict[str, type[Change]] = {}


class Observer(Protocol):
    """Measures a change that is tried and rolled back."""

    def before(self, context: ChangeContext, diff: Diff) -> None:
        """Measure the state before these rows are written; called once for each batch."""

    def planned(self, context: ChangeContext) -> None:
        """Measure the state after the last batch was planned, before anything is written."""

    def after(self, context: ChangeContext) -> None:
        """Measure the state with all rows written."""


@dataclass(frozen=True, kw_only=True)
class Change(ABC):
    """A change in one account. Subclasses plan its rows."""

    verb: ClassVar[Verb]
    terms: ClassVar[GuardTerms] = GuardTerms()
    # Terms for its undo, if they differ.
    undo_terms: ClassVar[GuardTerms | None] = None
    # Why it can't be undone, in a sentence; empty if it can.
    final: ClassVar[StrOrPromise] = ""

    account_id: int

    def __init_subclass__(cls, **options: Any) -> None:
        """Register the kind of change under its verb."""
        super().__init_subclass__(**options)
        if "verb" in cls.__dict__:
            # Two kinds can share a verb: the first is registered, the other is its bulk version.
            KINDS.setdefault(cls.verb.word, cls)

    @abstractmethod
    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Return the rows that the change needs now, without writing. One Diff, or batches for very many rows.

        Rows that already have their values are left out, so repeating a change plans nothing.

        Raises:
            Refusal: the change makes no sense for the current rows.
        """

    def judged(self, context: ChangeContext) -> User | None:
        """Return the user whose permissions count, if it is not the actor."""
        return None

    def check_seen(self, context: ChangeContext) -> None:  # noqa: B027 - most changes overwrite nothing but their rows
        """Compare what the page showed, apart from the rows, with the current state, after the guards passed.

        Raises:
            ChangedMeanwhile: the state is different now.
        """

    def accompany(self, context: ChangeContext) -> None:  # noqa: B027 - most changes go alone
        """Do work before the rows are written that is no change of access, such as handing over records."""

    def terms_on(self, context: ChangeContext) -> GuardTerms:
        """Return the terms on which the guards check the change."""
        return self.terms

    def log(self, context: ChangeContext, written: OperationInProgress) -> None:  # noqa: B027 - most changes add nothing
        """Add entries to the log that the tables don't produce, once the rows are written."""

    def follow_up(self, context: ChangeContext) -> None:  # noqa: B027 - most changes have no more to do
        """Do work after the rows are written, such as sending mail; never in a preview.

        It is part of the same transaction and is rolled back with it.
        """

    def notes(self, context: ChangeContext) -> Iterable[str]:
        """Return sentences that people should know before they confirm the change."""
        return ()

    @classmethod
    def check_undo(cls, context: ChangeContext, diff: Diff) -> None:
        """Check whether a change that would be undone by these rows can be undone.

        Raises:
            Refusal: the change is final, or this actor can't undo it.
        """
        if cls.final:
            raise NoSuchTarget(str(cls.final))

    def apply(self, *, actor: User | None, reason: str) -> ChangeResult:
        """Make the change. `actor` None is the operator at the command line.

        Raises:
            Refusal: a guard refuses it; nothing was written.
            ManyRefused: some lines of a bulk change are refused; nothing was written.
        """
        if is_blank(reason):
            raise ReasonMissing
        if actor is not None and actor.viewed_by is not None:
            raise NoSuchTarget(
                _("You can't change anything while you view as a colleague."), _("Stop viewing as them first.")
            )
        return retried(lambda: self._apply(actor, reason))

    def observe(self, observer: Observer, *, actor: User | None) -> None:
        """Make the change as `apply` would, let the observer measure it, and roll it back.

        Raises:
            Refusal, ManyRefused: as `apply` does.
        """
        retried(lambda: self._observe(observer, actor))

    def within(self, context: ChangeContext) -> int:
        """Make the change within an operation that already holds the account's lock. Return the number of rows.

        Raises:
            Refusal, ManyRefused: as `apply` does.
        """
        return self._carry_out(context)

    def _apply(self, actor: User | None, reason: str) -> ChangeResult:
        with transaction.atomic():
            context = ChangeContext.lock(self.account_id, actor, reason.strip())
            with operation(verb=self.verb, actor=actor, reason=reason) as written:
                rows = self._carry_out(context, written)
                if rows:
                    self.follow_up(context)
                return ChangeResult(written.pk, rows)

    def _observe(self, observer: Observer, actor: User | None) -> None:
        with suppress(_RollBack), transaction.atomic():
            context = ChangeContext.lock(self.account_id, actor, TRIAL)
            with operation(verb=self.verb, actor=actor, reason=TRIAL) as written:
                self._carry_out(context, written, observer)
                observer.after(context)
                raise _RollBack

    def _carry_out(
        self, context: ChangeContext, written: OperationInProgress | None = None, observer: Observer | None = None
    ) -> int:
        keepers = LastKeeperGuard.of(context)
        seats = Seats.of(context)
        diffs = self._checked(context)
        self.check_seen(context)
        rows = 0
        if observer is not None:
            for diff in diffs:
                observer.before(context, diff)
            observer.planned(context)
        self.accompany(context)
        for diff in diffs:
            rows += diff.write()
        keepers.check(context)
        if rows:
            seats.check(context)
        if rows and written is not None:
            self.log(context, written)
        return rows

    def _checked(self, context: ChangeContext) -> RowPlan:
        """Return the plan after the guards checked it. A plan of several batches is made again for writing."""
        judge = GuardEvaluator(context, self.terms_on(context), self.judged(context))
        refusals: list[Refusal] = []
        planned = RowPlan(lambda: self.plan(context), context)
        for diff in planned:
            found = list(chain(diff.refusals, judge.refusals(diff)))
            if named := [refusal for refusal in found if refusal.line is None]:
                raise min(named, key=lambda refusal: ORDER.index(refusal.guard))
            for refusal in found:
                refusals.append(refusal)
                if len(refusals) >= MOST_REFUSALS:
                    raise ManyRefused(_by_line(refusals))
        if refusals:
            raise ManyRefused(_by_line(refusals))
        return planned


class RowPlan:
    """A plan that can be read several times. One batch is stored; several batches are planned again each time.

    Every pass must give the same rows, so that exactly the checked rows are written. The account's lock ensures this
    for most tables, but not for a user's email address.
    """

    def __init__(self, plan: Callable[[], Iterable[Diff]], context: ChangeContext) -> None:
        self._plan = plan
        self._ground = context
        self._only: list[Diff] | None = None
        self._prints: list[int] | None = None

    def __iter__(self) -> Iterator[Diff]:
        if self._only is not None:
            yield from self._only
            return
        prints: list[int] = []
        diff: Diff | None = None
        for diff in self._plan():
            if prints:
                # Bulk changes: forget the people of the last batch.
                self._ground.forget()
            prints.append(hash(tuple(row.fingerprint for row in diff.rows)))
            self._check(prints, len(prints))
            yield diff
        self._check(prints, None)
        self._prints = prints
        if len(prints) <= 1:
            self._only = [] if diff is None else [diff]

    def _check(self, prints: list[int], upto: int | None) -> None:
        if self._prints is not None and self._prints[:upto] != prints:
            raise OperationalError("The records changed while this was saved.") from SerializationFailure()


def _by_line(refusals: Iterable[Refusal]) -> list[Refusal]:
    return sorted(refusals, key=lambda refusal: refusal.line or 0)


class _RollBack(Exception):
    """Raised at the end of a preview to roll the transaction back."""


def rows(*found: RowChange) -> list[Diff]:
    """Return a plan of these rows."""
    return [Diff(list(found))]


def retried(work: Callable[[], T]) -> T:
    """Return the result of the work, and retry it after a database conflict unless a transaction surrounds it.

    Raises:
        OperationalError: every attempt had a conflict.
    """
    for tried in range(1, TRIES + 1):
        try:
            return work()
        except OperationalError as error:
            broken_off = isinstance(error.__cause__, SerializationFailure | DeadlockDetected)
            if not broken_off or connection.in_atomic_block or tried == TRIES:
                raise
            time.sleep(random.uniform(0, 0.02 * 2**tried))  # noqa: S311 - only to get out of each other's way
    raise AssertionError("the last try returns or raises")
