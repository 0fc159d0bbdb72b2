"""Undoing: what an operation of the log changed is put back as it was, if it still stands as the operation left it.

The rows come from the operation's entries, before and after exchanged, and are judged and written like those of any
other change, on the terms of the kind of change that is undone. So an undoing can be undone, too. What went along and
is no table of access, such as records that were handed over, stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import IntegrityError, connection, models
from django.db.models import BigIntegerField, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext as _

from apps.access import shares, verbs
from apps.access.models import Override
from apps.accounts.models import Account, Branch
from apps.audit import verbs as words
from apps.audit.models import Entry, Operation
from apps.audit.services import EntryValues as Told
from apps.audit.services import OperationInProgress
from apps.changes.base import KINDS, Change, Observer
from apps.changes.context import ChangeContext
from apps.changes.diff import BATCH, Diff, RowChange, deleted, inserted, updated
from apps.changes.guards.judging import GuardTerms
from apps.changes.refusals import ChangedMeanwhile, NoSuchTarget, Refusal
from apps.changes.undo_conflicts import PARENTS, RecordedRow, UndoConflicts, by_model, left_by, look_around, standing
from apps.roles.models import Role
from apps.teams.models import Invitation, Membership, ParentMembership, Team

# The target of the entry that ties an undoing to what it undid.
TARGET = "audit.operation"
ACTIVE = Membership.Status.ACTIVE


@dataclass(frozen=True, kw_only=True)
class Undo(Change):
    """Put back what an operation changed. Needs what the change back needs, by whichever way it is made."""

    verb = verbs.UNDONE

    operation_id: int

    def plan(self, ground: ChangeContext) -> Iterator[Diff]:
        """The operation's rows, the last one first, each as it was before."""
        yield from UndoableOperation.of(ground, self.operation_id).diffs()

    def terms_on(self, ground: ChangeContext) -> GuardTerms:
        """Those of the kind of change that is undone: a transfer is taken back by a transfer."""
        kind = UndoableOperation.of(ground, self.operation_id).kind
        return kind.terms if kind.undo_terms is None else kind.undo_terms

    def log(self, ground: ChangeContext, written: OperationInProgress) -> None:
        """Say which operation it was."""
        operation = UndoableOperation.of(ground, self.operation_id).operation
        after = {"verb": operation.verb, "at": operation.at, "actor": operation.actor_name, "reason": operation.reason}
        entry = Told(target_type=TARGET, target_id=operation.pk, target_text=operation.verb, after=after)
        written.add(ground.account.pk, [entry])

    def notes(self, ground: ChangeContext) -> Iterable[str]:
        """What stays as it is."""
        if UndoableOperation.of(ground, self.operation_id).went_along:
            yield _("Records that this change handed over, moved or deleted stay as they are.")

    def _carry_out(
        self, ground: ChangeContext, written: OperationInProgress | None = None, observer: Observer | None = None
    ) -> int:
        try:
            rows = super()._carry_out(ground, written, observer)
            # What the database asks at the commit is asked here, where it can still be put in words.
            connection.check_constraints()
        except IntegrityError as error:
            raise ChangedMeanwhile(_("Later changes have replaced what this changed."), {}) from error
        return rows


class UndoableOperation:
    """An operation of the account on its way back."""

    def __init__(self, ground: ChangeContext, operation: Operation) -> None:
        self.ground = ground
        self.operation = operation
        self.kind = self._kind()
        self._in_the_way = UndoConflicts(self._own)

    @classmethod
    def of(cls, ground: ChangeContext, operation_id: int) -> UndoableOperation:
        """The operation of that id.

        Raises:
            NoSuchTarget: the account's log has none, or it is of a kind that is not undone.
        """
        found = Operation.objects.of_account(ground.account.pk).filter(pk=operation_id).first()
        if found is None:
            raise NoSuchTarget(
                _("That change doesn't exist in the audit log of %(account)s.") % {"account": ground.account}
            )
        return cls(ground, found)

    @property
    def went_along(self) -> bool:
        """Whether the kind of change takes records along."""
        return self.kind.accompany is not Change.accompany

    def diffs(self) -> Iterator[Diff]:
        """The rows as they were before, the last one first, in batches.

        An operation writes a row once; of one that it wrote twice, the later state is held against what stands.

        Raises:
            Refusal: the kind is final, nothing was written that can be undone, or it has been undone already.
        """
        self._check_nobody_came()
        entries = self._entries.exclude(target_type=TARGET).order_by("-pk")
        last: int | None = None
        planned = False
        while batch := list((entries if last is None else entries.filter(pk__lt=last))[:BATCH]):
            last = batch[-1].pk
            if lefts := self._lefts(batch):
                diff = self._diff(lefts, first=not planned)
                self.kind.check_undo(self.ground, diff)
                yield diff
                planned = True
        if not planned:
            raise NoSuchTarget(_("This change has nothing to undo."))

    def _kind(self) -> type[Change]:
        """What kind of change it was; of an undoing, what it undid."""
        operation = self.operation
        while operation.verb == Undo.verb.word:
            link = Entry.objects.of_account(self.ground.account.pk).get(operation=operation, target_type=TARGET)
            operation = Operation.objects.get(pk=int(link.target_id))
        if operation.verb in KINDS:
            return KINDS[operation.verb]
        try:
            label = words.get(operation.verb).in_words
        except words.UnknownVerb:
            label = operation.verb
        raise NoSuchTarget(
            _("“%(label)s” can't be undone.") % {"label": label},
            _("Make a new change instead."),
        )

    @property
    def _entries(self) -> QuerySet[Entry]:
        return Entry.objects.of_account(self.ground.account.pk).filter(operation=self.operation)

    def _own(self, model: type[models.Model]) -> QuerySet[Any]:
        """The ids of the operation's rows of a table."""
        row_id = Cast(Coalesce(KT("after__id"), KT("before__id")), BigIntegerField())
        return self._entries.filter(target_type=model._meta.label_lower).values(row_id=row_id)

    def _lefts(self, entries: Iterable[Entry]) -> list[RecordedRow]:
        """The rows that entries tell of, without shares that went along with a record to another branch."""
        lefts = [left for entry in entries if (left := left_by(entry)) is not None]
        if not self.went_along:
            return lefts
        moved = {
            left for model, some in by_model(lefts) if issubclass(model, shares.TeamShare) for left in _moved(some)
        }
        return [left for left in lefts if left not in moved]

    # The rows

    def _diff(self, lefts: list[RecordedRow], *, first: bool) -> Diff:
        found = standing(lefts)
        now = {left: found.get((left.model, left.key)) for left in lefts}
        if first and all(left.stands(now[left], left.before) for left in lefts):
            raise NoSuchTarget(_("This change was already undone."), _("To restore the change, undo its undo."))
        refusals: list[Refusal] = [
            ChangedMeanwhile(
                _("%(left)s has changed since then.") % {"left": left.text}, left.differences(now[left], left.after)
            )
            for left in lefts
            if not left.stands(now[left], left.after)
        ]
        pairs = [(left, row) for left in lefts if (row := self._row(left, now[left])) is not None]
        gone = dict(self._in_the_way.gone(pairs))
        refusals += gone.values()
        # What points at nothing cannot be judged.
        pairs = [(left, row) for left, row in pairs if left not in gone]
        look_around([side for _, row in pairs for side in (row.before, row.after) if side is not None])
        refusals += self._misplaced([row for _, row in pairs])
        if not refusals:
            refusals += self._in_the_way.standing(pairs)
        return Diff([row for _, row in pairs], refusals)

    def _row(self, left: RecordedRow, now: Any) -> RowChange | None:
        """The row on its way back; None where it has gone, so that nothing is there to be taken away."""
        if left.before is None:
            return None if now is None else deleted(self._tied(now))
        if now is not None:
            return updated(self._tied(now), **{name: left.before[name] for name in left.columns})
        if {column.attname for column in left.model._meta.concrete_fields} - left.before.keys():
            raise NoSuchTarget(
                _("%(left)s can't be restored: the audit log doesn't hold all of its values.") % {"left": left.text},
                _("Create a new one."),
            )
        again = left.model(**left.before)
        again._state.adding = False  # it has its id, and what else a first save would give it
        return inserted(self._tied(again))

    def _tied(self, row: models.Model) -> models.Model:
        """The row, tied to the rows that come back with it."""
        for column in row._meta.concrete_fields:
            if column.is_relation and column.related_model in PARENTS:
                coming = self._coming.get((column.related_model, getattr(row, column.attname)))
                if coming is not None:
                    setattr(row, column.name, coming)
        return row

    @cached_property
    def _coming(self) -> dict[tuple[Any, int], models.Model]:
        """What others hang on and the operation had deleted."""
        labels = [model._meta.label_lower for model in PARENTS]
        gone = self._entries.filter(target_type__in=labels, after__isnull=True)
        lefts = [left for entry in gone if (left := left_by(entry)) is not None and left.before is not None]
        return {(left.model, left.key): left.model(**left.before) for left in lefts if left.before is not None}

    # What cannot be so any more

    @cached_property
    def _scheme(self) -> str:
        """The scheme that the account follows afterwards."""
        before: Any = self._entries.filter(target_type=Account._meta.label_lower).values_list("before", flat=True)
        return next((str(image["scheme"]) for image in before if image), self.ground.account.scheme)

    def _check_nobody_came(self) -> None:
        """A switch of the scheme is not undone over the heads of those who came later.

        Raises:
            Overtaken: somebody holds a role, or is invited as something, that the operation knows nothing of.
        """
        if self._scheme == self.ground.account.scheme:
            return
        pending = Invitation.objects.filter(status=Invitation.Status.PENDING)
        for rows in (Membership.objects.all(), ParentMembership.objects.all(), pending):
            others = rows.filter(account=self.ground.account, role__scheme=self.ground.account.scheme)
            if number := others.exclude(pk__in=self._own(rows.model)).count():
                noun = str(rows.model._meta.verbose_name_plural)
                raise ChangedMeanwhile(
                    _("%(number)s %(noun)s with roles of %(scheme)s were added since then.")
                    % {"number": f"{number:,}", "noun": noun, "scheme": self.ground.scheme.name},
                    {noun: (0, number)},
                )

    def _misplaced(self, rows: list[RowChange]) -> Iterator[NoSuchTarget]:
        """Rows on a closed branch, of a member who has been removed, or with a role that is none here any more."""
        if self._scheme != self.ground.account.scheme:
            return
        reopened = {row.either.pk for row in rows if row.model is Branch}
        usable = set(Role.objects.usable_in(self.ground.account.pk, self._scheme).values_list("pk", flat=True))
        usable |= {pk for model, pk in self._coming if model is Role}
        active = self._active(rows)
        for row in rows:
            branch = self.ground.branches.get(getattr(row.either, "branch_id", None) or 0)
            if branch is not None and branch.status != Branch.Status.ACTIVE and branch.pk not in reopened:
                yield NoSuchTarget(_("%(branch)s is closed.") % {"branch": branch}, _("Reopen it first."))
            elif row.model in (Membership, Override) and (row.either.branch_id, row.either.user_id) not in active:
                yield NoSuchTarget(
                    _("%(name)s is not a member there.") % {"name": self.ground.name(row.either.user_id)},
                    _("Restore them first."),
                )
            role_id = None if row.after is None else getattr(row.after, "role_id", None)
            if row.model in (Membership, ParentMembership, Invitation) and role_id and role_id not in usable:
                yield NoSuchTarget(_("The role no longer exists in %(account)s.") % {"account": self.ground.account})

    def _active(self, rows: list[RowChange]) -> set[tuple[int, int]]:
        """The branch and user of each membership that is active now, or that these rows make so."""
        users = {row.either.user_id for row in rows if row.model in (Membership, Override)}
        held = Membership.objects.filter(account=self.ground.account, user__in=users, status=ACTIVE)
        sides = [side for row in rows if row.model is Membership for side in (row.before, row.after) if side]
        return set(held.order_by().values_list("branch", "user")) | {
            (side.branch_id, side.user_id) for side in sides if side.status == ACTIVE
        }


def _moved(lefts: list[RecordedRow]) -> Iterator[RecordedRow]:
    """Shares that were taken away from teams and whose records are on other branches than these by now."""
    table: Any = lefts[0].model
    taken = [(left, left.before) for left in lefts if left.before is not None]
    teams = Team.objects.filter(group__in={before["group_id"] for _, before in taken})
    rows = table.content_object.field.related_model._default_manager
    places = dict(rows.filter(pk__in={before["content_object_id"] for _, before in taken}).values_list("pk", "branch"))
    branches = dict(teams.values_list("group", "branch"))
    for left, before in taken:
        if places.get(before["content_object_id"]) != branches.get(before["group_id"]):
            yield left
