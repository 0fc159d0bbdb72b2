"""The kinds of change, each as its bare data: what is to be what, for which reason, and as which page showed it.

``seen`` is what ``standing`` gave when the page was shown; None where no page was shown.
"""

from dataclasses import dataclass
from datetime import datetime

from tests.conformance.tables import Reaches


@dataclass(frozen=True, kw_only=True)
class Change:
    """What every change has."""

    reason: str = "As agreed"
    seen: frozenset[object] | None = None


@dataclass(frozen=True)
class InAccount(Change):
    """A change of one account."""

    account: str


@dataclass(frozen=True)
class OnBranch(InAccount):
    """A change of one person's place on a branch."""

    user: str
    branch: str


@dataclass(frozen=True)
class ChangeRole(OnBranch):
    """Give a member another role."""

    role: str


@dataclass(frozen=True)
class SetOverride(OnBranch):
    """Set a member's own scope for a permission, or change it, until an instant or for good."""

    permission: str
    scope: Reaches
    ends: datetime | None = None


@dataclass(frozen=True)
class ClearOverride(OnBranch):
    """Take an override away."""

    permission: str


@dataclass(frozen=True)
class RemoveMember(OnBranch):
    """Move a member to the Restore list."""


@dataclass(frozen=True)
class RestoreMember(OnBranch):
    """Bring a removed member back as they were."""


@dataclass(frozen=True)
class DeleteMember(OnBranch):
    """Delete a removed member from the Restore list, for good."""


@dataclass(frozen=True)
class Leave(OnBranch):
    """Leave a branch; the actor is the user."""


@dataclass(frozen=True)
class ChangeDetails(OnBranch):
    """Change a member's details."""

    details: str


@dataclass(frozen=True)
class ResetMfa(OnBranch):
    """Take a member's second factor away."""


@dataclass(frozen=True)
class ParentChange(InAccount):
    """A change of somebody's parent role."""

    user: str


@dataclass(frozen=True)
class GrantParentRole(ParentChange):
    """Give a parent role to somebody who has none."""

    role: str


@dataclass(frozen=True)
class ChangeParentRole(ParentChange):
    """Give another parent role instead of the one held."""

    role: str


@dataclass(frozen=True)
class RevokeParentRole(ParentChange):
    """Take the parent role away."""


@dataclass(frozen=True)
class ShareChange(InAccount):
    """A change of the share of a record (``lead/L-1``) with a user or a team (``north/sales``)."""

    record: str
    user: str | None
    team: str | None


@dataclass(frozen=True)
class GrantShare(ShareChange):
    """Share a record with somebody who has no share of it."""

    verbs: frozenset[str]


@dataclass(frozen=True)
class ChangeShare(ShareChange):
    """Give a share other verbs."""

    verbs: frozenset[str]


@dataclass(frozen=True)
class RevokeShare(ShareChange):
    """Take a share away."""


@dataclass(frozen=True)
class Invite(InAccount):
    """Invite somebody, as something, to some branches or to all (None)."""

    key: str
    user: str
    role: str
    branches: frozenset[str] | None


@dataclass(frozen=True)
class ResendInvitation(InAccount):
    """Send an invitation again, valid from now."""

    key: str


@dataclass(frozen=True)
class CancelInvitation(InAccount):
    """Take an invitation back."""

    key: str


@dataclass(frozen=True)
class AcceptInvitation(InAccount):
    """Become what one was invited to be; the actor is the invited."""

    key: str


@dataclass(frozen=True)
class AddToBranches(InAccount):
    """Make somebody of the account a member of further branches."""

    user: str
    role: str
    branches: frozenset[str]


@dataclass(frozen=True)
class TransferOwnership(InAccount):
    """Give the single role to another member; its holder takes the role ``then``."""

    user: str
    then: str


@dataclass(frozen=True)
class CopyRole(InAccount):
    """Make an own role of a published one."""

    key: str
    based_on: str
    grants: frozenset[tuple[str, Reaches]] = frozenset()


@dataclass(frozen=True)
class EditRole(InAccount):
    """Give an own role other grants."""

    key: str
    grants: frozenset[tuple[str, Reaches]]


@dataclass(frozen=True)
class DeleteRole(InAccount):
    """Delete an own role that nobody holds."""

    key: str


@dataclass(frozen=True)
class SwitchScheme(InAccount):
    """Follow another scheme; ``roles`` says of each held role which it becomes, None for a parent role that ends."""

    scheme: str
    roles: frozenset[tuple[str, str | None]]


@dataclass(frozen=True)
class RequestAccess(OnBranch):
    """Ask for a permission; the actor is the user."""

    key: str
    permission: str
    scope: Reaches


@dataclass(frozen=True)
class ApproveRequest(InAccount):
    """Give what was asked for, as an override, until an instant or for good."""

    key: str
    ends: datetime | None = None


@dataclass(frozen=True)
class DeclineRequest(InAccount):
    """Give nothing of what was asked for."""

    key: str


@dataclass(frozen=True)
class AddTeam(InAccount):
    """Make a team."""

    branch: str
    team: str
    members: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ChangeTeam(InAccount):
    """Say who is in a team."""

    branch: str
    team: str
    members: frozenset[str]


@dataclass(frozen=True)
class DeleteTeam(InAccount):
    """Delete a team, and its shares with it."""

    branch: str
    team: str


@dataclass(frozen=True)
class CreateBranch(InAccount):
    """Open a branch, with no members yet."""

    branch: str


@dataclass(frozen=True)
class ChangeBranch(InAccount):
    """Give a branch another name."""

    branch: str
    title: str


@dataclass(frozen=True)
class CloseBranch(InAccount):
    """Close a branch."""

    branch: str


@dataclass(frozen=True)
class CloseAccount(InAccount):
    """Begin the closing of the account."""


@dataclass(frozen=True)
class TakeBackClosing(InAccount):
    """End the closing of the account before it is closed."""


@dataclass(frozen=True)
class DeactivateUser(Change):
    """Deactivate a user, in every account; an operator's act."""

    user: str


@dataclass(frozen=True)
class ReactivateUser(Change):
    """Activate a user again; an operator's act."""

    user: str
