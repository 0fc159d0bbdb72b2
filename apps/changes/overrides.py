"""Overrides: a member's own scope for one permission on one branch, instead of the role's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from apps.access import verbs
from apps.access.models import Override
from apps.changes.base import Change, rows
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange, deleted, inserted, updated
from apps.changes.members import membership_of
from apps.changes.refusals import NoSuchTarget
from apps.roles import catalogue
from apps.roles.catalogue import Target
from apps.roles.scopes import Scope
from apps.teams.models import Membership


def checked_scope(codename: str, scope: Scope) -> str:
    """Return the bare codename, if the permission can have that scope.

    Raises:
        UnknownPermission: the catalogue has no such permission.
        NoSuchTarget: it does not apply to records, and the scope is neither none nor all.
    """
    permission = catalogue.get(codename)
    if permission.target is not Target.RECORD and scope not in (Scope.NONE, Scope.ALL):
        raise NoSuchTarget(
            _("“%(permission)s” does not apply to records, so it is either off or on.")
            % {"permission": permission.label},
            _("Choose none or all."),
        )
    return permission.codename


def checked_end(context: ChangeContext, expires_at: datetime | None) -> datetime | None:
    """Return the end, if it is in the future.

    Raises:
        NoSuchTarget: it is in the past, so the override would have no effect.
    """
    if expires_at is not None and expires_at <= context.now:
        raise NoSuchTarget(_("The end is in the past."), _("Enter an end date in the future, or none."))
    return expires_at


def override_row(
    context: ChangeContext,
    membership: Membership,
    current: Override | None,
    *,
    permission: str,
    scope: Scope,
    expires_at: datetime | None,
    because: str,
    seen: Mapping[str, Any] | None = None,
    line: int | None = None,
) -> RowChange:
    """Plan the member's override; an equal one stays as it is."""
    stated: dict[str, Any] = {
        "scope": scope,
        "expires_at": expires_at,
        "reason": because or context.reason,
        "author_id": None if context.actor is None else context.actor.pk,
        "created_at": context.now,
    }
    if current is not None:
        if seen is None and (current.scope, current.expires_at) == (scope, expires_at):
            stated = {}
        return updated(current, seen=seen, line=line, **stated)
    new = Override(
        account=context.account,
        branch_id=membership.branch_id,
        user_id=membership.user_id,
        permission=permission,
        **stated,
    )
    return inserted(new, seen=seen, line=line)


def no_override(membership: Membership, codename: str) -> Override:
    """Plan the deletion of an override that doesn't exist: it is checked like a real one, but writes nothing."""
    place = {"account_id": membership.account_id, "branch_id": membership.branch_id, "user_id": membership.user_id}
    return Override(**place, permission=codename)


@dataclass(frozen=True, kw_only=True)
class SetOverride(Change):
    """Set a member's scope for a permission on a branch, optionally with an end. Needs `manage_member_permissions`."""

    verb = verbs.OVERRIDE_SET

    membership_id: int
    permission: str
    scope: Scope
    expires_at: datetime | None = None
    seen: Mapping[str, Any] | None = None
    # The override's reason; by default the operation's.
    because: str = ""

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan one override, new or changed; an equal one is checked, but not written."""
        return rows(self.row(context, membership_of(context, self.membership_id)))

    def row(self, context: ChangeContext, membership: Membership) -> RowChange:
        """Return the override to write."""
        codename = checked_scope(self.permission, self.scope)
        current = Override.objects.filter(
            branch=membership.branch_id, user=membership.user_id, permission=codename
        ).first()
        return override_row(
            context,
            membership,
            current,
            permission=codename,
            scope=self.scope,
            expires_at=checked_end(context, self.expires_at),
            because=self.because,
            seen=self.seen,
        )


@dataclass(frozen=True, kw_only=True)
class ClearOverride(Change):
    """Clear a member's override, so that the role applies again. Needs `manage_member_permissions`."""

    verb = verbs.OVERRIDE_CLEARED

    membership_id: int
    permission: str
    seen: Mapping[str, Any] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the deletion of the override."""
        membership = context.find(Membership, self.membership_id, _("membership"))
        codename = catalogue.get(self.permission).codename
        current = Override.objects.filter(
            branch=membership.branch_id, user=membership.user_id, permission=codename
        ).first()
        if current is None:
            label = catalogue.get(codename).label
            raise NoSuchTarget(
                _("%(name)s has no override for “%(label)s” there.")
                % {"name": context.name(membership.user_id), "label": label}
            )
        return rows(deleted(current, seen=self.seen))
