"""`explain`: the reasons for a decision, in sentences that a branch owner understands.

The verdict is the end of the walk through the reasons, and is tested to equal the decision. A "no" also has the
smallest changes that would make it a "yes", each tried on changed facts, with the people who can make them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from apps.access.errors import read_only
from apps.access.fixes import Fix, session_would_help, smallest_fixes
from apps.access.mandate import Clause, EffectiveScope, Mandate, Reason, Step
from apps.access.mandate_cache import mandate_for
from apps.access.policy import People, account_id_of, asked_of, share_reader
from apps.access.records import Record
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from apps.roles.catalogue import Permission
from apps.roles.scopes import Scope


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with its reasons in order and, for a "no", the smallest changes that would make it a "yes"."""

    allowed: bool
    reasons: list[str] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)

    @property
    def as_json(self) -> dict[str, Any]:
        """Return the explanation as JSON data."""
        return {"allowed": self.allowed, "why": self.reasons, "fixes": [fix.with_people for fix in self.fixes]}

    @property
    def sentences(self) -> list[str]:
        """Return the reasons and the fixes as one list of sentences."""
        return [*self.reasons, *(fix.with_people for fix in self.fixes)]


def explain(
    user: User,
    codename: str,
    obj: models.Model,
    *,
    fixes: bool = True,
    people: People | None = None,
    mandate: Mandate | None = None,
) -> Explanation:
    """Return why the user has or lacks the permission on this object.

    `people` and `mandate` spare reading them again for several explanations.

    Raises:
        UnknownPermission, WrongTarget: as `may` does.
    """
    permission = asked_of(codename, obj)
    mandate = mandate or mandate_for(user, account_id_of(obj))
    walk = _Walk(user, mandate, obj)
    allowed = walk.record(permission, obj) if isinstance(obj, Record) else walk.place(permission, obj)
    if not allowed and session_would_help(user, mandate, permission, obj):
        walk.say_that_no_session_is_open()
    found = [] if allowed or not fixes else smallest_fixes(user, mandate, permission, obj, people)
    return Explanation(allowed, walk.reasons, found)


class _Walk:
    """Applies the rules in order and records what each of them says."""

    def __init__(self, user: User, mandate: Mandate, obj: models.Model) -> None:
        self.name = str(user)
        self.user = user
        self.mandate = mandate
        self.account = obj if isinstance(obj, Account) else obj.account  # type: ignore[attr-defined]
        self.reasons: list[str] = []

    def record(self, permission: Permission, record: Record) -> bool:
        """Decide for a record; the reasons stop at the first condition that fails."""
        if self.mandate.is_private_to_another(record):
            self._say(
                _("%(record)s is private to another person, or about a record that is. Only that person can access it.")
                % {"record": record.reference}
            )
            return False
        for codename in self._closure(permission.codename, record.record_type):
            if codename != permission.codename:
                self._say(
                    _("“%(permission)s” requires “%(label)s”.")
                    % {"permission": permission.label, "label": _label(codename)}
                )
            effective = self.mandate.effective(record.branch_id, codename)
            self._provenance(codename, effective, record.branch)
            if not effective.scope:
                return False
            if not effective.scope & Scope.ALL and not self._reach(codename, record, effective):
                return False
        if not catalogue.record_type(record.record_type).follows_about:
            return True
        about = record.about
        if about is None:
            self._say(_("%(record)s isn't about a record, so no one can access it.") % {"record": record.reference})
            return False
        self._say(
            _("%(record)s is about %(about)s and visible to the people who can view that.")
            % {"record": record.reference, "about": about.reference}
        )
        return self.record(catalogue.get(f"view_{about.record_type}"), about)

    def place(self, permission: Permission, obj: models.Model) -> bool:
        """Decide for a branch, or for the account as the union over its branches."""
        for codename in self._closure(permission.codename, None):
            if codename != permission.codename:
                self._say(
                    _("“%(permission)s” requires “%(label)s”.")
                    % {"permission": permission.label, "label": _label(codename)}
                )
            if isinstance(obj, Branch):
                effective = self.mandate.effective(obj.pk, codename)
                self._provenance(codename, effective, obj)
                given = bool(effective.scope)
            else:
                given = self._on_some_branch(codename)
            if not given:
                return False
        return True

    def say_that_no_session_is_open(self) -> None:
        """Add that a superuser has no open session."""
        self._say(
            _("%(name)s is a platform operator without an open session, which gives no extra access.")
            % {"name": self.name}
        )

    def _closure(self, codename: str, record_type: str | None) -> tuple[str, ...]:
        return self.mandate.facts.account.scheme.closure(codename, record_type)

    def _say(self, sentence: str) -> None:
        if sentence not in self.reasons:
            self.reasons.append(sentence)

    def _on_some_branch(self, codename: str) -> bool:
        places = sorted(branch_id for branch_id, _membership, _profile in self.mandate.branches())
        if not places:
            effective = self.mandate.effective(0, codename)
            self._provenance(codename, effective, None)
            return bool(effective.scope)
        names = dict(Branch.objects.filter(account=self.account).values_list("pk", "name"))
        results = [(branch_id, self.mandate.effective(branch_id, codename)) for branch_id in places]
        giving = [(branch_id, effective) for branch_id, effective in results if effective.scope]
        for branch_id, effective in giving[:1] or results:
            self._provenance(codename, effective, names[branch_id])
        return bool(giving)

    def _provenance(self, codename: str, effective: EffectiveScope, branch: Branch | str | None) -> None:
        for step in effective.steps:
            self._say(self._step(_label(codename), step, str(branch or self.account)))

    def _step(self, label: str, step: Step, branch: str) -> str:
        role = step.role.name if step.role else ""
        match step.because:
            case Reason.ACCOUNT_CLOSED:
                return _("%(account)s is closed. A closed account gives no access.") % {"account": self.account}
            case Reason.PLAN:
                return _("The plan of %(account)s does not include the feature of “%(label)s”.") % {
                    "account": self.account,
                    "label": label,
                }
            case Reason.READ_ONLY:
                return f"{read_only(self.account)} " + _("“%(label)s” would change data.") % {"label": label}
            case Reason.INACTIVE:
                return _("%(name)s is deactivated and has no access.") % {"name": self.name}
            case Reason.OPERATOR:
                return _(
                    "%(name)s is a platform operator in an open session, with access to everything except other "
                    "people's private contacts."
                ) % {"name": self.name}
            case Reason.SUPREME:
                return _("%(name)s has the parent role %(role)s, which gives every permission on every branch.") % {
                    "name": self.name,
                    "role": role,
                }
            case Reason.PARENT if step.scope:
                return _("%(name)s has the parent role %(role)s, which gives “%(label)s” on every branch.") % {
                    "name": self.name,
                    "role": role,
                    "label": label,
                }
            case Reason.PARENT:
                return _("%(name)s has the parent role %(role)s, which does not give “%(label)s”.") % {
                    "name": self.name,
                    "role": role,
                    "label": label,
                }
            case Reason.NO_MEMBERSHIP:
                return _("%(name)s is not a member of %(branch)s.") % {"name": self.name, "branch": branch}
            case Reason.REMOVED:
                return _("%(name)s was %(role)s on %(branch)s and has been removed.") % {
                    "name": self.name,
                    "role": role,
                    "branch": branch,
                }
            case Reason.BRANCH_CLOSED:
                return _("%(branch)s is closed, so its memberships give no access.") % {"branch": branch}
            case Reason.ROLE:
                return _("%(name)s is %(role)s on %(branch)s. The role gives “%(label)s: %(scope)s”.") % {
                    "name": self.name,
                    "role": role,
                    "branch": branch,
                    "label": label,
                    "scope": step.scope.label,
                }
        return self._override(label, step, role, branch)

    def _override(self, label: str, step: Step, role: str, branch: str) -> str:
        override = step.override
        if override is None:
            raise AssertionError("an override's step carries the override")
        source = _("An override by %(author)s (“%(reason)s”)") if override.author else _("An override (“%(reason)s”)")
        named = {
            "name": self.name,
            "role": role,
            "branch": branch,
            "label": label,
            "scope": override.scope.label,
            "override": source % {"author": override.author, "reason": override.reason},
        }
        if step.because is Reason.OVERRIDE:
            if override.expires_at is None:
                return (
                    _(
                        "%(name)s is %(role)s on %(branch)s. %(override)s sets “%(label)s” to %(scope)s instead of "
                        "the role."
                    )
                    % named
                )
            return _(
                "%(name)s is %(role)s on %(branch)s. %(override)s sets “%(label)s” to %(scope)s until %(when)s "
                "instead of the role."
            ) % {**named, "when": _when(override.expires_at)}
        if step.because is Reason.OVERRIDE_ENDED:
            return _("%(override)s set “%(label)s” to %(scope)s and ended on %(when)s.") % {
                **named,
                "when": _when(override.expires_at),
            }
        return _("%(override)s for “%(label)s” has no effect: the role %(role)s does not allow it.") % named

    def _reach(self, codename: str, record: Record, effective: EffectiveScope) -> bool:
        clauses = self.mandate.clauses(record.branch_id, codename, record.record_type) or ()
        clause = next(clause for clause in clauses if clause.codename == codename)
        reached = self.mandate.within(clause, record, share_reader(self.mandate))
        if reached:
            matched = "; ".join(self._matched(reach, record) for reach in Scope if reached & reach)
            self._say(
                _("%(record)s is within this scope: %(matched)s.") % {"record": record.reference, "matched": matched}
            )
        else:
            self._say(
                _("%(record)s is outside this scope: %(missed)s.")
                % {"record": record.reference, "missed": "; ".join(self._missed(clause, record))}
            )
        return bool(reached)

    def _matched(self, reach: Scope, record: Record) -> str:
        if reach is Scope.CREATED:
            return _("%(name)s created it") % {"name": self.name}
        if reach is Scope.RESPONSIBLE:
            return _("%(name)s owns it") % {"name": self.name}
        if reach is Scope.SHARED:
            return _("it is shared with %(name)s") % {"name": self.name}
        return _("its owner, %(responsible)s, is in a team with %(name)s") % {
            "responsible": record.responsible,
            "name": self.name,
        }

    def _missed(self, clause: Clause, record: Record) -> Iterator[str]:
        if clause.scope & Scope.CREATED:
            yield _("%(name)s did not create it") % {"name": self.name}
        if clause.scope & Scope.RESPONSIBLE:
            yield (
                _("%(responsible)s owns it") % {"responsible": record.responsible}
                if record.responsible_id
                else _("it has no owner")
            )
        if clause.scope & Scope.SHARED:
            yield _("it is not shared with %(name)s") % {"name": self.name}
        if clause.scope & Scope.TEAM and record.responsible_id:
            yield _("%(responsible)s and %(name)s are not in the same team") % {
                "responsible": record.responsible,
                "name": self.name,
            }


def _label(codename: str) -> str:
    return catalogue.get(codename).label


def _when(moment: datetime | None) -> str:
    return written(moment, DateTimeForm.LONG_MOMENT)
