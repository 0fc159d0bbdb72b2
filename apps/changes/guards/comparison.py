"""Guards above and no escalation: you can't grant more than you have, or change a member with broader access."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from apps.access import policy, shares
from apps.access.facts import Facts, MembershipFacts
from apps.access.mandate import Mandate
from apps.access.models import AccessRequest, Override
from apps.access.records import Record
from apps.changes.diff import RowChange
from apps.changes.guards.evaluation import EvaluationContext
from apps.changes.guards.trial import settled
from apps.changes.refusals import Escalation, Refusal, TargetOutranksActor
from apps.roles import catalogue
from apps.roles.models import Role, RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership, ParentMembership, TeamMember

# Users with equal access are checked once; the cache is cleared at this size.
MOST_KNOWN = 10_000


@dataclass
class PrivilegeComparison:
    """Compares the scopes of users, before and after, with the actor's."""

    case: EvaluationContext

    def __post_init__(self) -> None:
        self._known: dict[Any, Any] = {}
        self._settled: dict[tuple[int, datetime], Mandate] = {}
        self._codenames = [permission.codename for permission in catalogue.permissions()]

    def forget(self) -> None:
        """Store no results, for bulk changes."""
        if len(self._known) > MOST_KNOWN:
            self._known.clear()

    def _scope(self, mandate: Mandate, branch_id: int, codename: str) -> Scope:
        """Return the scope on the branch; for account permissions, the union over its branches (section 3)."""
        if catalogue.get(codename).target is catalogue.Target.ACCOUNT:
            return mandate.everywhere(codename)
        return mandate.effective(branch_id, codename).scope

    def _own(self, at: datetime) -> Mandate:
        """Return the actor's scope at a time, regardless of the plan; operators have every permission."""
        mandate = self.case.acting(at)
        if mandate.facts.operator:
            return mandate
        key = (mandate.user_id, mandate.now)
        if key not in self._settled:
            self._settled[key] = Mandate(settled(mandate.facts), mandate.now)
        return self._settled[key]

    def above(self, row: RowChange) -> Iterator[Refusal]:
        """Guard above: the affected user's access is broader than the actor's."""
        if self.case.operates or row.model in (AccessRequest, TeamMember):
            return
        if row.model is ParentMembership and policy.decide(
            self.case.acting(), catalogue.get("administer_parent_roles"), self.case.context.account
        ):
            return
        if row.model is RoleGrant or (row.model is Role and row.before is not None):
            people: Iterable[int] = sorted(self.case.held_by(row))
        else:
            person = self.case.person(row)
            people = [] if person is None else [person]
        for person in people:
            facts = self.case.before.get(person)
            if facts is None or person == self.case.actor_id:
                continue
            for branch_id in self.case.places(row, facts):
                standing = dict.fromkeys(self._instants(facts), 0)
                key = ("above", branch_id, _signature(facts, branch_id, standing, everywhere=True))
                if key not in self._known:
                    self._known[key] = self.exceeds(facts, branch_id)
                if (codename := self._known[key]) is not None:
                    yield TargetOutranksActor.by(self.case.context.name(person), codename)
                    return

    def exceeds(self, facts: Facts, branch_id: int) -> str | None:
        """Return a permission in which the user's scope on the branch exceeds the actor's; None if there is none."""
        theirs, own = Mandate(settled(facts), self.case.context.now), self._own(self.case.context.now)
        for codename in self._codenames:
            if not self._scope(own, branch_id, codename).covers(self._scope(theirs, branch_id, codename)):
                return codename
        return None

    def escalation(self, row: RowChange) -> Iterator[Refusal]:
        """Guard no escalation: the row grants more than the actor has, or for longer."""
        if self.case.operates:
            return
        if row.model is RoleGrant:
            for person in sorted(self.case.held_by(row)):
                facts = self.case.before[person]
                for branch_id in self.case.places(row, facts):
                    yield from self._known_gain(facts, self.case.after[person], branch_id, row.either.permission)
        elif row.model is Invitation:
            yield from self._wider_invitation(row)
        elif row.model is TeamMember and row.before is None:
            yield from self._wider_team(row)
        elif issubclass(row.model, shares.UserShare | shares.TeamShare):
            yield from self._wider_share(row)
        elif row.model in (Membership, Override, ParentMembership):
            person = self.case.person(row) or 0
            before, after = self.case.before.get(person), self.case.after.get(person)
            if before is None or after is None:
                return
            only = row.either.permission if row.model is Override else None
            for branch_id in self.case.places(row, before):
                yield from self._known_gain(before, after, branch_id, only)

    def _known_gain(self, before: Facts, after: Facts, branch_id: int, only: str | None) -> Iterator[Refusal]:
        # Only the order of ends matters: thousands of users with different ends are checked once.
        order = {end: place for place, end in enumerate(self._instants(before, after))}
        own = tuple(sorted(order[end] for end in self._own_ends if end in order))
        sides = (_signature(facts, branch_id, order, only=only) for facts in (before, after))
        key = ("gain", branch_id, only, own, *sides)
        if key not in self._known:
            self._known[key] = self._gain(settled(before), settled(after), branch_id, only)
        if (refusal := self._known[key]) is not None:
            yield Escalation(refusal.sentence, refusal.instead)

    def _gain(self, before: Facts, after: Facts, branch_id: int, only: str | None) -> Refusal | None:
        """Return a scope that the user gains and the actor does not have, at some time."""
        for at in self._instants(before, after):
            was, is_now, own = Mandate(before, at), Mandate(after, at), self._own(at)
            for codename in [only] if only else self._codenames:
                given = is_now.effective(branch_id, codename).scope
                if was.effective(branch_id, codename).scope.covers(given):
                    continue
                if not self._scope(own, branch_id, codename).covers(given):
                    return _wider(codename, given, later=at > self.case.context.now)
        return None

    def _instants(self, *people: Facts) -> list[datetime]:
        """Return now, and each time at which an override of these users or of the actor ends."""
        ends = self._own_ends.union(*(facts.ends for facts in people))
        now = self.case.context.now
        return [now, *sorted(end for end in ends if end > now)]

    @cached_property
    def _own_ends(self) -> frozenset[datetime]:
        return self.case.acting().facts.ends

    def _wider_invitation(self, row: RowChange) -> Iterator[Refusal]:
        """Return what the role would give to a user without any access."""
        if row.after is None or row.after.status != Invitation.Status.PENDING:
            return
        role = self.case.context.role(row.after.role_id)
        nobody = Facts(0, active=True, operator=False, account=self.case.context.facts, parent=None, memberships={})
        facts = self.case.before.get(self.case.person(row) or 0, nobody)
        for branch_id in self.case.invited_to(row.after):
            held = facts.memberships.get(branch_id) or MembershipFacts(branch_id, role, active=True)
            if branch_id in facts.memberships and held.active:
                continue
            joined = {**facts.memberships, branch_id: replace(held, role=role, active=True)}
            yield from self._known_gain(facts, replace(facts, memberships=joined), branch_id, None)

    def _wider_share(self, row: RowChange) -> Iterator[Refusal]:
        """Check that the actor has the shared access to this record, now and until all of their overrides end."""
        if row.after is not None:
            yield from self._gives(row.after)

    def _gives(self, share: shares.UserShare | shares.TeamShare) -> Iterator[Refusal]:
        record: Record = share.content_object  # type: ignore[union-attr] # each table has its own
        codename = shares.codename_of(share.permission_id)
        for at in self._instants():
            mandate = self.case.acting(at)
            if not policy.decide(mandate, catalogue.get(codename), record):
                if not self.case.sees(record):
                    yield Escalation(
                        _("You can't share something that you can't access yourself."),
                        _("Ask a colleague who has access."),
                    )
                    return
                label = catalogue.get(codename).label
                sentence = (
                    _("You can't grant “%(label)s” on %(record)s: your own access ends earlier.")
                    if at > self.case.context.now
                    else _("You can't grant “%(label)s” on %(record)s: you don't have it yourself.")
                )
                yield Escalation(
                    sentence % {"label": label, "record": record.reference},
                    _("Grant only what you have, or ask a colleague who has it."),
                )
                return

    def _wider_team(self, row: RowChange) -> Iterator[Refusal]:
        """Adding a user to a team grants them what is shared with the team."""
        group_id = row.after.team.group_id
        if group_id is None:
            return
        key = ("team", group_id)
        if key not in self._known:
            self._known[key] = next(
                (refusal for share in shares.of_group(group_id) for refusal in self._gives(share)), None
            )
        if (refusal := self._known[key]) is not None:
            yield Escalation(refusal.sentence, refusal.instead)


def _signature(
    facts: Facts,
    branch_id: int,
    order: Mapping[datetime, int],
    *,
    only: str | None = None,
    everywhere: bool = False,
) -> tuple[Any, ...]:
    """Return what determines a user's scopes on a branch; users with equal signatures have equal scopes there.

    Overrides count if they have no end, or an end in `order`, by its number; author and reason don't matter.
    `only`: for this permission. `everywhere`: include the account's permissions, the union over the branches.
    """
    parent = None if facts.parent is None else facts.parent.id
    held = facts.memberships if everywhere else {branch_id: facts.memberships.get(branch_id)}
    return parent, frozenset(
        (branch, membership.active, membership.role, _counting(membership, order, only))
        for branch, membership in held.items()
        if membership is not None
    )


def _counting(membership: MembershipFacts, order: Mapping[datetime, int], only: str | None) -> frozenset[Any]:
    return frozenset(
        (override.permission, override.scope, override.expires_at and order[override.expires_at])
        for override in membership.overrides.values()
        if only in (None, override.permission) and (override.expires_at is None or override.expires_at in order)
    )


def _wider(codename: str, given: Scope, *, later: bool) -> Escalation:
    label = catalogue.get(codename).label
    if later:
        return Escalation(
            _("You can't grant “%(label)s: %(given)s” for longer than you have it yourself.")
            % {"label": label, "given": given.label},
            _("Choose an end no later than your own."),
        )
    return Escalation(
        _("You can't grant “%(label)s: %(given)s”: it is broader than your own access.")
        % {"label": label, "given": given.label},
        _("Grant at most what you have, or ask a colleague who has it."),
    )
