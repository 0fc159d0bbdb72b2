"""The refusals of the guards of access model, section 6.

Every refusal names its guard, says in one sentence what is wrong and in another how to mend it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from apps.access.errors import PAYING, MissingPermission, lacking, suspends
from apps.roles import catalogue


class Guard(StrEnum):
    """The guards, in the order in which they run. The first guard that refuses is the one named."""

    REASON = "reason"
    TARGET = "target"
    ONESELF = "oneself"
    RIGHT = "right"
    SHIELD = "shield"
    PUBLISHED = "published"
    SINGLE = "single"
    LOCKED = "locked"
    LADDER = "ladder"
    ABOVE = "above"
    ESCALATION = "escalation"
    FRESH = "fresh"
    LAST_KEEPER = "last_keeper"
    SEATS = "seats"


class Refusal(Exception):
    """A refused change; nothing has been written.

    `sentence` says what is wrong, `instead` what to do, and `line` is the line of a file.
    """

    guard: ClassVar[Guard]

    def __init__(self, sentence: str, instead: str = "", *, line: int | None = None) -> None:
        Exception.__init__(self, sentence, instead)
        self.sentence = sentence
        self.instead = instead
        self.line = line

    def __str__(self) -> str:
        return f"{self.sentence} {self.instead}".strip()


class ReasonMissing(Refusal):
    """Guard reason: the change has no reason."""

    guard = Guard.REASON

    def __init__(self) -> None:
        super().__init__(_("Give a reason for this change."), _("One sentence is enough."))


class NoSuchTarget(Refusal):
    """The target doesn't exist, is invisible to the actor, or the change makes no sense for it."""

    guard = Guard.TARGET


class NoSuchRecord(NoSuchTarget):
    """The record doesn't exist or the actor can't view it; both get the same sentence."""

    def __init__(self) -> None:
        super().__init__(_("That record doesn't exist."))


class OwnAccess(Refusal):
    """Guard oneself: you can't change your own role, overrides or parent role, or approve your own request."""

    guard = Guard.ONESELF


class PermissionMissing(Refusal, MissingPermission):
    """Guard right: the actor lacks the permission that the change needs."""

    guard = Guard.RIGHT

    def __init__(self, codename: str, target: models.Model) -> None:
        instead = str(PAYING) if suspends(codename, target) else _("Ask a colleague who has it, or request access.")
        super().__init__(lacking(codename, target), instead)
        self.codename = catalogue.get(codename).codename
        self.target = target


class OperatorOnly(Refusal):
    """Guard right: only a platform operator can make the change; no permission gives it."""

    guard = Guard.RIGHT


class ActorInactive(Refusal):
    """Guard right: the actor is deactivated, or the account is closed."""

    guard = Guard.RIGHT


class Shielded(Refusal):
    """Guard shield: only the single top member can view and edit their details and permissions."""

    guard = Guard.SHIELD


class PublishedRole(Refusal):
    """Guard published: built-in roles can't be changed, and custom roles need a role system that supports them."""

    guard = Guard.PUBLISHED


class SingleRole(Refusal):
    """Guard single: a role with exactly one holder only moves by a transfer."""

    guard = Guard.SINGLE


class LockedRole(Refusal):
    """Guard locked: a locked role can't have overrides, and some permissions can't be granted to a role."""

    guard = Guard.LOCKED


class DemotionRefused(Refusal):
    """Guard ladder: in an up-only role system a member's role only moves to a higher rank."""

    guard = Guard.LADDER


class TargetOutranksActor(Refusal):
    """Guard above: you can't change a member whose scope exceeds yours in any permission."""

    guard = Guard.ABOVE

    @classmethod
    def by(cls, name: str, codename: str) -> TargetOutranksActor:
        """Return the refusal for the member with this name, whose scope of the permission is broader."""
        return cls(
            _("You can't change %(name)s: their “%(permission)s” is broader than yours.")
            % {"name": name, "permission": catalogue.get(codename).label},
            _("Ask a colleague whose access is at least as broad as theirs."),
        )


class Escalation(Refusal):
    """Guard no escalation: you can't grant a scope wider than your own, or for longer than your own."""

    guard = Guard.ESCALATION


class ChangedMeanwhile(Refusal):
    """Guard fresh: the target changed since the page was opened. `differences` maps a field to seen and now."""

    guard = Guard.FRESH

    def __init__(self, sentence: str, differences: Mapping[str, tuple[Any, Any]], *, line: int | None = None) -> None:
        super().__init__(sentence, _("Review the differences and try again."), line=line)
        self.differences = differences


class LastKeeper(Refusal):
    """Guard last keeper: an account, and a branch that had one, keeps an active user in its top role."""

    guard = Guard.LAST_KEEPER


class NoSeat(Refusal):
    """Guard seats: the plan's number of seats limits members and invitations."""

    guard = Guard.SEATS


class ManyRefused(Exception):
    """A bulk change with refused lines, so all of it is refused. `refusals` are in line order."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(refusals)
        self.refusals = refusals

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def lines(self) -> list[str]:
        """Return each refusal with its line in the file."""
        return [f"line {refusal.line}: {refusal}" for refusal in self.refusals]
