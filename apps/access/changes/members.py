"""What somebody is in an account: the role, and whether they are a member at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.access import verbs
from apps.access.changes.base import Change, rows
from apps.access.changes.diff import Diff, updated
from apps.access.changes.ground import Ground
from apps.access.changes.refusals import NoSuchTarget
from apps.roles.models import Role
from apps.teams.models import Membership


def membership_of(ground: Ground, membership_id: int, *, status: str = Membership.Status.ACTIVE) -> Membership:
    """The membership of that id in this account, in that state.

    Raises:
        NoSuchTarget: there is none, or it is in another state.
    """
    membership = ground.find(Membership, membership_id, "membership")
    if membership.status != status:
        standing = "has been removed" if membership.status == Membership.Status.REMOVED else "is a member already"
        raise NoSuchTarget(f"{ground.name(membership.user_id)} {standing}.")
    return membership


def branch_role(ground: Ground, role_id: int) -> int:
    """The id of a branch role that the account can give.

    Raises:
        NoSuchTarget: it is none.
    """
    role = ground.usable_role(role_id)
    if role.kind != Role.Kind.BRANCH:
        raise NoSuchTarget(
            f"{role.name} is held over the whole account, not on a branch.", "Grant it as a parent role."
        )
    return role.id


@dataclass(frozen=True, kw_only=True)
class ChangeRole(Change):
    """Give a member another role on their branch. Needs `change_roles` there."""

    verb = verbs.ROLE_CHANGED

    membership_id: int
    role_id: int
    seen: Mapping[str, Any] | None = None

    def plan(self, ground: Ground) -> Iterable[Diff]:
        """One membership with another role."""
        membership = membership_of(ground, self.membership_id)
        role_id = branch_role(ground, self.role_id)
        if membership.role_id == role_id and self.seen is None:
            return []
        return rows(updated(membership, role_id=role_id, seen=self.seen))
