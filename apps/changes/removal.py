"""Who goes and who comes back: removal with its plan, the Restore list, deletion from it, and leaving by oneself.

A removed membership gives nothing from the next request on, and nothing that hangs on it is touched: so restoring
brings everything back as it was.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access import handover, shares, verbs
from apps.access.handover import Delete, HandOver, HandOverPlan, HandOverRefused, Portfolio
from apps.access.models import Override
from apps.accounts.models import Branch, User
from apps.audit.services import EntryValues as Entry
from apps.audit.services import OperationInProgress
from apps.changes.base import Change, rows
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange, deleted, updated
from apps.changes.guards.judging import GuardTerms
from apps.changes.refusals import Guard, NoSuchTarget, OwnAccess
from apps.changes.teams import open_branch
from apps.teams.models import Membership, ParentMembership, TeamMember

ACTIVE, REMOVED = Membership.Status.ACTIVE, Membership.Status.REMOVED


def memberships_of(ground: ChangeContext, user_id: int, branch_id: int | None, status: str) -> list[Membership]:
    """The user's memberships in that state, on one open branch or (without one) on all of them.

    Raises:
        NoSuchTarget: there is none, or the branch is closed.
    """
    held = Membership.objects.filter(account=ground.account, user=user_id, branch__status=Branch.Status.ACTIVE)
    place = ground.account if branch_id is None else open_branch(ground, branch_id)
    if branch_id is not None:
        held = held.filter(branch=branch_id)
    memberships = list(held.select_related("branch", "user").order_by("pk"))
    if not memberships:
        raise NoSuchTarget(_("That member doesn't exist in %(place)s.") % {"place": place})
    wanted = [membership for membership in memberships if membership.status == status]
    if not wanted:
        there = status == REMOVED
        sentence = _("%(name)s is already a member.") if there else _("%(name)s was already removed.")
        raise NoSuchTarget(sentence % {"name": ground.name(user_id)})
    return wanted


@dataclass(frozen=True, kw_only=True)
class _Offboarding(Change):
    """Somebody goes, and their records go where the removal plan says: a type that it does not name stays theirs.

    Private contacts are handed over or deleted in any case, since nobody is told whether there are any.
    """

    removal_plan: HandOverPlan

    branch_id: int | None = None

    @abstractmethod
    def _user_id(self, ground: ChangeContext) -> int:
        """Who goes."""

    def _departing(self, ground: ChangeContext) -> list[Membership]:
        return memberships_of(ground, self._user_id(ground), self.branch_id, ACTIVE)

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The memberships, moved to the Restore list."""
        departing = self._departing(ground)
        if self.removal_plan.private is None:
            raise NoSuchTarget(
                _("The offboarding plan doesn't cover private contacts."),
                _("Choose a new owner for them, or delete them."),
            )
        return rows(*(updated(membership, status=REMOVED, removed_at=ground.now) for membership in departing))

    def accompany(self, ground: ChangeContext) -> None:
        """Hand the records over, branch by branch.

        Raises:
            NoSuchTarget: whoever is to receive them is no active member of each branch.
        """
        for membership in self._departing(ground):
            portfolio = Portfolio(ground.account, membership.user, membership.branch)
            try:
                handover.hand_over(portfolio, self.removal_plan, actor=ground.actor)
            except HandOverRefused as refused:
                raise NoSuchTarget(str(refused)) from refused

    def notes(self, ground: ChangeContext) -> Iterable[str]:
        """A parent role is no membership, and stays."""
        user_id = self._user_id(ground)
        for held in ParentMembership.objects.filter(account=ground.account, user=user_id).select_related("role"):
            yield _("%(name)s keeps the parent role %(role)s until it is revoked.") % {
                "name": ground.name(user_id),
                "role": held.role,
            }

    def log(self, ground: ChangeContext, written: OperationInProgress) -> None:
        """Say who answers for the records now; which ones they are is in their own history.

        It says the same whether there are private contacts or not.
        """
        chosen: dict[str, int | None] = dict(self.removal_plan.to)
        private = self.removal_plan.private
        if isinstance(private, HandOver):
            chosen["private"] = private.user_id
        people = {user.pk: str(user) for user in User.objects.filter(pk__in=[pk for pk in chosen.values() if pk])}
        names = {name: people.get(pk or 0, "nobody") for name, pk in chosen.items()}
        if isinstance(private, Delete):
            names["private"] = "deleted"
        person = User.objects.get(pk=self._user_id(ground))
        written.add(
            ground.account.pk,
            [
                Entry(
                    target_type="access.removal_plan",
                    target_id=person.pk,
                    target_text=str(person),
                    branch_id=self.branch_id,
                    user_id=person.pk,
                    after={**chosen, "names": names},
                )
            ],
        )


@dataclass(frozen=True, kw_only=True)
class RemoveMember(_Offboarding):
    """Move a member to the Restore list, on one branch or (without one) on all. Needs `remove_members` on each.

    A parent role is no membership: it stays until it is revoked.
    """

    verb = verbs.MEMBER_REMOVED

    user_id: int

    def _user_id(self, ground: ChangeContext) -> int:
        return self.user_id


@dataclass(frozen=True, kw_only=True)
class Leave(_Offboarding):
    """Leave a branch, or (without one) all of them, by oneself: up to the last keeper, where the scheme lets people."""

    verb = verbs.MEMBER_LEFT
    terms = GuardTerms(needs=(), lifts=frozenset({Guard.ONESELF}))
    undo_terms = GuardTerms()

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The memberships, moved to the Restore list, where the scheme lets somebody leave."""
        found = super().plan(ground)
        if not ground.scheme.leave:
            raise OwnAccess(
                _("Members can't leave by themselves in %(scheme)s.") % {"scheme": ground.scheme.name},
                _("Ask a colleague who has the permission."),
            )
        return found

    def _user_id(self, ground: ChangeContext) -> int:
        if ground.actor is None:
            raise NoSuchTarget(_("The command line has no member who could leave."), _("Remove the member instead."))
        return ground.actor.pk


@dataclass(frozen=True, kw_only=True)
class RestoreMember(Change):
    """Bring a removed member back as they were, on one branch or (without one) on all. Needs `remove_members` there."""

    verb = verbs.MEMBER_RESTORED

    user_id: int
    branch_id: int | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The memberships active; role, teams, overrides and shares count again by themselves."""
        removed = memberships_of(ground, self.user_id, self.branch_id, REMOVED)
        return rows(*(updated(membership, status=ACTIVE, removed_at=None) for membership in removed))


@dataclass(frozen=True, kw_only=True)
class DeleteMember(Change):
    """Delete a removed member from the Restore list, for good. Needs `remove_members` on each branch.

    With the membership go the overrides, the places in teams and the shares of that branch; records, and history with
    the name, stay.
    """

    verb = verbs.MEMBER_DELETED
    terms = GuardTerms(needs=("remove_members",))
    final = gettext_lazy("A permanently deleted member can't be restored. Invite them instead.")

    user_id: int
    branch_id: int | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """All that hangs on the memberships, and they themselves."""
        removed = memberships_of(ground, self.user_id, self.branch_id, REMOVED)
        found: list[RowChange] = []
        for membership in removed:
            overrides = Override.objects.filter(branch=membership.branch_id, user=self.user_id)
            places = TeamMember.objects.filter(team__branch=membership.branch_id, user=self.user_id)
            found += map(deleted, shares.of_user(self.user_id, membership.branch_id))
            found += map(deleted, places.select_related("team"))
            found += map(deleted, overrides)
            found.append(deleted(membership))
        return rows(*found)
