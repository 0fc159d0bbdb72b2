"""Who can see one record, what else they may do with it, and why: `who_may` with short reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.access.facts import AccountFacts
from apps.access.mandate import Mandate, Reason, Shares
from apps.access.policy import asked_of, decide, mandates_who_may
from apps.access.records import Record
from apps.access.shares import subjects
from apps.accounts.models import User
from apps.roles import catalogue
from apps.roles.scopes import Scope

FURTHER = ("change", "delete", "export")


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user who can see the record: further verbs, and the reasons why they see it."""

    user: User
    verbs: tuple[str, ...]
    through: tuple[str, ...]


class RecordAudience:
    """All users who can see a record. They are read at once; further verbs are computed only for those shown."""

    def __init__(self, record: Record, account: AccountFacts) -> None:
        self._record = record
        self.subjects = subjects(record)
        found = mandates_who_may(f"view_{record.record_type}", record, account, known=self.subjects)
        self._found = {mandate.user_id: (mandate, shares) for mandate, shares in found}
        wanted = self._found.keys() | self.subjects[0].keys()
        # Include all share holders, even if their share has no effect.
        self.people = list(User.objects.filter(pk__in=wanted).order_by("name", "email"))
        self.users = [user for user in self.people if user.pk in self._found]

    def seers(self, users: Sequence[User]) -> list[Viewer]:
        """Return these users with verbs and reasons."""
        return [self._seer(user, *self._found[user.pk]) for user in users]

    def _seer(self, user: User, mandate: Mandate, shares: Shares) -> Viewer:
        kind = catalogue.record_type(self._record.record_type)
        possible = [verb for verb in FURTHER if verb in kind.verbs]
        verbs = [verb for verb in possible if self._may(mandate, f"{verb}_{kind.name}", shares)]
        return Viewer(user, tuple(verbs), tuple(through(mandate, self._record, shares)))

    def _may(self, mandate: Mandate, codename: str, shares: Shares) -> bool:
        return decide(mandate, asked_of(codename, self._record), self._record, shares)


def through(mandate: Mandate, record: Record, shares: Shares) -> list[str]:
    """Return why the user can see the record: the scopes that contain it, each as a few words."""
    codename = f"view_{record.record_type}"
    clause = mandate.clause(record.branch_id, codename, record.record_type)
    if clause is None:
        return []
    reached = mandate.within(clause, record, shares)
    if reached & Scope.ALL:
        return [given_by(mandate, record.branch_id, codename)]
    words = {
        Scope.CREATED: _("created it"),
        Scope.RESPONSIBLE: _("owns it"),
        Scope.SHARED: _("it is shared with them"),
        Scope.TEAM: _("is in a team with %(who)s, who owns it") % {"who": record.responsible},
    }
    return [told for reach, told in words.items() if reached & reach]


def given_by(mandate: Mandate, branch_id: int, codename: str) -> str:
    """Return what gives a permission on a branch, as a few words: the last step with the broadest scope."""
    steps = [step for step in mandate.effective(branch_id, codename).steps if step.scope]
    steps = [step for step in steps if step.because not in (Reason.OVERRIDE_ENDED, Reason.OVERRIDE_IGNORED)]
    if not steps:
        return ""
    step = max(steps, key=lambda each: int(each.scope))
    if step.because is Reason.OVERRIDE and step.override is not None:
        by = step.override.author
        return _("an override by %(who)s") % {"who": by} if by else _("an override")
    if step.because in (Reason.PARENT, Reason.SUPREME) and step.role is not None:
        return _("the parent role %(role)s") % {"role": step.role.name}
    if step.because is Reason.OPERATOR:
        return _("a platform operator’s session")
    return "" if step.role is None else _("the role %(role)s") % {"role": step.role.name}
