"""Update several overrides of one member on a branch at once: all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from apps.access import verbs
from apps.access.models import Override
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange, deleted
from apps.changes.members import membership_of
from apps.changes.overrides import checked_end, checked_scope, no_override, override_row
from apps.changes.refusals import ChangedMeanwhile, NoSuchTarget
from apps.roles import catalogue
from apps.roles.scopes import Scope
from apps.teams.models import Membership


class RequestedOverride(NamedTuple):
    """The override to set."""

    scope: Scope
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class UpdatePermissions(Change):
    """Set and clear overrides of a member. Needs `manage_member_permissions` on their branch.

    `wanted` has an item for each permission that changes; None clears the override. `seen` is what the page showed of
    the overrides by permission, `{}` if there was none, and `seen_role` the role that it showed.
    """

    verb = verbs.PERMISSIONS_UPDATED

    membership_id: int
    wanted: Mapping[str, RequestedOverride | None]
    seen: Mapping[str, Mapping[str, Any]] | None = None
    seen_role: int | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the overrides: new, changed or deleted."""
        if not self.wanted:
            raise NoSuchTarget(
                _("Nothing to save: no permission was changed."), _("Change at least one permission first.")
            )
        membership = membership_of(context, self.membership_id)
        held = Override.objects.filter(branch=membership.branch_id, user=membership.user_id)
        standing = {override.permission: override for override in held}
        return [
            Diff(
                [
                    self._row(context, membership, codename, wanted, standing.get(codename))
                    for codename, wanted in self.wanted.items()
                ]
            )
        ]

    def _row(
        self,
        context: ChangeContext,
        membership: Membership,
        asked: str,
        wanted: RequestedOverride | None,
        standing: Override | None,
    ) -> RowChange:
        codename = catalogue.get(asked).codename
        seen = None if self.seen is None else self.seen.get(codename, {})
        if wanted is None:
            return deleted(standing or no_override(membership, codename), seen=seen)
        return override_row(
            context,
            membership,
            standing,
            permission=checked_scope(codename, wanted.scope),
            scope=wanted.scope,
            expires_at=checked_end(context, wanted.expires_at),
            because="",
            seen=seen,
        )

    def check_seen(self, context: ChangeContext) -> None:
        """Compare the role with the one that the page showed.

        Raises:
            ChangedMeanwhile: the member has another role now, so “as the role says” has another meaning.
        """
        if self.seen_role is None:
            return
        role_id = membership_of(context, self.membership_id).role_id
        if role_id != self.seen_role:
            raise ChangedMeanwhile(
                _("The role of this member changed while you were editing."), {"role_id": (self.seen_role, role_id)}
            )
