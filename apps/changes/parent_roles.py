"""Parent roles: at most one account-wide role of a user, on top of memberships."""

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


def parent_role(ground: ChangeContext, role_id: int) -> int:
    """The id of a parent role that the account can give.

    Raises:
        NoSuchTarget: it is none.
    """
    role = ground.usable_role(role_id)
    if role.kind != Role.Kind.PARENT:
        raise NoSuchTarget(
            _("%(role)s is a branch role, not a parent role.") % {"role": role.name},
            _("Give it to a member of a branch."),
        )
    return role.id


def held_parent_role(ground: ChangeContext, user_id: int) -> ParentMembership:
    """The user's parent role in the account.

    Raises:
        NoSuchTarget: they hold none.
    """
    held = ParentMembership.objects.filter(account=ground.account, user=user_id).first()
    if held is None:
        raise NoSuchTarget(_("This member has no parent role."), _("Grant one first."))
    return held


@dataclass(frozen=True, kw_only=True)
class GrantParentRole(Change):
    """Give a member of the account a parent role. Needs `grant_parent_roles`."""

    verb = verbs.PARENT_ROLE_GRANTED

    user_id: int
    role_id: int
    seen: Mapping[str, Any] | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """One parent role."""
        role_id = parent_role(ground, self.role_id)
        held = ParentMembership.objects.filter(account=ground.account, user=self.user_id).first()
        if held is not None and self.seen is None:
            raise NoSuchTarget(
                _("%(name)s already has a parent role.") % {"name": ground.name(self.user_id)},
                _("Change it instead."),
            )
        if not Membership.objects.active().filter(account=ground.account, user=self.user_id).exists():
            raise NoSuchTarget(
                _("That member doesn't exist in %(account)s.") % {"account": ground.account}, _("Invite them first.")
            )
        if held is not None:
            return rows(updated(held, role_id=role_id, granted_at=ground.now, seen=self.seen))
        granted = ParentMembership(account=ground.account, user_id=self.user_id, role_id=role_id, granted_at=ground.now)
        return rows(inserted(granted, seen=self.seen))


@dataclass(frozen=True, kw_only=True)
class ChangeParentRole(Change):
    """Give the holder of a parent role another one. Needs `change_parent_roles`."""

    verb = verbs.PARENT_ROLE_CHANGED

    user_id: int
    role_id: int
    seen: Mapping[str, Any] | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """One parent role in place of another."""
        role_id = parent_role(ground, self.role_id)
        held = held_parent_role(ground, self.user_id)
        granted_at = held.granted_at if held.role_id == role_id else ground.now
        return rows(updated(held, role_id=role_id, granted_at=granted_at, seen=self.seen))


@dataclass(frozen=True, kw_only=True)
class RevokeParentRole(Change):
    """Take a parent role away. Needs `revoke_parent_roles`."""

    verb = verbs.PARENT_ROLE_REVOKED

    user_id: int
    seen: Mapping[str, Any] | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The parent role gone."""
        return rows(deleted(held_parent_role(ground, self.user_id), seen=self.seen))
