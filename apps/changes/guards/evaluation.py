"""The rows of one change with the people they affect, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from django.db import models

from apps.access import policy, shares
from apps.access.facts import Facts
from apps.access.mandate import Mandate
from apps.access.models import Override
from apps.access.records import Record
from apps.accounts.models import Branch, User
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange
from apps.changes.guards.trial import with_grant, with_membership, with_override
from apps.roles import catalogue
from apps.roles.models import Role, RoleGrant
from apps.teams.models import Invitation, Membership, ParentMembership, TeamMember

# The key for no branch: what a parent role gives without a membership.
NOWHERE = 0


@dataclass
class EvaluationContext:
    """The rows to check, one batch after the other. `judged` is the user whose permissions count, if not the actor."""

    context: ChangeContext
    judged: User | None = None

    def __post_init__(self) -> None:
        self._emails: dict[str, int | None] = {}
        self._diff = Diff()
        self._holders: Mapping[int | None, frozenset[int]] = {}

    def take(self, diff: Diff) -> None:
        """Replace the earlier rows with these."""
        roles = {row.either.pk if row.model is Role else row.either.role_id for row in diff.rows if is_of_role(row)}
        self._holders = _holders(self.context, roles)
        self._diff = diff
        self.__dict__.pop("before", None)
        self.__dict__.pop("after", None)

    def person(self, row: RowChange) -> int | None:
        """Return the user whom a row affects; None if it affects no particular user.

        An invitation affects the user with its email address, as long as it can be accepted.
        """
        if row.model is User:
            return int(row.either.pk)
        if row.model is Invitation:
            if row.after is None or row.after.status == Invitation.Status.CANCELLED:
                return None
            return row.after.user_id or self._user_of(row.after.email)
        found: int | None = getattr(row.either, "user_id", None)
        return found

    def _user_of(self, email: str) -> int | None:
        if email not in self._emails:
            self._emails[email] = User.objects.filter(email=email).values_list("pk", flat=True).first()
        return self._emails[email]

    @cached_property
    def before(self) -> Mapping[int, Facts]:
        """Return the facts of the affected users, read on demand."""
        concerned = {user_id for row in self._diff.rows if (user_id := self.person(row)) is not None}
        return self.context.people(concerned.union(*self._holders.values()))

    @cached_property
    def after(self) -> Mapping[int, Facts]:
        """Return the users' facts as they would be with the rows written."""
        after = dict(self.before)
        for row in self._diff.rows:
            if row.model is RoleGrant:
                for person in self.held_by(row):
                    after[person] = with_grant(after[person], row)
                continue
            person = self.person(row) or 0
            if person not in after:
                continue
            facts = after[person]
            if row.model is ParentMembership:
                parent = None if row.after is None else self.context.role(row.after.role_id)
                after[person] = replace(facts, parent=parent)
            elif row.model in (Membership, Override):
                memberships = dict(facts.memberships)
                tried = (
                    with_membership(self.context, memberships, row)
                    if row.model is Membership
                    else with_override(memberships, row)
                )
                if tried is None:
                    memberships.pop(row.either.branch_id, None)
                else:
                    memberships[tried.branch_id] = tried
                after[person] = replace(facts, memberships=memberships)
        return after

    @property
    def actor_id(self) -> int | None:
        """Return the id of the user whose permissions count; None for the operator at the command line."""
        judged = self.judged or self.context.actor
        return None if judged is None else judged.pk

    @property
    def operates(self) -> bool:
        """Return whether the actor is a platform operator in an open session or at the command line."""
        return self.acting().facts.operator

    def acting(self, at: datetime | None = None) -> Mandate:
        """Return the Mandate of the user whose permissions count, now or at another time."""
        return self.context.acting(self.judged, at)

    def sees(self, place: models.Model) -> bool:
        """Return whether the user whose permissions count can view the place; only records can be invisible."""
        return not isinstance(place, Record) or policy.decide(
            self.acting(), catalogue.get(f"view_{place.record_type}"), place
        )

    def held_by(self, row: RowChange) -> frozenset[int]:
        """Return the holders of the custom role of a row."""
        return self._holders[row.either.pk if row.model is Role else row.either.role_id]

    def invited_to(self, invitation: Invitation) -> list[int]:
        """Return the branches of an invitation; every open one for an invitation to the account."""
        return sorted(self.context.facts.open_branches) if invitation.branch_id is None else [invitation.branch_id]

    def places(self, row: RowChange, facts: Facts) -> list[int]:
        """Return the branches on which a row changes somebody's access."""
        if row.model is Invitation:
            return self.invited_to(row.after)
        if is_of_role(row):
            role_id = row.either.pk if row.model is Role else row.either.role_id
            return sorted(branch for branch, held in facts.memberships.items() if held.role.id == role_id)
        branch_id = branch_of(row)
        if branch_id is not None:
            return [branch_id]
        return [*sorted(self.context.facts.open_branches), NOWHERE]


def is_of_role(row: RowChange) -> bool:
    """Return whether a row is a role or one of its grants."""
    return row.model in (Role, RoleGrant)


def _holders(context: ChangeContext, role_ids: Iterable[int | None]) -> dict[int | None, frozenset[int]]:
    """Return the holders of each of these roles, removed members included; a planned role has none."""
    found: dict[int | None, set[int]] = {role_id: set() for role_id in role_ids}
    held = Membership.objects.filter(account=context.account, role__in=[pk for pk in found if pk is not None])
    for role_id, user_id in held.values_list("role", "user"):
        found[role_id].add(user_id)
    return {role_id: frozenset(user_ids) for role_id, user_ids in found.items()}


def branch_of(row: RowChange) -> int | None:
    """Return the branch of a row; None if it is about the whole account."""
    if row.model is Branch:
        return row.either.pk if row.before is not None else None
    if issubclass(row.model, shares.UserShare | shares.TeamShare):
        return int(row.either.content_object.branch_id)
    if row.model is TeamMember:
        return int(row.either.team.branch_id)
    found: int | None = getattr(row.either, "branch_id", None)
    return found
