"""The Mandate: facts compiled into answers with their reasons. No I/O; the only implementation of the rules.

`may` asks it about one record, `visible_to` turns the same clauses into SQL, `explain` puts the steps into words.
The sections named below are those of the access model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from apps.access.facts import Facts, MembershipFacts, OverrideFacts, RoleFacts
from apps.access.records import RecordLike
from apps.access.shares import share_codename
from apps.roles import catalogue
from apps.roles.catalogue import Target
from apps.roles.scopes import Scope

_CREATED, _RESPONSIBLE, _SHARED, _TEAM, _ALL = (
    int(reach) for reach in (Scope.CREATED, Scope.RESPONSIBLE, Scope.SHARED, Scope.TEAM, Scope.ALL)
)
# Every set of scopes by number: creating one takes longer than the rest of a decision.
_SCOPES = tuple(Scope(number) for number in range(2 * Scope.ALL))

# An id that no user has.
NOBODY = 0


class Reason(StrEnum):
    """The reason for a scope: the steps of section 3."""

    ACCOUNT_CLOSED = "account_closed"
    PLAN = "plan"
    READ_ONLY = "read_only"
    INACTIVE = "inactive"
    OPERATOR = "operator"
    SUPREME = "supreme"
    PARENT = "parent"
    NO_MEMBERSHIP = "no_membership"
    REMOVED = "removed"
    BRANCH_CLOSED = "branch_closed"
    ROLE = "role"
    OVERRIDE = "override"
    OVERRIDE_ENDED = "override_ended"
    OVERRIDE_IGNORED = "override_ignored"


@dataclass(frozen=True, slots=True)
class Step:
    """One step towards an effective scope, with what it adds."""

    because: Reason
    scope: Scope = Scope.NONE
    role: RoleFacts | None = None
    override: OverrideFacts | None = None


@dataclass(frozen=True, slots=True)
class EffectiveScope:
    """An effective scope with its steps."""

    scope: Scope
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of a decision: the record is within `scope`; `share` is the permission whose shares count."""

    codename: str
    scope: int
    share: str | None


Shares = Callable[[RecordLike, frozenset[int]], frozenset[str]]
"""Reads, for the Mandate's user and the groups of their teams, which permissions shares of a record give."""


class Profile:
    """A role with its overrides. Branches with the same ones share the compiled result."""

    __slots__ = ("clauses", "effective", "membership")

    def __init__(self, membership: MembershipFacts | None) -> None:
        self.membership = membership
        self.effective: dict[str, EffectiveScope] = {}
        self.clauses: dict[tuple[str, str], tuple[Clause, ...] | None] = {}


class Mandate:
    """What one user may do in one account at one time, and why.

    `valid_until` is the earliest end of an override or an operator's session; afterwards the facts must be compiled
    again.
    """

    def __init__(self, facts: Facts, now: datetime, *, secrets_of: int | None = None) -> None:
        self.facts = facts
        self.now = now
        self.user_id = facts.user_id
        # The owner of visible private contacts: the user, unless another person views as them.
        self.secrets_of = facts.user_id if secrets_of is None else secrets_of
        self.account_id = facts.account.id
        until = facts.operator_until
        self.operator = facts.active and facts.operator and (until is None or now < until)
        self._scheme = facts.account.scheme
        self._outside = Profile(None)
        self._profiles: dict[object, Profile] = {}
        self._by_branch = {
            branch: self._profile(membership)
            for branch, membership in facts.memberships.items()
            if membership.active and branch in facts.account.open_branches
        }
        ends = [
            override.expires_at
            for membership in facts.memberships.values()
            for override in membership.overrides.values()
            if override.expires_at is not None and override.expires_at > now
        ]
        if self.operator and until is not None:
            ends.append(until)
        self.valid_until = min(ends, default=None)

    @cached_property
    def without_secrets(self) -> Mandate:
        """Return the Mandate of a person who views as the user: private records are excluded."""
        return Mandate(self.facts, self.now, secrets_of=NOBODY)

    def effective(self, branch_id: int, codename: str) -> EffectiveScope:
        """Return the effective scope of a permission on a branch (section 3), with its steps.

        Raises:
            UnknownPermission: the catalogue has no such permission.
        """
        profile = self._by_branch.get(branch_id)
        if profile is not None:
            return self._effective(profile, codename)
        found = self._effective(self._outside, codename)
        if found.steps and found.steps[-1].because is Reason.NO_MEMBERSHIP and branch_id in self.facts.memberships:
            removed = not self.facts.memberships[branch_id].active
            why = Step(
                Reason.REMOVED if removed else Reason.BRANCH_CLOSED,
                role=self.facts.memberships[branch_id].role,
            )
            return EffectiveScope(found.scope, (*found.steps[:-1], why))
        return found

    def everywhere(self, codename: str) -> Scope:
        """Return the scope of an account permission: the union over its branches and the parent role (section 3)."""
        reaches = 0
        for profile in (self._outside, *self._profiles.values()):
            reaches |= int(self._effective(profile, codename).scope)
        return _SCOPES[_ALL if reaches & _ALL else reaches]

    def allows(self, codename: str, branch_id: int | None) -> bool:
        """Return whether the permission and its prerequisites are given on the branch or (without one) the account.

        On the account, the scope is the union over the branches and the parent role (section 3).
        """
        profiles = (
            [self._outside, *self._by_branch.values()]
            if branch_id is None
            else [self._by_branch.get(branch_id, self._outside)]
        )
        return all(
            any(self._effective(profile, needed).scope for profile in profiles)
            for needed in self._scheme.closure(codename)
        )

    def may(self, codename: str, record: RecordLike, shares: Shares) -> bool:
        """Return whether the record is within the permission and its prerequisites, and not private to another user.

        The prerequisites apply record by record, as a conjunction (section 4); privacy only narrows (section 5).
        """
        if record.account_id != self.account_id or self.is_private_to_another(record):
            return False
        clauses = self.clauses(record.branch_id, codename, record.record_type)
        if clauses is None or not self._within_all(clauses, record, shares):
            return False
        if catalogue.record_type(record.record_type).follows_about:
            about = record.about
            return about is not None and self.may(f"view_{about.record_type}", about, shares)
        return True

    def is_private_to_another(self, record: RecordLike) -> bool:
        """Return whether the record, or one that it is about (transitively), is private to another user (section 5)."""
        seen: RecordLike | None = record
        while seen is not None:
            if seen.private and seen.responsible_id != self.secrets_of:
                return True
            seen = seen.about
        return False

    def clauses(self, branch_id: int, codename: str, record_type: str) -> tuple[Clause, ...] | None:
        """Return the clauses that a record on the branch must satisfy; None if none can. `all` needs no clause."""
        profile = self._by_branch.get(branch_id, self._outside)
        key = (codename, record_type)
        if key not in profile.clauses:
            profile.clauses[key] = self._compile(profile, codename, record_type)
        return profile.clauses[key]

    def within(self, clause: Clause, record: RecordLike, shares: Shares) -> Scope:
        """Return the scopes of the clause that contain the record (section 2); `NONE` if none does."""
        scope, reached = clause.scope, 0
        if scope & _ALL:
            reached |= _ALL
        if scope & _CREATED and record.created_by_id == self.user_id:
            reached |= _CREATED
        if scope & _RESPONSIBLE and record.responsible_id == self.user_id:
            reached |= _RESPONSIBLE
        if scope & (_TEAM | _SHARED) and record.branch_id in self._by_branch:
            membership = self.facts.memberships[record.branch_id]
            if scope & _TEAM and record.responsible_id in membership.mates:
                reached |= _TEAM
            if scope & _SHARED and not reached and clause.share in shares(record, membership.groups):
                reached |= _SHARED
        return _SCOPES[reached]

    def branches(self) -> Iterator[tuple[int, MembershipFacts, Profile]]:
        """Yield the branches with an effective membership, with the membership and its profile."""
        for branch_id, profile in self._by_branch.items():
            yield branch_id, self.facts.memberships[branch_id], profile

    def beyond(self, codename: str, record_type: str) -> tuple[Clause, ...] | None:
        """Return the clauses on every other branch: what the parent role alone gives."""
        return self.clauses(0, codename, record_type)

    def allows_anywhere(self, codename: str) -> bool:
        """Return whether any branch, or the parent role, gives the permission and its prerequisites: for menus."""
        permission = catalogue.get(codename)
        profiles = [self._outside, *self._profiles.values()]
        if permission.target is not Target.RECORD:
            return any(
                all(self._effective(p, needed).scope for needed in self._scheme.closure(codename)) for p in profiles
            )
        types = permission.record_types or tuple(record_type.name for record_type in catalogue.record_types())
        return any(self._compile(profile, codename, name) is not None for profile in profiles for name in types)

    def _within_all(self, clauses: tuple[Clause, ...], record: RecordLike, shares: Shares) -> bool:
        known: list[frozenset[str]] = []

        def once(subject: RecordLike, groups: frozenset[int]) -> frozenset[str]:
            if not known:
                known.append(shares(subject, groups))
            return known[0]

        return all(self.within(clause, record, once) for clause in clauses)

    def clause(self, branch_id: int, codename: str, record_type: str) -> Clause | None:
        """Return the condition of this one permission, without prerequisites; None if nothing can satisfy it."""
        return self._clause(self._by_branch.get(branch_id, self._outside), codename, record_type)

    def _compile(self, profile: Profile, codename: str, record_type: str) -> tuple[Clause, ...] | None:
        clauses = []
        for needed in self._scheme.closure(codename, record_type):
            clause = self._clause(profile, needed, record_type)
            if clause is None:
                return None
            if not clause.scope & _ALL:
                clauses.append(clause)
        return tuple(clauses)

    def _clause(self, profile: Profile, codename: str, record_type: str) -> Clause | None:
        scope = self._effective(profile, codename).scope
        return Clause(codename, int(scope), share_codename(codename, record_type)) if scope else None

    def _profile(self, membership: MembershipFacts) -> Profile:
        key = (membership.role.id, frozenset(membership.overrides.values()))
        if key not in self._profiles:
            self._profiles[key] = Profile(membership)
        return self._profiles[key]

    def _effective(self, profile: Profile, codename: str) -> EffectiveScope:
        found = profile.effective.get(codename)
        if found is None:
            found = profile.effective[codename] = self._resolve(profile.membership, codename)
        return found

    def _resolve(self, membership: MembershipFacts | None, codename: str) -> EffectiveScope:
        """Apply the steps of section 3 in order."""
        permission = catalogue.get(codename)
        account, parent = self.facts.account, self.facts.parent
        if account.status == "closed" and not self.operator:
            return EffectiveScope(Scope.NONE, (Step(Reason.ACCOUNT_CLOSED),))
        if permission.feature and account.features is not None and permission.feature not in account.features:
            return EffectiveScope(Scope.NONE, (Step(Reason.PLAN),))
        if not self.facts.active:
            return EffectiveScope(Scope.NONE, (Step(Reason.INACTIVE),))
        if self.operator:
            return EffectiveScope(Scope.ALL, (Step(Reason.OPERATOR, Scope.ALL),))
        if account.read_only and not permission.holds_read_only:
            return EffectiveScope(Scope.NONE, (Step(Reason.READ_ONLY),))
        steps = []
        if parent is not None and parent.supreme:
            return EffectiveScope(Scope.ALL, (Step(Reason.SUPREME, Scope.ALL, parent),))
        if parent is not None:
            steps.append(Step(Reason.PARENT, parent.grant(codename).scope, parent))
        if membership is None:
            steps.append(Step(Reason.NO_MEMBERSHIP))
        else:
            steps.extend(self._membership_steps(membership, codename))
        scope = Scope.NONE
        for step in steps:
            if step.because not in (Reason.OVERRIDE_ENDED, Reason.OVERRIDE_IGNORED):
                scope |= step.scope
        return EffectiveScope(Scope.ALL if scope & Scope.ALL else scope, tuple(steps))

    def _membership_steps(self, membership: MembershipFacts, codename: str) -> Iterator[Step]:
        role, grant = membership.role, membership.role.grant(codename)
        override = membership.overrides.get(codename)
        if override is not None:
            if role.locked or not grant.grantable:
                yield Step(Reason.OVERRIDE_IGNORED, override.scope, role, override)
            elif override.expires_at is not None and override.expires_at <= self.now:
                yield Step(Reason.OVERRIDE_ENDED, override.scope, role, override)
            else:
                yield Step(Reason.OVERRIDE, override.scope, role, override)
                return
        yield Step(Reason.ROLE, grant.scope, role)
