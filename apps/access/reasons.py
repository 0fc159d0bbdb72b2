"""Why something is not allowed, in words: for the tooltips of what is disabled and for the page that refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import models

from apps.access.desk import Desk
from apps.access.explain import explain
from apps.access.fixes import Fix
from apps.access.records import Record
from apps.accounts.models import Branch, User
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target

NAMED = 3
GRANTS = "manage_member_permissions"


@dataclass(frozen=True, slots=True)
class Why:
    """A "no" in words: the permission, the reasons in order, the smallest changes, and whom to ask."""

    permission: Permission
    reasons: list[str] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)
    people: list[User] = field(default_factory=list)


def tooltip(desk: Desk, codename: str) -> str:
    """One sentence for a disabled button: the missing permission, and who can grant it."""
    return f"Needs “{catalogue.get(codename).label}”, which you do not have. {whom_to_ask(grantors(desk))}"


def grantors(desk: Desk) -> list[User]:
    """Who may give rights on the branches in the user's sight; asked once for a request."""
    return desk.once("grantors", lambda: _grantors(desk))


def _grantors(desk: Desk) -> list[User]:
    found: dict[int, User] = {}
    for branch in desk.branches[:1]:
        for person in desk.who_may(GRANTS, branch):
            if person.pk != desk.user.pk:
                found[person.pk] = person
    return list(found.values())


def whom_to_ask(people: Sequence[User]) -> str:
    """`Ask Ada or Ben.`"""
    if not people:
        return "Nobody in the account can grant it at present."
    names = [str(person) for person in people[:NAMED]]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return f"Ask {listed} for it."


def why_not(desk: Desk, codename: str, target: models.Model) -> Why:
    """Why the user may not, on this thing or (of an account) anywhere in it."""
    permission = catalogue.get(codename)
    subject: models.Model | None = target
    if permission.target is not _target_of(target):
        subject = desk.branches[0] if permission.target is Target.BRANCH and desk.branches else None
    if subject is None:
        return Why(permission, people=grantors(desk))
    explanation = explain(desk.user, codename, subject, people=desk.people)
    people: dict[int, User] = {person.pk: person for fix in explanation.fixes for person in fix.who}
    people.pop(desk.user.pk, None)
    return Why(permission, explanation.reasons, explanation.fixes, list(people.values()))


def _target_of(thing: models.Model) -> Target:
    if isinstance(thing, Record):
        return Target.RECORD
    return Target.BRANCH if isinstance(thing, Branch) else Target.ACCOUNT
