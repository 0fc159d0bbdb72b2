"""Parent roles: at most one account-wide role for a user, in addition to memberships."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.access import verbs
from apps.changes.base import Change, rows
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, deleted, inserted, updated
from apps.changes.refusals import NoSuchTarget
from apps.roles.models import Role
from apps.teams.models import Membership, ParentMembership


def parent_role(context: ChangeContext, role_id: int) -> int:
    """Return the id of a parent role that the account can give.

    Raises:
        NoSuchTarget: the role is not a parent role.
    """
    role = context.usable_role(role_id)
    if role.kind != Role.Kind.PARENT:
        raise NoSuchTarget(
            _("%(role)s is a branch role, not a parent role.") % {"role": role.name},
            _("Give it to a member of a branch."),
        )
    return role.id


def held_parent_role(context: ChangeContext, user_id: int) -> ParentMembership:
    """Return the user's parent role in the account.

    Raises:
        NoSuchTarget: the user has none.
    """
    parent_membership = ParentMembership.objects.filter(account=context.account, user=user_id).first()
    if parent_membership is None:
        raise NoSuchTarget(_("This member has no parent role."), _("Grant one first."))
    return parent_membership


@dataclass(frozen=True, kw_only=True)
class GrantParentRole(Change):
    """Give a member of the account a parent role. Needs `grant_parent_roles`."""

    verb = verbs.PARENT_ROLE_GRANTED

    user_id: int
    role_id: int
    seen: Mapping[str, Any] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan one parent role."""
        role_id = parent_role(context, self.role_id)
        parent_membership = ParentMembership.objects.filter(account=context.account, user=self.user_id).first()
        if parent_membership is not None and self.seen is None:
            raise NoSuchTarget(
                _("%(name)s already has a parent role.") % {"name": context.name(self.user_id)},
                _("Change it instead."),
            )
        if not Membership.objects.active().filter(account=context.account, user=self.user_id).exists():
            raise NoSuchTarget(
                _("That member doesn't exist in %(account)s.") % {"account": context.account}, _("Invite them first.")
            )
        if parent_membership is not None:
            return rows(updated(parent_membership, role_id=role_id, granted_at=context.now, seen=self.seen))
        granted = ParentMembership(
            account=context.account, user_id=self.user_id, role_id=role_id, granted_at=context.now
        )
        return rows(inserted(granted, seen=self.seen))


@dataclass(frozen=True, kw_only=True)
class ChangeParentRole(Change):
    """Change a parent role. Needs `change_parent_roles`."""

    verb = verbs.PARENT_ROLE_CHANGED

    user_id: int
    role_id: int
    seen: Mapping[str, Any] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan one parent role instead of another."""
        role_id = parent_role(context, self.role_id)
        parent_membership = held_parent_role(context, self.user_id)
        granted_at = parent_membership.granted_at if parent_membership.role_id == role_id else context.now
        return rows(updated(parent_membership, role_id=role_id, granted_at=granted_at, seen=self.seen))


@dataclass(frozen=True, kw_only=True)
class RevokeParentRole(Change):
    """Revoke a parent role. Needs `revoke_parent_roles`."""

    verb = verbs.PARENT_ROLE_REVOKED

    user_id: int
    seen: Mapping[str, Any] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the deletion of the parent role."""
        return rows(deleted(held_parent_role(context, self.user_id), seen=self.seen))
