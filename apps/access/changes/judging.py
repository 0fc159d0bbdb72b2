"""The guards of access model, section 6, held against the rows of a change.

Every table of access has its guards here, whichever change writes it: so a change, its undoing and its preview are
judged by the same words. What is compared are Mandates, before and after, compiled from facts on which the rows have
been tried; nothing is written for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import models

from apps.access import policy, shares
from apps.access.changes.diff import Diff, Row
from apps.access.changes.ground import Ground
from apps.access.changes.refusals import (
    Above,
    Escalation,
    Guard,
    Ladder,
    LockedRole,
    NoSuchTarget,
    NotPresent,
    Oneself,
    OperatorOnly,
    Overtaken,
    PublishedRole,
    Refusal,
    RightMissing,
    Shielded,
    SingleRole,
)
from apps.access.facts import Facts, MembershipFacts, OverrideFacts, RoleFacts
from apps.access.mandate import Mandate
from apps.access.models import AccessRequest, OperatorSession, Override
from apps.access.records import Record
from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from apps.roles.models import Role, RoleGrant
from apps.roles.schemes import Grant
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership, ParentMembership, Team, TeamMember, account_ids_of

# What somebody does in place of a change about themselves, where it is not to ask a colleague.
INSTEAD: Mapping[type, str] = {Authenticator: "Change it on the page about yourself."}
# The branch of nowhere: what a parent role gives where no membership counts.
NOWHERE = 0
ACTIVE = Membership.Status.ACTIVE
# Two people whose rights have the same ground are judged once; of so many different ones none is kept.
MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a change is judged, where they are not those of its tables.

    `needs` are the permissions that it needs in place of what its rows need; `lifts` are guards that do not bind it.
    """

    needs: tuple[str, ...] | None = None
    lifts: frozenset[Guard] = frozenset()


@dataclass
class Judge:
    """Holds the guards against the rows of one change. `judged` is whose rights count, where it is not the actor."""

    ground: Ground
    terms: Terms = field(default_factory=Terms)
    judged: User | None = None

    def __post_init__(self) -> None:
        self._known: dict[Any, Refusal | None] = {}
        self._emails: dict[str, int | None] = {}
        self._codenames = [permission.codename for permission in catalogue.permissions()]
        self._settled: dict[tuple[int, datetime], Mandate] = {}
        self._diff = Diff()
        self._holders: Mapping[int | None, frozenset[int]] = {}

    def _person(self, row: Row) -> int | None:
        """The user whom a row concerns; None where it concerns nobody in particular.

        An invitation concerns whoever has its address, as long as it can still be accepted.
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

    def refusals(self, diff: Diff) -> Iterator[Refusal]:
        """The first refusal of each row that is refused.

        Raises:
            NoSuchTarget: the one who acts has nothing to do with the account, so to them it is not there.
        """
        acting = self._acting().facts
        if not (acting.operator or acting.parent or acting.memberships):
            raise NoSuchTarget("There is no such account.")
        roles = {row.either.pk if row.model is Role else row.either.role_id for row in diff.rows if _is_of_role(row)}
        self._holders = _holders(self.ground, roles)
        self._diff = diff
        self.__dict__.pop("_before", None)
        self.__dict__.pop("_after", None)
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        for row in diff.rows:
            refusal = next(self._guards(row), None)
            if refusal is not None:
                refusal.line = row.line
                yield refusal

    @cached_property
    def _before(self) -> Mapping[int, Facts]:
        """The facts of those whom the rows concern, where a guard asks for them."""
        concerned = {user_id for row in self._diff.rows if (user_id := self._person(row)) is not None}
        return self.ground.people(concerned.union(*self._holders.values()))

    @cached_property
    def _after(self) -> Mapping[int, Facts]:
        """The people's facts as they would be with the rows written."""
        after = dict(self._before)
        for row in self._diff.rows:
            if row.model is RoleGrant:
                for person in self._held_by(row):
                    after[person] = _regranted(after[person], row)
                continue
            person = self._person(row) or 0
            if person not in after:
                continue
            facts = after[person]
            if row.model is ParentMembership:
                parent = None if row.after is None else self.ground.role(row.after.role_id)
                after[person] = replace(facts, parent=parent)
            elif row.model in (Membership, Override):
                memberships = dict(facts.memberships)
                tried = (
                    _membership(self.ground, memberships, row)
                    if row.model is Membership
                    else _overridden(memberships, row)
                )
                if tried is None:
                    memberships.pop(row.either.branch_id, None)
                else:
                    memberships[tried.branch_id] = tried
                after[person] = replace(facts, memberships=memberships)
        return after

    def _guards(self, row: Row) -> Iterator[Refusal]:
        guards = (
            (Guard.ONESELF, self._oneself),
            (Guard.RIGHT, self._right),
            (Guard.SHIELD, self._shield),
            (Guard.PUBLISHED, self._published),
            (Guard.SINGLE, self._single),
            (Guard.LOCKED, self._locked),
            (Guard.LADDER, self._ladder),
            (Guard.ABOVE, self._above),
            (Guard.ESCALATION, self._escalation),
            (Guard.FRESH, self._fresh),
        )
        for guard, ask in guards:
            if guard not in self.terms.lifts:
                yield from ask(row)

    @property
    def _actor_id(self) -> int | None:
        judged = self.judged or self.ground.actor
        return None if judged is None else judged.pk

    @property
    def operates(self) -> bool:
        """Whether the actor is a platform operator in an open session, or the one at the console."""
        return self._acting().facts.operator

    def _acting(self, at: datetime | None = None) -> Mandate:
        return self.ground.acting(self.judged, at)

    # Oneself

    def _oneself(self, row: Row) -> Iterator[Refusal]:
        if self._actor_id is None:
            return
        if _is_of_role(row):
            role = row.either if row.model is Role else row.either.role
            if role.account_id is not None and self._actor_id in self._held_by(row):
                yield Oneself("Nobody changes the role that they hold.", "Ask somebody else who may.")
            return
        if self._person(row) != self._actor_id:
            return
        own = {
            Membership: "Nobody changes their own role or membership.",
            Override: "Nobody changes their own overrides.",
            ParentMembership: "Nobody changes their own parent role.",
            Invitation: "Nobody invites themselves.",
            Authenticator: "Nobody resets their own second factor here.",
        }.get(row.model)
        if row.model is AccessRequest and row.after is not None and row.after.status in ("approved", "declined"):
            own = "Nobody decides on their own request."
        if own is not None:
            yield Oneself(own, INSTEAD.get(row.model, "Ask somebody else who may."))

    # Right

    def _held_by(self, row: Row) -> frozenset[int]:
        """Who holds the own role that a row is of."""
        return self._holders[row.either.pk if row.model is Role else row.either.role_id]

    def _right(self, row: Row) -> Iterator[Refusal]:
        if self.operates:
            return
        facts = self._acting().facts
        if not facts.active:
            yield NotPresent("You have been deactivated.", "Ask the platform's operators.")
            return
        if facts.account.status == Account.Status.CLOSED:
            yield NotPresent(f"{self.ground.account} is closed.", "Ask the platform's operators to open it again.")
            return
        if self.terms.needs is not None:
            needs: list[tuple[str, models.Model]] = [
                (codename, place) for codename in self.terms.needs for place in self._places_of(row, codename)
            ]
        else:
            try:
                needs = list(_needs(self.ground, row, self._actor_id))
            except _OperatorsAlone as alone:
                yield OperatorOnly(str(alone), "Ask the platform's operators.")
                return
        mandate = self._acting()
        for codename, place in needs:
            permission = policy.asked_of(codename, place)
            if not policy.decide(mandate, permission, place):
                yield RightMissing(codename, place)
                return

    def _places_of(self, row: Row, codename: str) -> list[models.Model]:
        """What a permission is asked of; for a row that is about no branch in particular, of every open one."""
        target = catalogue.get(codename).target
        if target is catalogue.Target.ACCOUNT:
            return [self.ground.account]
        if target is catalogue.Target.RECORD:
            return [row.either.content_object]
        branch_id = _branch(row)
        places = sorted(self.ground.facts.open_branches) if branch_id is None else [branch_id]
        return [self.ground.branch(place) for place in places]

    # Shield, published, single, locked, ladder

    def _shield(self, row: Row) -> Iterator[Refusal]:
        person = self._person(row)
        if not self.ground.scheme.shield or person in (None, self._actor_id) or self.operates:
            return
        if row.model in (AccessRequest, TeamMember):
            return
        held = self._before[person].memberships.values() if person in self._before else ()
        published = self.ground.scheme.roles
        if any(m.active and m.role.key in published and published[m.role.key].single for m in held):
            yield Shielded(
                f"{self.ground.name(person)} is shielded: only they see or change their own details and rights.",
                "Ask them.",
            )

    def _published(self, row: Row) -> Iterator[Refusal]:
        if row.model is Membership and row.after is not None and row.after.status == ACTIVE:
            newly = row.before is None or (row.before.role_id, row.before.status) != (row.after.role_id, ACTIVE)
            if newly and self.ground.role(row.after.role_id).key not in self.ground.scheme.roles:
                yield from self._no_own_roles()
        elif row.model is Invitation and row.after is not None and row.after.status == Invitation.Status.PENDING:
            if self.ground.role(row.after.role_id).key not in self.ground.scheme.roles:
                yield from self._no_own_roles()
        elif _is_of_role(row):
            role = row.either if row.model is Role else row.either.role
            if role.account_id is None:
                yield PublishedRole(
                    f"{role.name} is a published role, which nobody redefines.", "Copy it, where roles can be copied."
                )
                return
            yield from self._no_own_roles()
            if row.model is Role and row.before is None:
                yield from self._no_copy(row.after)

    def _no_own_roles(self) -> Iterator[Refusal]:
        scheme, features = self.ground.scheme, self.ground.facts.features
        if not scheme.custom_roles:
            yield PublishedRole(
                f"{scheme.name} has no roles of one's own.", "Override single permissions of a member instead."
            )
        elif scheme.custom_roles_feature and features is not None and scheme.custom_roles_feature not in features:
            yield PublishedRole("The account's plan has no roles of one's own.", "Choose a plan that has them.")

    def _no_copy(self, role: Role) -> Iterator[Refusal]:
        """What a new own role may not be."""
        based_on = role.based_on
        if based_on is None or based_on.locked or based_on.kind != Role.Kind.BRANCH:
            yield PublishedRole(f"{based_on} is not copied.", "Copy a branch role that is not locked.")
        elif role.key in self.ground.scheme.roles:
            yield PublishedRole(f"“{role.key}” is a published role's name.", "Choose another name.")

    def _single(self, row: Row) -> Iterator[Refusal]:
        roles = []
        if row.model is Membership:
            for side in (row.before, row.after):
                if side is not None and side.status == ACTIVE:
                    roles.append(side.role_id)
            if len(roles) == 2 and roles[0] == roles[1]:
                return
        elif row.model is Invitation and row.after is not None and row.after.status == "pending":
            roles.append(row.after.role_id)
        for role_id in roles:
            role = self.ground.role(role_id)
            if self.ground.scheme.roles.get(role.key) is not None and self.ground.scheme.roles[role.key].single:
                yield SingleRole(
                    f"{role.name} has exactly one holder, and is neither given nor taken.",
                    "Transfer the ownership instead.",
                )
                return

    def _locked(self, row: Row) -> Iterator[Refusal]:
        if row.model is RoleGrant and row.after is not None:
            yield from self._never_grantable(row.after)
        if row.model not in (Override, AccessRequest) or row.after is None:
            return
        if row.model is AccessRequest and (row.before is not None or shared_verb(row.after)):
            return
        membership = self._before[row.after.user_id].memberships.get(row.after.branch_id)
        if membership is None:
            return
        if membership.role.locked:
            yield LockedRole(
                f"The role {membership.role.name} is locked, and takes no overrides.", "Give them another role first."
            )
        elif not membership.role.grant(row.after.permission).grantable:
            label = catalogue.get(row.after.permission).label
            yield LockedRole(
                f"“{label}” is never grantable to the role {membership.role.name}.",
                "Give them a role that has it.",
            )

    def _never_grantable(self, grant: RoleGrant) -> Iterator[Refusal]:
        based_on = grant.role.based_on
        published = None if based_on is None else self.ground.scheme.roles[based_on.key].grants[grant.permission]
        if published is not None and not published.grantable and grant.scope:
            label = catalogue.get(grant.permission).label
            yield LockedRole(
                f"“{label}” is never grantable in {based_on}, and so not in a copy of it.",
                "Copy a role that has it.",
            )

    def _ladder(self, row: Row) -> Iterator[Refusal]:
        if not self.ground.scheme.up_only or row.after is None:
            return
        held: list[RoleFacts] = []
        if row.model is Membership and row.before is not None:
            held = [self.ground.role(row.before.role_id)]
        elif row.model is Invitation and row.after.status == Invitation.Status.PENDING:
            # What a removed member was counts when they come back.
            facts = self._before.get(self._person(row) or 0)
            places = self._invited_to(row.after)
            removed = facts.memberships if facts is not None else {}
            held = [removed[place].role for place in places if place in removed and not removed[place].active]
        for before in held:
            yield from self._lower(before, self.ground.role(row.after.role_id))

    def _lower(self, before: RoleFacts, after: RoleFacts) -> Iterator[Refusal]:
        if after.rank < before.rank:
            yield Ladder(
                f"A role moves only up in {self.ground.scheme.name}, and {after.name} is below {before.name}.",
                "Remove the member with a removal plan, delete them from the Restore list, and add them again.",
            )

    # Above and escalation

    def _scope(self, mandate: Mandate, branch_id: int, codename: str) -> Scope:
        """The scope on the branch; of what is asked of the account, the union over its branches (section 3)."""
        if catalogue.get(codename).target is catalogue.Target.ACCOUNT:
            return mandate.everywhere(codename)
        return mandate.effective(branch_id, codename).scope

    def _own(self, at: datetime) -> Mandate:
        """What the actor may at an instant, whatever the plan happens to give; an operator may everything."""
        mandate = self._acting(at)
        if mandate.facts.operator:
            return mandate
        key = (mandate.user_id, mandate.now)
        if key not in self._settled:
            self._settled[key] = Mandate(_settled(mandate.facts), mandate.now)
        return self._settled[key]

    def _above(self, row: Row) -> Iterator[Refusal]:
        if self.operates or row.model in (AccessRequest, TeamMember):
            return
        if row.model is ParentMembership and policy.decide(
            self._acting(), catalogue.get("administer_parent_roles"), self.ground.account
        ):
            return
        if row.model is RoleGrant or (row.model is Role and row.before is not None):
            people: Iterable[int] = sorted(self._held_by(row))
        else:
            person = self._person(row)
            people = [] if person is None else [person]
        for person in people:
            facts = self._before.get(person)
            if facts is None or person == self._actor_id:
                continue
            for branch_id in self._places(row, facts):
                standing = dict.fromkeys(self._instants(facts), 0)
                key = ("above", branch_id, _signature(facts, branch_id, standing, everywhere=True))
                if key not in self._known:
                    self._known[key] = self.exceeds(facts, branch_id)
                if (found := self._known[key]) is not None:
                    yield Above(f"{self.ground.name(person)} {found.sentence}", found.instead)
                    return

    def exceeds(self, facts: Facts, branch_id: int) -> Refusal | None:
        """In what somebody may more on the branch than the actor; None where in nothing."""
        theirs, own = Mandate(_settled(facts), self.ground.now), self._own(self.ground.now)
        for codename in self._codenames:
            if not self._scope(own, branch_id, codename).covers(self._scope(theirs, branch_id, codename)):
                label = catalogue.get(codename).label
                return Above(
                    f"may more than you here: “{label}” goes further for them.",
                    "Ask somebody who may at least as much as they do.",
                )
        return None

    def _escalation(self, row: Row) -> Iterator[Refusal]:
        if self.operates:
            return
        if row.model is RoleGrant:
            for person in sorted(self._held_by(row)):
                facts = self._before[person]
                for branch_id in self._places(row, facts):
                    yield from self._known_gain(facts, self._after[person], branch_id, row.either.permission)
        elif row.model is Invitation:
            yield from self._wider_invitation(row)
        elif row.model is TeamMember and row.before is None:
            yield from self._wider_team(row)
        elif issubclass(row.model, shares.UserShare | shares.TeamShare):
            yield from self._wider_share(row)
        elif row.model in (Membership, Override, ParentMembership):
            person = self._person(row) or 0
            before, after = self._before.get(person), self._after.get(person)
            if before is None or after is None:
                return
            only = row.either.permission if row.model is Override else None
            for branch_id in self._places(row, before):
                yield from self._known_gain(before, after, branch_id, only)

    def _known_gain(self, before: Facts, after: Facts, branch_id: int, only: str | None) -> Iterator[Refusal]:
        # Ends count by their order alone: thousands of people with an end each are judged once.
        order = {end: place for place, end in enumerate(self._instants(before, after))}
        own = tuple(sorted(order[end] for end in self._own_ends if end in order))
        sides = (_signature(facts, branch_id, order, only=only) for facts in (before, after))
        key = ("gain", branch_id, only, own, *sides)
        if key not in self._known:
            self._known[key] = self._gain(_settled(before), _settled(after), branch_id, only)
        if (found := self._known[key]) is not None:
            yield Escalation(found.sentence, found.instead)

    def _gain(self, before: Facts, after: Facts, branch_id: int, only: str | None) -> Refusal | None:
        """A scope that the person has after and not before, and that the actor does not have, at some instant."""
        for at in self._instants(before, after):
            was, is_now, own = Mandate(before, at), Mandate(after, at), self._own(at)
            for codename in [only] if only else self._codenames:
                given = is_now.effective(branch_id, codename).scope
                if was.effective(branch_id, codename).scope.covers(given):
                    continue
                if not self._scope(own, branch_id, codename).covers(given):
                    return _wider(codename, given, later=at > self.ground.now)
        return None

    def _instants(self, *people: Facts) -> list[datetime]:
        """Now, and whenever an override of one of these people or of the actor ends."""
        ends = self._own_ends.union(*(facts.ends for facts in people))
        return [self.ground.now, *sorted(end for end in ends if end > self.ground.now)] if ends else [self.ground.now]

    @cached_property
    def _own_ends(self) -> frozenset[datetime]:
        return self._acting().facts.ends

    def _wider_invitation(self, row: Row) -> Iterator[Refusal]:
        """What the role would give to somebody who has nothing yet."""
        if row.after is None or row.after.status != Invitation.Status.PENDING:
            return
        role = self.ground.role(row.after.role_id)
        nobody = Facts(0, active=True, operator=False, account=self.ground.facts, parent=None, memberships={})
        facts = self._before.get(self._person(row) or 0, nobody)
        for branch_id in self._invited_to(row.after):
            held = facts.memberships.get(branch_id) or MembershipFacts(branch_id, role, active=True)
            if branch_id in facts.memberships and held.active:
                continue
            joined = {**facts.memberships, branch_id: replace(held, role=role, active=True)}
            yield from self._known_gain(facts, replace(facts, memberships=joined), branch_id, None)

    def _invited_to(self, invitation: Invitation) -> list[int]:
        return sorted(self.ground.facts.open_branches) if invitation.branch_id is None else [invitation.branch_id]

    def _wider_share(self, row: Row) -> Iterator[Refusal]:
        """A share gives what the actor may do to this very record themselves, now and until all their ends."""
        if row.after is not None:
            yield from self._gives(row.after)

    def _gives(self, share: shares.UserShare | shares.TeamShare) -> Iterator[Refusal]:
        record: Record = share.content_object  # type: ignore[union-attr] # each table has its own
        codename = shares.codename_of(share.permission_id)
        for at in self._instants():
            mandate = self._acting(at)
            if not policy.decide(mandate, catalogue.get(codename), record):
                label = catalogue.get(codename).label
                yield Escalation(
                    f"You would give “{label}” on {record.reference}, which you do not have"
                    f"{' for as long' if at > self.ground.now else ''}.",
                    "Give what you have yourself, or ask somebody who has it.",
                )
                return

    def _wider_team(self, row: Row) -> Iterator[Refusal]:
        """Whoever puts somebody in a team gives what is shared with the team."""
        group_id = row.after.team.group_id
        if group_id is None:
            return
        key = ("team", group_id)
        if key not in self._known:
            self._known[key] = next(
                (found for share in shares.of_group(group_id) for found in self._gives(share)), None
            )
        if (found := self._known[key]) is not None:
            yield Escalation(found.sentence, found.instead)

    def _places(self, row: Row, facts: Facts) -> list[int]:
        """The branches on which a row makes a difference to somebody."""
        if row.model is Invitation:
            return self._invited_to(row.after)
        if _is_of_role(row):
            role_id = row.either.pk if row.model is Role else row.either.role_id
            return sorted(branch for branch, held in facts.memberships.items() if held.role.id == role_id)
        branch_id = _branch(row)
        if branch_id is not None:
            return [branch_id]
        return [*sorted(self.ground.facts.open_branches), NOWHERE]

    # Fresh

    def _fresh(self, row: Row) -> Iterator[Refusal]:
        if row.seen is None:
            return
        standing = {} if row.before is None else {name: getattr(row.before, name) for name in row.seen}
        if row.seen == standing and bool(row.seen) == (row.before is not None):
            return
        if row.before is not None and not row.seen:
            standing = {column.attname: getattr(row.before, column.attname) for column in row.model._meta.fields}
        names = {*row.seen, *standing}
        differences = {
            name: (row.seen.get(name), standing.get(name)) for name in names if row.seen.get(name) != standing.get(name)
        }
        yield Overtaken("Somebody has changed this since the page was opened.", differences)


def above_anywhere(ground: Ground, user_id: int) -> Refusal | None:
    """How somebody's scopes exceed the actor's, on some open branch or on the account; None where they do nowhere."""
    judge = Judge(ground)
    facts = ground.people([user_id]).get(user_id)
    if facts is None or judge.operates:
        return None
    places = (judge.exceeds(facts, branch_id) for branch_id in [*sorted(ground.facts.open_branches), NOWHERE])
    return next((found for found in places if found is not None), None)


class _OperatorsAlone(Exception):
    """No permission gives this; a platform operator may."""


def _needs(ground: Ground, row: Row, actor_id: int | None) -> Iterator[tuple[str, models.Model]]:
    """The permissions that a row needs, each with what it is asked of.

    Raises:
        _OperatorsAlone: it is a platform operator's act.
    """
    kind = next((kind for kind in NEEDS if issubclass(row.model, kind)), None)
    if kind is None:
        raise NoSuchTarget(f"Nobody changes {row.model._meta.verbose_name_plural}.")
    yield from NEEDS[kind](ground, row, actor_id)


Needs = Iterator[tuple[str, models.Model]]


def _of_membership(ground: Ground, row: Row, _: int | None) -> Needs:
    branch = ground.branch(row.either.branch_id)
    if row.before is None:
        yield "add_to_branches", ground.account
    elif row.after is None or row.before.status != row.after.status:
        yield "remove_members", branch
    else:
        yield "change_roles", branch


def _of_parent_role(ground: Ground, row: Row, _: int | None) -> Needs:
    verb = "grant" if row.before is None else "revoke" if row.after is None else "change"
    administers = catalogue.get("administer_parent_roles").codename
    mandate = ground.acting()
    held = policy.decide(mandate, catalogue.get(administers), ground.account)
    yield (administers if held else f"{verb}_parent_roles"), ground.account


def _of_override(ground: Ground, row: Row, _: int | None) -> Needs:
    yield "manage_member_permissions", ground.branch(row.either.branch_id)


def _of_share(ground: Ground, row: Row, _: int | None) -> Needs:
    verb = "grant" if row.before is None else "revoke" if row.after is None else "change"
    yield f"{verb}_record_access", row.either.content_object


def _of_team(ground: Ground, row: Row, _: int | None) -> Needs:
    yield "manage_teams", ground.branch(row.either.branch_id)


def _of_place_in_team(ground: Ground, row: Row, _: int | None) -> Needs:
    yield "manage_teams", ground.branch(row.either.team.branch_id)


def _of_invitation(ground: Ground, row: Row, _: int | None) -> Needs:
    invitation = row.either
    branches = [invitation.branch_id] if invitation.branch_id else sorted(ground.facts.open_branches)
    for branch_id in branches:
        yield "invite_members", ground.branch(branch_id)


def _of_role(ground: Ground, row: Row, _: int | None) -> Needs:
    yield "manage_roles", ground.account


def _of_branch(ground: Ground, row: Row, _: int | None) -> Needs:
    if "seats" in row.changed:
        raise _OperatorsAlone("Only a platform operator changes this.")
    if row.before is None:
        yield "add_branch", ground.account
    elif row.after is None or row.before.status != row.after.status:
        yield "delete_branch", ground.branch(row.before.pk)
    else:
        yield "change_branch", ground.branch(row.before.pk)


def _of_account(ground: Ground, row: Row, _: int | None) -> Needs:
    changed = row.changed.keys()
    if changed & {"features", "seats", "read_only"} or (
        row.before is not None and row.before.status == Account.Status.CLOSED
    ):
        raise _OperatorsAlone("Only a platform operator changes this.")
    if "status" in changed:
        yield "delete_account", ground.account
    if changed - {"status", "closes_at"}:
        yield "change_account", ground.account


def _of_user(ground: Ground, row: Row, actor_id: int | None) -> Needs:
    if row.changed.keys() - {"name", "time_zone"}:
        raise _OperatorsAlone("Only a platform operator changes this.")
    if row.either.pk == actor_id:
        return
    if set(account_ids_of(row.either.pk)) - {ground.account.pk}:
        raise _OperatorsAlone("Only they themselves change their name.")
    yield _where_they_are(ground, row.either.pk, "change_members")


def _of_second_factor(ground: Ground, row: Row, actor_id: int | None) -> Needs:
    if set(account_ids_of(row.either.user_id)) - {ground.account.pk}:
        raise _OperatorsAlone("Only a platform operator resets the second factor of somebody who works elsewhere, too.")
    yield _where_they_are(ground, row.either.user_id, "reset_mfa")


def _where_they_are(ground: Ground, user_id: int, codename: str) -> tuple[str, models.Model]:
    """The permission, on a branch of somebody's where the actor holds it; on another one of theirs where on none."""
    held = ground.people([user_id])[user_id].memberships.values()
    everywhere = ground.facts.open_branches
    places = everywhere & {member.branch_id for member in held if member.active} or everywhere
    if not places:
        raise _OperatorsAlone("No branch is open here.")
    asked = catalogue.get(codename)
    able = {place for place in places if policy.decide(ground.acting(), asked, ground.branch(place))}
    return asked.codename, ground.branch(min(able or places))


def _of_request(ground: Ground, row: Row, actor_id: int | None) -> Needs:
    request = row.either
    decided = ("approved", "declined")
    if any(side is not None and side.status in decided for side in (row.before, row.after)):
        record = request.find_record() if shared_verb(request) else None
        if record is None:
            yield "manage_member_permissions", ground.branch(request.branch_id)
        else:
            yield "grant_record_access", record
    elif request.user_id != actor_id:
        raise _OperatorsAlone("A request is made and withdrawn by the one who asks.")


def _of_operator_session(ground: Ground, row: Row, _: int | None) -> Needs:
    raise _OperatorsAlone("Only a platform operator has such sessions.")


NEEDS: Mapping[type, Callable[[Ground, Row, int | None], Needs]] = {
    Membership: _of_membership,
    ParentMembership: _of_parent_role,
    Override: _of_override,
    shares.UserShare: _of_share,
    shares.TeamShare: _of_share,
    Team: _of_team,
    TeamMember: _of_place_in_team,
    Invitation: _of_invitation,
    Role: _of_role,
    RoleGrant: _of_role,
    Branch: _of_branch,
    Account: _of_account,
    User: _of_user,
    Authenticator: _of_second_factor,
    AccessRequest: _of_request,
    OperatorSession: _of_operator_session,
}


def _is_of_role(row: Row) -> bool:
    return row.model in (Role, RoleGrant)


def _holders(ground: Ground, role_ids: Iterable[int | None]) -> dict[int | None, frozenset[int]]:
    """Who holds each of these roles, removed members too; nobody holds one that is yet to come."""
    found: dict[int | None, set[int]] = {role_id: set() for role_id in role_ids}
    held = Membership.objects.filter(account=ground.account, role__in=[pk for pk in found if pk is not None])
    for role_id, user_id in held.values_list("role", "user"):
        found[role_id].add(user_id)
    return {role_id: frozenset(user_ids) for role_id, user_ids in found.items()}


def _settled(facts: Facts) -> Facts:
    """The facts as what was given makes them: deactivations and plans come and go, and what was given stays."""
    account = replace(facts.account, features=None, read_only=False, status=str(Account.Status.ACTIVE))
    return replace(facts, active=True, operator=False, account=account)


def shared_verb(request: AccessRequest) -> str | None:
    """The verb that a share would give, where a request asks for one on a record; None where an override is asked."""
    if request.record_id is None:
        return None
    verb, _, record_type = request.permission.partition("_")
    shareable = verb in catalogue.record_type(request.record_type).share_verbs
    return verb if shareable and record_type == request.record_type else None


def _branch(row: Row) -> int | None:
    """The branch that a row is about; None where it is about the whole account."""
    if row.model is Branch:
        return row.either.pk if row.before is not None else None
    if issubclass(row.model, shares.UserShare | shares.TeamShare):
        return int(row.either.content_object.branch_id)
    if row.model is TeamMember:
        return int(row.either.team.branch_id)
    found: int | None = getattr(row.either, "branch_id", None)
    return found


def _signature(
    facts: Facts,
    branch_id: int,
    order: Mapping[datetime, int],
    *,
    only: str | None = None,
    everywhere: bool = False,
) -> tuple[Any, ...]:
    """What decides a user's scopes on a branch: two users with the same one have the same scopes there.

    Of overrides, whoever set them and why, those count whose end is in `order`, by its number, or that have none.
    `only`: for this permission. `everywhere`: and on the account, whose permissions are the union over the branches.
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
            f"You would give “{label}” ({given.label}) for longer than you have it yourself.",
            "Let it end no later than yours.",
        )
    return Escalation(
        f"You would give “{label}” ({given.label}), which goes further than your own.",
        "Give at most what you have, or ask somebody who has it.",
    )


def _membership(ground: Ground, memberships: Mapping[int, MembershipFacts], row: Row) -> MembershipFacts | None:
    if row.after is None:
        return None
    role = ground.role(row.after.role_id)
    held = memberships.get(row.after.branch_id) or MembershipFacts(row.after.branch_id, role, active=True)
    return replace(held, role=role, active=row.after.status == ACTIVE)


def _overridden(memberships: Mapping[int, MembershipFacts], row: Row) -> MembershipFacts | None:
    held = memberships.get(row.either.branch_id)
    if held is None:
        return None
    overrides = {name: override for name, override in held.overrides.items() if name != row.either.permission}
    if row.after is not None:
        override = row.after
        overrides[override.permission] = OverrideFacts(
            override.permission, Scope(override.scope), override.reason, "", override.expires_at
        )
    return replace(held, overrides=overrides)


def _regranted(facts: Facts, row: Row) -> Facts:
    """A holder's facts with another line in their role."""
    memberships = dict(facts.memberships)
    for branch_id, held in facts.memberships.items():
        if held.role.id == row.either.role_id:
            grants = {name: grant for name, grant in held.role.grants.items() if name != row.either.permission}
            if row.after is not None:
                grants[row.after.permission] = Grant(Scope(row.after.scope), row.after.grantable)
            memberships[branch_id] = replace(held, role=replace(held.role, grants=grants))
    return replace(facts, memberships=memberships)
