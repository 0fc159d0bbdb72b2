"""Branches: opened, changed, and closed with what becomes of their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.access import handover, verbs
from apps.accounts.models import Branch, validate_slug
from apps.changes.base import Change, rows
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, inserted, updated
from apps.changes.refusals import NoSuchTarget
from apps.changes.teams import open_branch
from apps.changes.values import checked


@dataclass(frozen=True, kw_only=True)
class CreateBranch(Change):
    """Open a further branch, with no members yet. Needs `add_branch` on the account."""

    verb = verbs.BRANCH_ADDED

    slug: str
    name: str

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """One branch, where the scheme has several."""
        if not ground.scheme.many_branches:
            raise NoSuchTarget(
                _("%(scheme)s supports only one branch.") % {"scheme": ground.scheme.name}, _("Create a team instead.")
            )
        checked(validate_slug, self.slug, _("short name"))
        if any(branch.slug == self.slug for branch in ground.branches.values()):
            raise NoSuchTarget(
                _("A branch %(slug)s already exists.") % {"slug": self.slug}, _("Choose another short name.")
            )
        name = self.name.strip() or self.slug
        return rows(inserted(Branch(account=ground.account, slug=self.slug, name=name, created_at=ground.now)))


@dataclass(frozen=True, kw_only=True)
class ChangeBranch(Change):
    """Give a branch another name. Needs `change_branch` on it."""

    verb = verbs.BRANCH_CHANGED

    branch_id: int
    name: str
    seen: Mapping[str, Any] | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The branch with its other name."""
        branch = open_branch(ground, self.branch_id)
        name = self.name.strip()
        if not name:
            raise NoSuchTarget(_("Enter a name for the branch."))
        return rows(updated(branch, name=name, seen=self.seen))


@dataclass(frozen=True, kw_only=True)
class CloseBranch(Change):
    """Close a branch; its memberships give nothing from then on. Needs `delete_branch` on it.

    `records_to` is the open branch that its records move to; None leaves them with the closed one, where only those
    reach them whose parent role does.
    """

    verb = verbs.BRANCH_CLOSED

    branch_id: int
    records_to: int | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The branch closed."""
        branch = open_branch(ground, self.branch_id)
        if self.records_to is not None and open_branch(ground, self.records_to).pk == branch.pk:
            raise NoSuchTarget(_("The records are already on that branch."), _("Choose a different branch."))
        return rows(updated(branch, status=Branch.Status.CLOSED))

    def accompany(self, ground: ChangeContext) -> None:
        """Move the records, before the branch is closed."""
        if self.records_to is not None:
            source, target = ground.branch(self.branch_id), ground.branch(self.records_to)
            handover.move(source, target, actor=ground.actor)


@dataclass(frozen=True, kw_only=True)
class ReopenBranch(Change):
    """Open a closed branch again, with the members that it had. Needs `delete_branch` on it."""

    verb = verbs.BRANCH_REOPENED

    branch_id: int

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The branch open."""
        branch = ground.branch(self.branch_id)
        if branch.status == Branch.Status.ACTIVE:
            return []
        if not ground.scheme.many_branches and ground.facts.open_branches:
            raise NoSuchTarget(_("%(scheme)s supports only one branch.") % {"scheme": ground.scheme.name})
        return rows(updated(branch, status=Branch.Status.ACTIVE))
