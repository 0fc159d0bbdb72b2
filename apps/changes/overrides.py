"""Overrides: a member's own scope for one permission on one branch, in place of what the role says."""

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
    """The bare codename, where the permission can have that scope.

    Raises:
        UnknownPermission: the catalogue lacks it.
        NoSuchTarget: it is asked of no record, and the scope is neither none nor all.
    """
    permission = catalogue.get(codename)
    if permission.target is not Target.RECORD and scope not in (Scope.NONE, Scope.ALL):
        raise NoSuchTarget(
            _("“%(permission)s” does not apply to records, so it is either off or on.")
            % {"permission": permission.label},
            _("Choose none or all."),
        )
    return permission.codename


def checked_end(ground: ChangeContext, expires_at: datetime | None) -> datetime | None:
    """The end, where it lies ahead.

    Raises:
        NoSuchTarget: it is past, so that nothing would be given.
    """
    if expires_at is not None and expires_at <= ground.now:
        raise NoSuchTarget(_("The end is in the past."), _("Enter an end date in the future, or none."))
    return expires_at


def override_row(
    ground: ChangeContext,
    membership: Membership,
    standing: Override | None,
    *,
    permission: str,
    scope: Scope,
    expires_at: datetime | None,
    because: str,
    seen: Mapping[str, Any] | None = None,
    line: int | None = None,
) -> RowChange:
    """The member's override as it is to be, in place of the one that stands, which stays where it is so already."""
    stated: dict[str, Any] = {
        "scope": scope,
        "expires_at": expires_at,
        "reason": because or ground.reason,
        "author_id": None if ground.actor is None else ground.actor.pk,
        "created_at": ground.now,
    }
    if standing is not None:
        if seen is None and (standing.scope, standing.expires_at) == (scope, expires_at):
            stated = {}
        return updated(standing, seen=seen, line=line, **stated)
    new = Override(
        account=ground.account,
        branch_id=membership.branch_id,
        user_id=membership.user_id,
        permission=permission,
        **stated,
    )
    return inserted(new, seen=seen, line=line)


def no_override(membership: Membership, codename: str) -> Override:
    """An override that is not there; that it goes is judged like the going of one that is, and writes nothing."""
    place = {"account_id": membership.account_id, "branch_id": membership.branch_id, "user_id": membership.user_id}
    return Override(**place, permission=codename)


@dataclass(frozen=True, kw_only=True)
class SetOverride(Change):
    """Set a member's own scope for a permission on a branch, perhaps with an end. Needs `manage_member_permissions`."""

    verb = verbs.OVERRIDE_SET

    membership_id: int
    permission: str
    scope: Scope
    expires_at: datetime | None = None
    seen: Mapping[str, Any] | None = None
    # Why, as it stands beside the override; the operation's reason where nothing else is said.
    because: str = ""

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """One override, new or changed; one that is so already is judged all the same, and stays."""
        return rows(self.row(ground, membership_of(ground, self.membership_id)))

    def row(self, ground: ChangeContext, membership: Membership) -> RowChange:
        """The override as it is to be."""
        codename = checked_scope(self.permission, self.scope)
        standing = Override.objects.filter(
            branch=membership.branch_id, user=membership.user_id, permission=codename
        ).first()
        return override_row(
            ground,
            membership,
            standing,
            permission=codename,
            scope=self.scope,
            expires_at=checked_end(ground, self.expires_at),
            because=self.because,
            seen=self.seen,
        )


@dataclass(frozen=True, kw_only=True)
class ClearOverride(Change):
    """Let the role say again what a member may. Needs `manage_member_permissions`."""

    verb = verbs.OVERRIDE_CLEARED

    membership_id: int
    permission: str
    seen: Mapping[str, Any] | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The override gone."""
        membership = ground.find(Membership, self.membership_id, _("membership"))
        codename = catalogue.get(self.permission).codename
        standing = Override.objects.filter(
            branch=membership.branch_id, user=membership.user_id, permission=codename
        ).first()
        if standing is None:
            label = catalogue.get(codename).label
            raise NoSuchTarget(
                _("%(name)s has no override for “%(label)s” there.")
                % {"name": ground.name(membership.user_id), "label": label}
            )
        return rows(deleted(standing, seen=self.seen))
