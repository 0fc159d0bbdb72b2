"""Branches: open, change, and close with a choice for their records."""

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
    """Open another branch without members. Needs `add_branch` on the account."""

    verb = verbs.BRANCH_ADDED

    slug: str
    name: str

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan one branch, if the role system supports several."""
        if not context.scheme.many_branches:
            raise NoSuchTarget(
                _("%(scheme)s supports only one branch.") % {"scheme": context.scheme.name}, _("Create a team instead.")
            )
        checked(validate_slug, self.slug, _("short name"))
        if any(branch.slug == self.slug for branch in context.branches.values()):
            raise NoSuchTarget(
                _("A branch %(slug)s already exists.") % {"slug": self.slug}, _("Choose another short name.")
            )
        name = self.name.strip() or self.slug
        return rows(inserted(Branch(account=context.account, slug=self.slug, name=name, created_at=context.now)))


@dataclass(frozen=True, kw_only=True)
class ChangeBranch(Change):
    """Change the name of a branch. Needs `change_branch` on it."""

    verb = verbs.BRANCH_CHANGED

    branch_id: int
    name: str
    seen: Mapping[str, Any] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the branch with its new name."""
        branch = open_branch(context, self.branch_id)
        name = self.name.strip()
        if not name:
            raise NoSuchTarget(_("Enter a name for the branch."))
        return rows(updated(branch, name=name, seen=self.seen))


@dataclass(frozen=True, kw_only=True)
class CloseBranch(Change):
    """Close a branch. Its memberships give no access from then on. Needs `delete_branch` on it.

    `records_to` is the open branch that gets its records. With None they stay, and only parent roles can access them.
    """

    verb = verbs.BRANCH_CLOSED

    branch_id: int
    records_to: int | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the branch as closed."""
        branch = open_branch(context, self.branch_id)
        if self.records_to is not None and open_branch(context, self.records_to).pk == branch.pk:
            raise NoSuchTarget(_("The records are already on that branch."), _("Choose a different branch."))
        return rows(updated(branch, status=Branch.Status.CLOSED))

    def accompany(self, context: ChangeContext) -> None:
        """Move the records before the branch is closed."""
        if self.records_to is not None:
            source, target = context.branch(self.branch_id), context.branch(self.records_to)
            handover.move(source, target, actor=context.actor)


@dataclass(frozen=True, kw_only=True)
class ReopenBranch(Change):
    """Reopen a closed branch with its earlier members. Needs `delete_branch` on it."""

    verb = verbs.BRANCH_REOPENED

    branch_id: int

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the branch as open."""
        branch = context.branch(self.branch_id)
        if branch.status == Branch.Status.ACTIVE:
            return []
        if not context.scheme.many_branches and context.facts.open_branches:
            raise NoSuchTarget(_("%(scheme)s supports only one branch.") % {"scheme": context.scheme.name})
        return rows(updated(branch, status=Branch.Status.ACTIVE))
