"""Why something is not allowed, in words: for the tooltips of disabled buttons and for the 403 page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db import models
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.access.explain import explain
from apps.access.fixes import Fix
from apps.access.mandate import Mandate
from apps.access.policy import GranterBatch, decide
from apps.access.records import Record
from apps.accounts.models import Branch, User
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target

NAMED = 3


@dataclass(frozen=True, slots=True)
class Denial:
    """A "no" in words: the permission, the reasons in order, the smallest changes, and the people to ask."""

    permission: Permission
    reasons: list[str] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)
    people: list[User] = field(default_factory=list)


def tooltip(access: AccessContext, codename: str, place: models.Model | None = None) -> str:
    """Return one sentence for a disabled button: the missing permission and who can grant it, here or anywhere."""
    branch = place if isinstance(place, Branch) else None
    label = catalogue.get(codename).label
    return _("You need “%(label)s”. %(whom_to_ask)s") % {
        "label": label,
        "whom_to_ask": whom_to_ask(grantors(access, codename, branch)),
    }


def grantors(access: AccessContext, codename: str, branch: Branch | None = None) -> list[User]:
    """Return some users who can grant the permission to the user on the branch, or on any visible one, by name.

    They have the permission to grant it there, and have it themselves (access model, section 6: no escalation). The
    candidates are read once for a request.
    """
    mandate, people = access.mandate, access.people
    if mandate is None or people is None:
        return []
    places = access.branches if branch is None else [branch]
    for stage in people.stages():
        granter_ids = _givers(mandate, codename, places, stage)
        if granter_ids:
            return [user for user_id, user in stage.users.items() if user_id in granter_ids]
    return []


def _givers(mandate: Mandate, codename: str, places: Sequence[Branch], stage: GranterBatch) -> set[int]:
    granter_ids: set[int] = set()
    for place in places:
        for right, target in _ways(mandate, codename, place):
            permission = catalogue.get(right)
            for giver in stage.mandates:
                if decide(giver, permission, target) and giver.effective(place.pk, codename).scope:
                    granter_ids.add(giver.user_id)
        granter_ids.discard(mandate.user_id)
        if len(granter_ids) >= NAMED:
            break
    return granter_ids


def _ways(mandate: Mandate, codename: str, branch: Branch) -> Iterator[tuple[str, models.Model]]:
    """Yield the permissions with which a colleague could grant it on a branch, and their targets."""
    membership = mandate.facts.memberships.get(branch.pk)
    if membership is None or not membership.active:
        yield "invite_members" if membership is None else "remove_members", branch
    elif not membership.role.locked and membership.role.grant(codename).grantable:
        yield "manage_member_permissions", branch
    elif not membership.role.locked:
        yield "change_roles", branch
    yield "grant_parent_roles" if mandate.facts.parent is None else "change_parent_roles", branch.account


def whom_to_ask(people: Sequence[User]) -> str:
    """Return a sentence such as `Ask Ada or Ben for it.`"""
    if not people:
        return _("No member of the account can grant it now.")
    return _("Ask %(people)s for it.") % {"people": get_text_list([str(person) for person in people[:NAMED]], _("or"))}


def why_not(access: AccessContext, codename: str, target: models.Model) -> Denial:
    """Return why the user lacks the permission on this target or (for an account) anywhere in it."""
    permission = catalogue.get(codename)
    subject: models.Model | None = target
    if permission.target is not _target_of(target):
        subject = access.branches[0] if permission.target is Target.BRANCH and access.branches else None
    if subject is None:
        return Denial(permission, people=grantors(access, codename))
    explanation = explain(access.user, codename, subject, people=access.people)
    people: dict[int, User] = {person.pk: person for fix in explanation.fixes for person in fix.who}
    people.pop(access.user.pk, None)
    return Denial(permission, explanation.reasons, explanation.fixes, list(people.values()))


def _target_of(thing: models.Model) -> Target:
    if isinstance(thing, Record):
        return Target.RECORD
    return Target.BRANCH if isinstance(thing, Branch) else Target.ACCOUNT
