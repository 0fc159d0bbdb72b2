"""The guards of access model, section 6, as what is raised when one of them says no.

Every refusal names its guard, and says in a sentence what is in the way and in another what would work instead.
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
    """What can be against a change; asked in this order, and the first that says no is the one named."""

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
    """A change that is refused; nothing has been written.

    `sentence` says what is in the way, `instead` what would work, `line` which line of a file it is about.
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
    """Guard reason: a change without one."""

    guard = Guard.REASON

    def __init__(self) -> None:
        super().__init__(_("Give a reason for this change."), _("One sentence is enough."))


class NoSuchTarget(Refusal):
    """What is to be changed is not there, or not there for the actor, or the change makes no sense for it."""

    guard = Guard.TARGET


class NoSuchRecord(NoSuchTarget):
    """The record is not there, or the actor cannot view it: they are told the same."""

    def __init__(self) -> None:
        super().__init__(_("That record doesn't exist."))


class OwnAccess(Refusal):
    """Guard oneself: nobody changes their own role, overrides or parent role, nor approves their own request."""

    guard = Guard.ONESELF


class PermissionMissing(Refusal, MissingPermission):
    """Guard right: the actor lacks the permission that the change needs there."""

    guard = Guard.RIGHT

    def __init__(self, codename: str, target: models.Model) -> None:
        instead = str(PAYING) if suspends(codename, target) else _("Ask a colleague who has it, or request access.")
        super().__init__(lacking(codename, target), instead)
        self.codename = catalogue.get(codename).codename
        self.target = target


class OperatorOnly(Refusal):
    """Guard right: the change is a platform operator's, and no permission gives it."""

    guard = Guard.RIGHT


class ActorInactive(Refusal):
    """Guard right: the actor has been deactivated, or the account is closed, so that nothing is theirs to do."""

    guard = Guard.RIGHT


class Shielded(Refusal):
    """Guard shield: only the holder sees or edits the single top member's details and permissions."""

    guard = Guard.SHIELD


class PublishedRole(Refusal):
    """Guard published: a published role is never redefined, and own roles are only where the scheme allows them."""

    guard = Guard.PUBLISHED


class SingleRole(Refusal):
    """Guard single: a role with exactly one holder moves only by a transfer."""

    guard = Guard.SINGLE


class LockedRole(Refusal):
    """Guard locked: a locked role takes no overrides, and nobody is given what their role never grants."""

    guard = Guard.LOCKED


class DemotionRefused(Refusal):
    """Guard ladder: in an up-only scheme a member's role moves only to a higher rank."""

    guard = Guard.LADDER


class TargetOutranksActor(Refusal):
    """Guard above: nobody changes somebody whose scopes exceed their own in any permission."""

    guard = Guard.ABOVE

    @classmethod
    def by(cls, name: str, codename: str) -> TargetOutranksActor:
        """What is said where the permission goes further for the one of this name."""
        return cls(
            _("You can't change %(name)s: their “%(permission)s” is broader than yours.")
            % {"name": name, "permission": catalogue.get(codename).label},
            _("Ask a colleague whose access is at least as broad as theirs."),
        )


class Escalation(Refusal):
    """Guard no escalation: nobody gives a scope wider than their own, nor for longer than their own end."""

    guard = Guard.ESCALATION


class ChangedMeanwhile(Refusal):
    """Guard fresh: somebody else changed it since the page was opened. `differences` maps a field to seen and now."""

    guard = Guard.FRESH

    def __init__(self, sentence: str, differences: Mapping[str, tuple[Any, Any]], *, line: int | None = None) -> None:
        super().__init__(sentence, _("Review the differences and try again."), line=line)
        self.differences = differences


class LastKeeper(Refusal):
    """Guard last keeper: an account, and a branch that had one, keeps an active user in its top role."""

    guard = Guard.LAST_KEEPER


class NoSeat(Refusal):
    """Guard seats: the plan has room for so many people, and nobody joins or is invited beyond that."""

    guard = Guard.SEATS


class ManyRefused(Exception):
    """A bulk change of which some lines are refused, so that all of it is. `refusals` are in the order of the lines."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(refusals)
        self.refusals = refusals

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def lines(self) -> list[str]:
        """Each refusal with its line in the file."""
        return [f"line {refusal.line}: {refusal}" for refusal in self.refusals]
