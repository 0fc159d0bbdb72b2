"""One change of access, from the intention to the commit (access model, section 6).

A `Change` says what is to be; it plans the rows, the guards are held against them, they are written, and the whole
account is asked whether somebody is left who can keep it. A preview is the same with a measure taken before and after,
and rolled back.

The order of work: the account's row is locked as the first statement of a READ COMMITTED transaction, everything is
read fresh behind that lock, checked, written (the database writes the log), committed; and all of it is tried again on
a serialization failure or a deadlock. Locks go account, branches, memberships, records, head of the chain.
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
# Whoever corrects a file wants to see all that is off in it, but no more than can be read.
MOST_REFUSALS = 1000
TRIAL = "Tried, and taken back"


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """What became of a change: its operation in the log (None where nothing had to be changed), and how many rows."""

    operation_id: int | None
    rows: int


# Every kind of change by the word of its verb.
KINDS: dict[str, type[Change]] = {}


class Observer(Protocol):
    """Measures a change that is tried and rolled back."""

    def before(self, ground: ChangeContext, diff: Diff) -> None:
        """Look at what stands, before these rows are written; called once for each batch."""

    def planned(self, ground: ChangeContext) -> None:
        """Look at what stands, with the last batch known and nothing done yet."""

    def after(self, ground: ChangeContext) -> None:
        """Look at what stands then, with all rows written."""


@dataclass(frozen=True, kw_only=True)
class Change(ABC):
    """Something that somebody wants to be different in one account. Subclasses say what, and plan the rows for it."""

    verb: ClassVar[Verb]
    terms: ClassVar[GuardTerms] = GuardTerms()
    # On what terms its undoing is judged, where they are others.
    undo_terms: ClassVar[GuardTerms | None] = None
    # Why it is not undone, in a sentence, where it is not.
    final: ClassVar[StrOrPromise] = ""

    account_id: int

    def __init_subclass__(cls, **options: Any) -> None:
        """Enter the kind under its verb."""
        super().__init_subclass__(**options)
        if "verb" in cls.__dict__:
            # Of two kinds of one verb the first, of which the other one makes many.
            KINDS.setdefault(cls.verb.word, cls)

    @abstractmethod
    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The rows that make it so, as things stand; nothing is written. One Diff, or for very many rows batches.

        Rows that are as they should be are left out, so a change that has been made already plans nothing.

        Raises:
            Refusal: it makes no sense for what is there.
        """

    def judged(self, ground: ChangeContext) -> User | None:
        """Whose rights count, where it is not the actor's."""
        return None

    def check_seen(self, ground: ChangeContext) -> None:  # noqa: B027 - most changes overwrite nothing but their rows
        """Hold what the page showed beside the rows against what stands, once the guards have let the actor pass.

        Raises:
            Overtaken: it is otherwise by now.
        """

    def accompany(self, ground: ChangeContext) -> None:  # noqa: B027 - most changes go alone
        """Do what goes along and is no change of access, such as handing records over, before the rows are written."""

    def terms_on(self, ground: ChangeContext) -> GuardTerms:
        """The terms on which it is judged."""
        return self.terms

    def log(self, ground: ChangeContext, written: OperationInProgress) -> None:  # noqa: B027 - most changes add nothing
        """Add to the log what the tables do not tell, once the rows are written."""

    def follow_up(self, ground: ChangeContext) -> None:  # noqa: B027 - most changes have no more to do
        """Do what follows and is no row of access, such as mail, once the rows are written; never in a preview.

        It belongs to the same transaction, so it is not done where that is rolled back.
        """

    def notes(self, ground: ChangeContext) -> Iterable[str]:
        """What people should know besides before it is made, in sentences."""
        return ()

    @classmethod
    def check_undo(cls, ground: ChangeContext, diff: Diff) -> None:
        """Let the undoing of such a change pass, which would write these rows.

        Raises:
            Refusal: it is final, or not for this actor to undo.
        """
        if cls.final:
            raise NoSuchTarget(str(cls.final))

    def apply(self, *, actor: User | None, reason: str) -> ChangeResult:
        """Make the change. `actor` None is the operator at the console.

        Raises:
            Refusal: a guard is against it, which the refusal names; nothing was written.
            ManyRefused: a bulk change of which some lines are refused; nothing was written.
        """
        if is_blank(reason):
            raise ReasonMissing
        if actor is not None and actor.viewed_by is not None:
            raise NoSuchTarget(
                _("You can't change anything while you view as a colleague."), _("Stop viewing as them first.")
            )
        return retried(lambda: self._apply(actor, reason))

    def observe(self, observer: Observer, *, actor: User | None) -> None:
        """Make the change as `apply` would, measured by the observer, and take it back.

        Raises:
            Refusal, ManyRefused: as `apply` does.
        """
        retried(lambda: self._observe(observer, actor))

    def within(self, ground: ChangeContext) -> int:
        """Make the change as a part of an act that holds the account's lock and states its operation; returns the rows.

        Raises:
            Refusal, ManyRefused: as `apply` does.
        """
        return self._carry_out(ground)

    def _apply(self, actor: User | None, reason: str) -> ChangeResult:
        with transaction.atomic():
            ground = ChangeContext.lock(self.account_id, actor, reason.strip())
            with operation(verb=self.verb, actor=actor, reason=reason) as written:
                rows = self._carry_out(ground, written)
                if rows:
                    self.follow_up(ground)
                return ChangeResult(written.pk, rows)

    def _observe(self, observer: Observer, actor: User | None) -> None:
        with suppress(_RollBack), transaction.atomic():
            ground = ChangeContext.lock(self.account_id, actor, TRIAL)
            with operation(verb=self.verb, actor=actor, reason=TRIAL) as written:
                self._carry_out(ground, written, observer)
                observer.after(ground)
                raise _RollBack

    def _carry_out(
        self, ground: ChangeContext, written: OperationInProgress | None = None, observer: Observer | None = None
    ) -> int:
        keepers = LastKeeperGuard.of(ground)
        seats = Seats.of(ground)
        diffs = self._checked(ground)
        self.check_seen(ground)
        rows = 0
        if observer is not None:
            for diff in diffs:
                observer.before(ground, diff)
            observer.planned(ground)
        self.accompany(ground)
        for diff in diffs:
            rows += diff.write()
        keepers.check(ground)
        if rows:
            seats.check(ground)
        if rows and written is not None:
            self.log(ground, written)
        return rows

    def _checked(self, ground: ChangeContext) -> RowPlan:
        """The plan, held against the guards; a plan of several batches is made again when it is written."""
        judge = GuardEvaluator(ground, self.terms_on(ground), self.judged(ground))
        refusals: list[Refusal] = []
        planned = RowPlan(lambda: self.plan(ground), ground)
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
    """A plan that can be gone through several times. One batch is kept; of several, each is planned again.

    Each time the same rows have to come of it, so that what is written is what was judged. The account's lock sees to
    it for most tables; that a user got another address, say, it does not keep away.
    """

    def __init__(self, plan: Callable[[], Iterable[Diff]], ground: ChangeContext) -> None:
        self._plan = plan
        self._ground = ground
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
                # Very many people: nobody is kept from one batch to the next.
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
    """Ends a trial, so that the transaction is rolled back."""


def rows(*found: RowChange) -> list[Diff]:
    """A plan of these rows."""
    return [Diff(list(found))]


def retried(work: Callable[[], T]) -> T:
    """The work's result; it is done again where the database broke it off, unless a transaction is around it.

    Raises:
        OperationalError: it was broken off each time.
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
