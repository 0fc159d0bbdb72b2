"""Checks the rows of a change against the guards of access model, section 6.

Every access table has its guards here, so a change, its undo and its preview follow the same rules. The guards compare
Mandates before and after, compiled from facts to which the rows were applied; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access import policy
from apps.access.models import AccessRequest, Override
from apps.accounts.models import Account, User
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange
from apps.changes.guards import structure
from apps.changes.guards.comparison import PrivilegeComparison
from apps.changes.guards.evaluation import NOWHERE, EvaluationContext, branch_of, is_of_role
from apps.changes.guards.needs import OperatorsOnly, needs
from apps.changes.refusals import (
    ActorInactive,
    ChangedMeanwhile,
    Guard,
    NoSuchRecord,
    NoSuchTarget,
    OperatorOnly,
    OwnAccess,
    PermissionMissing,
    Refusal,
)
from apps.roles import catalogue
from apps.roles.models import Role
from apps.teams.models import Invitation, Membership, ParentMembership

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# What to do instead of changing your own row, if not asking a colleague.
INSTEAD: Mapping[type, StrOrPromise] = {Authenticator: gettext_lazy("Change it on your own security page.")}


@dataclass(frozen=True, slots=True)
class GuardTerms:
    """Exceptions from the usual checks of the tables.

    `needs` are permissions that replace those of the rows; `lifts` are guards that don't apply.
    """

    needs: tuple[str, ...] | None = None
    lifts: frozenset[Guard] = frozenset()


@dataclass
class GuardEvaluator:
    """Checks the rows of one change. `judged` is the user whose permissions count, if not the actor."""

    context: ChangeContext
    terms: GuardTerms = field(default_factory=GuardTerms)
    judged: User | None = None

    def __post_init__(self) -> None:
        self._case = EvaluationContext(self.context, self.judged)
        self._width = PrivilegeComparison(self._case)

    def refusals(self, diff: Diff) -> Iterator[Refusal]:
        """Yield the first refusal of each refused row.

        Raises:
            NoSuchTarget: the actor doesn't belong to the account, so for them it doesn't exist.
        """
        acting = self._case.acting().facts
        if not (acting.operator or acting.parent or acting.memberships):
            raise NoSuchTarget(_("That account doesn't exist."))
        self._case.take(diff)
        self._width.forget()
        for row in diff.rows:
            refusal = next(self._guards(row), None)
            if refusal is not None:
                refusal.line = row.line
                yield refusal

    def _guards(self, row: RowChange) -> Iterator[Refusal]:
        guards = (
            (Guard.ONESELF, self._oneself),
            (Guard.RIGHT, self._right),
            (Guard.SHIELD, partial(structure.shield, self._case)),
            (Guard.PUBLISHED, partial(structure.published, self._case)),
            (Guard.SINGLE, partial(structure.single, self._case)),
            (Guard.LOCKED, partial(structure.locked, self._case)),
            (Guard.LADDER, partial(structure.ladder, self._case)),
            (Guard.ABOVE, self._width.above),
            (Guard.ESCALATION, self._width.escalation),
            (Guard.FRESH, self._fresh),
        )
        for guard, ask in guards:
            if guard not in self.terms.lifts:
                yield from ask(row)

    def _oneself(self, row: RowChange) -> Iterator[Refusal]:
        if self._case.actor_id is None:
            return
        if is_of_role(row):
            role = row.either if row.model is Role else row.either.role
            if role.account_id is not None and self._case.actor_id in self._case.held_by(row):
                yield OwnAccess(
                    _("You can't change a role that you hold."), _("Ask a colleague who has the permission.")
                )
            return
        if self._case.person(row) != self._case.actor_id:
            return
        own = {
            Membership: _("You can't change your own role or membership."),
            Override: _("You can't change your own overrides."),
            ParentMembership: _("You can't change your own parent role."),
            Invitation: _("You can't invite yourself."),
            Authenticator: _("You can't reset your own two-factor authentication here."),
        }.get(row.model)
        if row.model is AccessRequest and row.after is not None and row.after.status in ("approved", "declined"):
            own = _("You can't decide your own request.")
        if own is not None:
            yield OwnAccess(own, str(INSTEAD.get(row.model, _("Ask a colleague who has the permission."))))

    def _right(self, row: RowChange) -> Iterator[Refusal]:
        if self._case.operates:
            return
        facts = self._case.acting().facts
        if not facts.active:
            yield ActorInactive(_("Your user is deactivated."), _("Contact the platform operators."))
            return
        if facts.account.status == Account.Status.CLOSED:
            yield ActorInactive(
                _("%(account)s is closed.") % {"account": self.context.account},
                _("Ask the platform operators to reopen it."),
            )
            return
        if self.terms.needs is not None:
            asked: list[tuple[str, models.Model]] = [
                (codename, place) for codename in self.terms.needs for place in self._places_of(row, codename)
            ]
        else:
            try:
                asked = list(needs(self.context, row, self._case.actor_id))
            except OperatorsOnly as alone:
                yield OperatorOnly(str(alone), _("Contact the platform operators."))
                return
        mandate = self._case.acting()
        for codename, place in asked:
            permission = policy.asked_of(codename, place)
            if not policy.decide(mandate, permission, place):
                # Invisible records don't exist for the actor, so no refusal names them.
                yield PermissionMissing(codename, place) if self._case.sees(place) else NoSuchRecord()
                return

    def _places_of(self, row: RowChange, codename: str) -> list[models.Model]:
        """Return where a permission is checked; for a row without a branch, on every open branch."""
        target = catalogue.get(codename).target
        if target is catalogue.Target.ACCOUNT:
            return [self.context.account]
        if target is catalogue.Target.RECORD:
            return [row.either.content_object]
        branch_id = branch_of(row)
        places = sorted(self.context.facts.open_branches) if branch_id is None else [branch_id]
        return [self.context.branch(place) for place in places]

    def _fresh(self, row: RowChange) -> Iterator[Refusal]:
        if row.seen is None:
            return
        current = {} if row.before is None else {name: getattr(row.before, name) for name in row.seen}
        if row.seen == current and bool(row.seen) == (row.before is not None):
            return
        if row.before is not None and not row.seen:
            current = {column.attname: getattr(row.before, column.attname) for column in row.model._meta.fields}
        names = {*row.seen, *current}
        differences = {
            name: (row.seen.get(name), current.get(name)) for name in names if row.seen.get(name) != current.get(name)
        }
        yield ChangedMeanwhile(_("This changed while you were editing."), differences)


def above_anywhere(context: ChangeContext, user_id: int) -> str | None:
    """Return a permission in which the user exceeds the actor, on an open branch or the account, or None."""
    case = EvaluationContext(context)
    width = PrivilegeComparison(case)
    facts = context.people([user_id]).get(user_id)
    if facts is None or case.operates:
        return None
    places = (width.exceeds(facts, branch_id) for branch_id in [*sorted(context.facts.open_branches), NOWHERE])
    return next((found for found in places if found is not None), None)
