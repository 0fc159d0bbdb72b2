"""Undo an operation of the log: restore its rows, if they are still as the operation left them.

The rows come from the operation's entries with before and after swapped. They are checked and written like any other
change, on the terms of the kind of change that is undone. So an undo can be undone, too. Records that were handed over
with it stay where they are.
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

# The target of the entry that connects an undo to the undone operation.
TARGET = "audit.operation"
ACTIVE = Membership.Status.ACTIVE


@dataclass(frozen=True, kw_only=True)
class Undo(Change):
    """Undo an operation. Needs the permissions of the reverse change."""

    verb = verbs.UNDONE

    operation_id: int

    def plan(self, context: ChangeContext) -> Iterator[Diff]:
        """Plan the operation's rows, the last one first, each as it was before."""
        yield from UndoableOperation.of(context, self.operation_id).diffs()

    def terms_on(self, context: ChangeContext) -> GuardTerms:
        """Return the terms of the kind of change that is undone: a transfer is undone by a transfer."""
        kind = UndoableOperation.of(context, self.operation_id).kind
        return kind.terms if kind.undo_terms is None else kind.undo_terms

    def log(self, context: ChangeContext, written: OperationInProgress) -> None:
        """Log which operation was undone."""
        operation = UndoableOperation.of(context, self.operation_id).operation
        after = {"verb": operation.verb, "at": operation.at, "actor": operation.actor_name, "reason": operation.reason}
        entry = Told(target_type=TARGET, target_id=operation.pk, target_text=operation.verb, after=after)
        written.add(context.account.pk, [entry])

    def notes(self, context: ChangeContext) -> Iterable[str]:
        """Say what stays as it is."""
        if UndoableOperation.of(context, self.operation_id).went_along:
            yield _("Records that this change handed over, moved or deleted stay as they are.")

    def _carry_out(
        self, context: ChangeContext, written: OperationInProgress | None = None, observer: Observer | None = None
    ) -> int:
        try:
            rows = super()._carry_out(context, written, observer)
            # Check deferred constraints now, where a violation can still become a refusal.
            connection.check_constraints()
        except IntegrityError as error:
            raise ChangedMeanwhile(_("Later changes have replaced what this changed."), {}) from error
        return rows


class UndoableOperation:
    """An operation of the account that is being undone."""

    def __init__(self, context: ChangeContext, operation: Operation) -> None:
        self.context = context
        self.operation = operation
        self.kind = self._kind()
        self._in_the_way = UndoConflicts(self._own)

    @classmethod
    def of(cls, context: ChangeContext, operation_id: int) -> UndoableOperation:
        """Return the operation with that id.

        Raises:
            NoSuchTarget: the account's log has none, or its kind can't be undone.
        """
        operation = Operation.objects.of_account(context.account.pk).filter(pk=operation_id).first()
        if operation is None:
            raise NoSuchTarget(
                _("That change doesn't exist in the audit log of %(account)s.") % {"account": context.account}
            )
        return cls(context, operation)

    @property
    def went_along(self) -> bool:
        """Return whether the kind of change also moves records."""
        return self.kind.accompany is not Change.accompany

    def diffs(self) -> Iterator[Diff]:
        """Plan the rows as they were before, the last one first, in batches.

        For a row that the operation wrote twice, the later state is compared with the current one.

        Raises:
            Refusal: the kind is final, nothing can be undone, or it was already undone.
        """
        self._check_nobody_came()
        entries = self._entries.exclude(target_type=TARGET).order_by("-pk")
        last: int | None = None
        planned = False
        while batch := list((entries if last is None else entries.filter(pk__lt=last))[:BATCH]):
            last = batch[-1].pk
            if lefts := self._lefts(batch):
                diff = self._diff(lefts, first=not planned)
                self.kind.check_undo(self.context, diff)
                yield diff
                planned = True
        if not planned:
            raise NoSuchTarget(_("This change has nothing to undo."))

    def _kind(self) -> type[Change]:
        """Return the kind of change; for an undo, the kind that it undid."""
        operation = self.operation
        while operation.verb == Undo.verb.word:
            link = Entry.objects.of_account(self.context.account.pk).get(operation=operation, target_type=TARGET)
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
        return Entry.objects.of_account(self.context.account.pk).filter(operation=self.operation)

    def _own(self, model: type[models.Model]) -> QuerySet[Any]:
        """Return the ids of the operation's rows of a table."""
        row_id = Cast(Coalesce(KT("after__id"), KT("before__id")), BigIntegerField())
        return self._entries.filter(target_type=model._meta.label_lower).values(row_id=row_id)

    def _lefts(self, entries: Iterable[Entry]) -> list[RecordedRow]:
        """Return the rows of entries, without shares that moved with a record to another branch."""
        lefts = [left for entry in entries if (left := left_by(entry)) is not None]
        if not self.went_along:
            return lefts
        moved = {
            left for model, some in by_model(lefts) if issubclass(model, shares.TeamShare) for left in _moved(some)
        }
        return [left for left in lefts if left not in moved]

    # The rows

    def _diff(self, lefts: list[RecordedRow], *, first: bool) -> Diff:
        current = standing(lefts)
        now = {left: current.get((left.model, left.key)) for left in lefts}
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
        # Rows with missing references can't be checked.
        pairs = [(left, row) for left, row in pairs if left not in gone]
        look_around([side for _, row in pairs for side in (row.before, row.after) if side is not None])
        refusals += self._misplaced([row for _, row in pairs])
        if not refusals:
            refusals += self._in_the_way.standing(pairs)
        return Diff([row for _, row in pairs], refusals)

    def _row(self, left: RecordedRow, now: Any) -> RowChange | None:
        """Plan the reverse of a row; None if it was already deleted."""
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
        again._state.adding = False  # it already has its id and defaults
        return inserted(self._tied(again))

    def _tied(self, row: models.Model) -> models.Model:
        """Connect the row to the rows that are restored with it."""
        for column in row._meta.concrete_fields:
            if column.is_relation and column.related_model in PARENTS:
                coming = self._coming.get((column.related_model, getattr(row, column.attname)))
                if coming is not None:
                    setattr(row, column.name, coming)
        return row

    @cached_property
    def _coming(self) -> dict[tuple[Any, int], models.Model]:
        """Return the rows that the operation deleted and on which others depend."""
        labels = [model._meta.label_lower for model in PARENTS]
        gone = self._entries.filter(target_type__in=labels, after__isnull=True)
        lefts = [left for entry in gone if (left := left_by(entry)) is not None and left.before is not None]
        return {(left.model, left.key): left.model(**left.before) for left in lefts if left.before is not None}

    # Rows that no longer fit

    @cached_property
    def _scheme(self) -> str:
        """Return the role system that the account follows afterwards."""
        before: Any = self._entries.filter(target_type=Account._meta.label_lower).values_list("before", flat=True)
        return next((str(image["scheme"]) for image in before if image), self.context.account.scheme)

    def _check_nobody_came(self) -> None:
        """Refuse to undo a switch of role systems after new roles were given.

        Raises:
            ChangedMeanwhile: a member or an invitation has a role that the operation doesn't cover.
        """
        if self._scheme == self.context.account.scheme:
            return
        pending = Invitation.objects.filter(status=Invitation.Status.PENDING)
        for rows in (Membership.objects.all(), ParentMembership.objects.all(), pending):
            others = rows.filter(account=self.context.account, role__scheme=self.context.account.scheme)
            if number := others.exclude(pk__in=self._own(rows.model)).count():
                noun = str(rows.model._meta.verbose_name_plural)
                raise ChangedMeanwhile(
                    _("%(number)s %(noun)s with roles of %(scheme)s were added since then.")
                    % {"number": f"{number:,}", "noun": noun, "scheme": self.context.scheme.name},
                    {noun: (0, number)},
                )

    def _misplaced(self, rows: list[RowChange]) -> Iterator[NoSuchTarget]:
        """Yield refusals of rows on a closed branch, of a removed member, or with a role that no longer exists."""
        if self._scheme != self.context.account.scheme:
            return
        reopened = {row.either.pk for row in rows if row.model is Branch}
        usable = set(Role.objects.usable_in(self.context.account.pk, self._scheme).values_list("pk", flat=True))
        usable |= {pk for model, pk in self._coming if model is Role}
        active = self._active(rows)
        for row in rows:
            branch = self.context.branches.get(getattr(row.either, "branch_id", None) or 0)
            if branch is not None and branch.status != Branch.Status.ACTIVE and branch.pk not in reopened:
                yield NoSuchTarget(_("%(branch)s is closed.") % {"branch": branch}, _("Reopen it first."))
            elif row.model in (Membership, Override) and (row.either.branch_id, row.either.user_id) not in active:
                yield NoSuchTarget(
                    _("%(name)s is not a member there.") % {"name": self.context.name(row.either.user_id)},
                    _("Restore them first."),
                )
            role_id = None if row.after is None else getattr(row.after, "role_id", None)
            if row.model in (Membership, ParentMembership, Invitation) and role_id and role_id not in usable:
                yield NoSuchTarget(_("The role no longer exists in %(account)s.") % {"account": self.context.account})

    def _active(self, rows: list[RowChange]) -> set[tuple[int, int]]:
        """Return branch and user of each membership that is active now, or that these rows activate."""
        users = {row.either.user_id for row in rows if row.model in (Membership, Override)}
        held = Membership.objects.filter(account=self.context.account, user__in=users, status=ACTIVE)
        sides = [side for row in rows if row.model is Membership for side in (row.before, row.after) if side]
        return set(held.order_by().values_list("branch", "user")) | {
            (side.branch_id, side.user_id) for side in sides if side.status == ACTIVE
        }


def _moved(lefts: list[RecordedRow]) -> Iterator[RecordedRow]:
    """Yield shares that were taken from teams whose records are now on other branches."""
    table: Any = lefts[0].model
    taken = [(left, left.before) for left in lefts if left.before is not None]
    teams = Team.objects.filter(group__in={before["group_id"] for _, before in taken})
    rows = table.content_object.field.related_model._default_manager
    places = dict(rows.filter(pk__in={before["content_object_id"] for _, before in taken}).values_list("pk", "branch"))
    branches = dict(teams.values_list("group", "branch"))
    for left, before in taken:
        if places.get(before["content_object_id"]) != branches.get(before["group_id"]):
            yield left
