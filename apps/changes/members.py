"""Memberships: the role of a member, and adding members to branches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.access import verbs
from apps.changes.base import Change, rows
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange, inserted, updated
from apps.changes.guards.judging import GuardTerms
from apps.changes.refusals import NoSuchTarget
from apps.changes.teams import open_branch
from apps.roles.models import Role
from apps.teams.models import Membership, ParentMembership


def membership_of(context: ChangeContext, membership_id: int, *, status: str = Membership.Status.ACTIVE) -> Membership:
    """Return the membership with that id in this account, in that status.

    Raises:
        NoSuchTarget: there is none, or it has another status.
    """
    membership = context.find(Membership, membership_id, _("membership"))
    if membership.status != status:
        removed = membership.status == Membership.Status.REMOVED
        sentence = _("%(name)s was removed.") if removed else _("%(name)s is already a member.")
        raise NoSuchTarget(sentence % {"name": context.name(membership.user_id)})
    return membership


def branch_role(context: ChangeContext, role_id: int) -> int:
    """Return the id of a branch role that the account can give.

    Raises:
        NoSuchTarget: the role is not such a role.
    """
    role = context.usable_role(role_id)
    if role.kind != Role.Kind.BRANCH:
        raise NoSuchTarget(
            _("%(role)s is a parent role: it covers the whole account, not one branch.") % {"role": role.name},
            _("Grant it as a parent role."),
        )
    return role.id


def joined(context: ChangeContext, user_id: int, role_id: int, branch_ids: Iterable[int]) -> list[RowChange]:
    """Plan the user as an active member of these branches with that role: new, or restored.

    Active memberships stay as they are. Restored ones keep their overrides, shares and teams.
    """
    held = Membership.objects.filter(account=context.account, user=user_id)
    standing = {membership.branch_id: membership for membership in held}
    found = []
    for branch_id in sorted(branch_ids):
        membership = standing.get(branch_id)
        if membership is None:
            new = Membership(
                account=context.account, branch_id=branch_id, user_id=user_id, role_id=role_id, joined_at=context.now
            )
            found.append(inserted(new))
        elif membership.status == Membership.Status.REMOVED:
            found.append(updated(membership, role_id=role_id, status=Membership.Status.ACTIVE, removed_at=None))
    return found


@dataclass(frozen=True, kw_only=True)
class ChangeRole(Change):
    """Change a member's role on their branch. Needs `change_roles` there."""

    verb = verbs.ROLE_CHANGED

    membership_id: int
    role_id: int
    seen: Mapping[str, Any] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan one membership with another role."""
        membership = membership_of(context, self.membership_id)
        role_id = branch_role(context, self.role_id)
        return rows(updated(membership, role_id=role_id, seen=self.seen))


@dataclass(frozen=True, kw_only=True)
class AddToBranch(Change):
    """Add a member of the account to another branch. Needs `add_to_branches` on the account."""

    verb = verbs.MEMBER_ADDED
    terms = GuardTerms(needs=("add_to_branches",))
    undo_terms = GuardTerms()

    user_id: int
    branch_id: int
    role_id: int

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan one membership, new or restored."""
        branch = open_branch(context, self.branch_id)
        role_id = branch_role(context, self.role_id)
        active = Membership.objects.active().filter(account=context.account, user=self.user_id)
        held = ParentMembership.objects.filter(account=context.account, user=self.user_id)
        if not active.exists() and not held.exists():
            raise NoSuchTarget(
                _("That member doesn't exist in %(account)s.") % {"account": context.account}, _("Invite them.")
            )
        if active.filter(branch=branch).exists():
            name = context.name(self.user_id)
            raise NoSuchTarget(
                _("%(name)s is already a member of %(branch)s.") % {"name": name, "branch": branch},
                _("Change their role there."),
            )
        return rows(*joined(context, self.user_id, role_id, [branch.pk]))
