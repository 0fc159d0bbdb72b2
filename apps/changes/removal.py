"""Remove, restore and permanently delete members, with an offboarding plan for their records; leave an account.

A removed membership gives no access immediately, and everything that belongs to it stays. So restoring brings all of it
back.
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


def memberships_of(context: ChangeContext, user_id: int, branch_id: int | None, status: str) -> list[Membership]:
    """Return the user's memberships with that status, on one open branch or (without one) on all.

    Raises:
        NoSuchTarget: there is none, or the branch is closed.
    """
    memberships_there = Membership.objects.filter(
        account=context.account, user=user_id, branch__status=Branch.Status.ACTIVE
    )
    place = context.account if branch_id is None else open_branch(context, branch_id)
    if branch_id is not None:
        memberships_there = memberships_there.filter(branch=branch_id)
    memberships = list(memberships_there.select_related("branch", "user").order_by("pk"))
    if not memberships:
        raise NoSuchTarget(_("That member doesn't exist in %(place)s.") % {"place": place})
    wanted = [membership for membership in memberships if membership.status == status]
    if not wanted:
        there = status == REMOVED
        sentence = _("%(name)s is already a member.") if there else _("%(name)s was already removed.")
        raise NoSuchTarget(sentence % {"name": context.name(user_id)})
    return wanted


@dataclass(frozen=True, kw_only=True)
class _Offboarding(Change):
    """Remove memberships and hand over the records in the offboarding plan; other record types keep their owner.

    The plan must always cover private contacts, so that it never shows whether there are any.
    """

    removal_plan: HandOverPlan

    branch_id: int | None = None

    @abstractmethod
    def _user_id(self, context: ChangeContext) -> int:
        """Return the user who leaves."""

    def _departing(self, context: ChangeContext) -> list[Membership]:
        return memberships_of(context, self._user_id(context), self.branch_id, ACTIVE)

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the memberships as removed."""
        departing = self._departing(context)
        if self.removal_plan.private is None:
            raise NoSuchTarget(
                _("The offboarding plan doesn't cover private contacts."),
                _("Choose a new owner for them, or delete them."),
            )
        return rows(*(updated(membership, status=REMOVED, removed_at=context.now) for membership in departing))

    def accompany(self, context: ChangeContext) -> None:
        """Hand over the records, branch by branch.

        Raises:
            NoSuchTarget: a new owner is not an active member of each branch.
        """
        for membership in self._departing(context):
            portfolio = Portfolio(context.account, membership.user, membership.branch)
            try:
                handover.hand_over(portfolio, self.removal_plan, actor=context.actor)
            except HandOverRefused as refused:
                raise NoSuchTarget(str(refused)) from refused

    def notes(self, context: ChangeContext) -> Iterable[str]:
        """Say that a parent role is separate from memberships and stays."""
        user_id = self._user_id(context)
        for parent_membership in ParentMembership.objects.filter(account=context.account, user=user_id).select_related(
            "role"
        ):
            yield _("%(name)s keeps the parent role %(role)s until it is revoked.") % {
                "name": context.name(user_id),
                "role": parent_membership.role,
            }

    def log(self, context: ChangeContext, written: OperationInProgress) -> None:
        """Log the new owner of each record type. The records' own history says which records moved.

        The entry is the same whether there are private contacts or not.
        """
        chosen: dict[str, int | None] = dict(self.removal_plan.to)
        private = self.removal_plan.private
        if isinstance(private, HandOver):
            chosen["private"] = private.user_id
        people = {user.pk: str(user) for user in User.objects.filter(pk__in=[pk for pk in chosen.values() if pk])}
        names = {name: people.get(pk or 0, "nobody") for name, pk in chosen.items()}
        if isinstance(private, Delete):
            names["private"] = "deleted"
        person = User.objects.get(pk=self._user_id(context))
        written.add(
            context.account.pk,
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
    """Remove a member from one branch or (without one) from all. Needs `remove_members` on each.

    A parent role is no membership: it stays until it is revoked.
    """

    verb = verbs.MEMBER_REMOVED

    user_id: int

    def _user_id(self, context: ChangeContext) -> int:
        return self.user_id


@dataclass(frozen=True, kw_only=True)
class Leave(_Offboarding):
    """Leave one branch or (without one) all, if the role system allows it and a keeper remains."""

    verb = verbs.MEMBER_LEFT
    terms = GuardTerms(needs=(), lifts=frozenset({Guard.ONESELF}))
    undo_terms = GuardTerms()

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the memberships as removed, if the role system allows members to leave."""
        found = super().plan(context)
        if not context.scheme.leave:
            raise OwnAccess(
                _("Members can't leave by themselves in %(scheme)s.") % {"scheme": context.scheme.name},
                _("Ask a colleague who has the permission."),
            )
        return found

    def _user_id(self, context: ChangeContext) -> int:
        if context.actor is None:
            raise NoSuchTarget(_("The command line has no member who could leave."), _("Remove the member instead."))
        return context.actor.pk


@dataclass(frozen=True, kw_only=True)
class RestoreMember(Change):
    """Restore a removed member on one branch or (without one) on all. Needs `remove_members` there."""

    verb = verbs.MEMBER_RESTORED

    user_id: int
    branch_id: int | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the memberships as active; role, teams, overrides and shares apply again by themselves."""
        removed = memberships_of(context, self.user_id, self.branch_id, REMOVED)
        return rows(*(updated(membership, status=ACTIVE, removed_at=None) for membership in removed))


@dataclass(frozen=True, kw_only=True)
class DeleteMember(Change):
    """Delete a removed member permanently. Needs `remove_members` on each branch.

    The overrides, team places and shares on that branch are deleted too. Records, and history with the name, stay.
    """

    verb = verbs.MEMBER_DELETED
    terms = GuardTerms(needs=("remove_members",))
    final = gettext_lazy("A permanently deleted member can't be restored. Invite them instead.")

    user_id: int
    branch_id: int | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the deletion of the memberships and everything that belongs to them."""
        removed = memberships_of(context, self.user_id, self.branch_id, REMOVED)
        row_changes: list[RowChange] = []
        for membership in removed:
            overrides = Override.objects.filter(branch=membership.branch_id, user=self.user_id)
            places = TeamMember.objects.filter(team__branch=membership.branch_id, user=self.user_id)
            row_changes += map(deleted, shares.of_user(self.user_id, membership.branch_id))
            row_changes += map(deleted, places.select_related("team"))
            row_changes += map(deleted, overrides)
            row_changes.append(deleted(membership))
        return rows(*row_changes)
