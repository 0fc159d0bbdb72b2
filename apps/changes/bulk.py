"""Bulk changes of roles and overrides: for the members in a file, or for all members with a role.

Every line is planned and checked before anything is written, and each refused line is reported. Then all lines are
written as one operation, or none. Work goes in batches, so memory does not grow with the file. Each batch is planned
again for writing (see `base.Planned`). Lines that change nothing are checked, but not written.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import islice

from django.utils.translation import gettext as _

from apps.access import verbs
from apps.access.models import Override
from apps.access.tables import CsvRow
from apps.accounts.models import Branch, User
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.diff import BATCH, Diff, RowChange, deleted, updated
from apps.changes.members import branch_role
from apps.changes.overrides import checked_end, checked_scope, no_override, override_row
from apps.changes.refusals import NoSuchTarget, Refusal
from apps.roles import catalogue
from apps.roles.catalogue import UnknownPermission
from apps.roles.models import Role
from apps.roles.scopes import LABELS, Scope
from apps.teams.models import Membership

Progress = Callable[[int], None]

CLEAR = "clear"
_PUBLISHED_SCOPES = {label.lower(): scope for scope, label in LABELS.items()}
_BETWEEN_REACHES = re.compile(r"[\s,;+|]+")


def silent(rows: int) -> None:
    """Report no progress."""


@dataclass(frozen=True, kw_only=True)
class BulkChange(Change):
    """A change for each line of a file. `branch` is the slug of the branch for lines without one.

    `progress` is called with the number of lines of each batch, on every pass.
    """

    lines: Iterable[CsvRow]
    branch: str = ""
    progress: Progress = field(default=silent, compare=False, repr=False)

    def plan(self, context: ChangeContext) -> Iterator[Diff]:
        """Plan the rows in batches; the last one holds refusals of repeated lines."""
        doubles = DuplicateLines()
        lines = iter(self.lines)
        while batch := list(islice(lines, BATCH)):
            yield self._diff(context, batch, doubles)
            self.progress(len(batch))
        if refusals := list(doubles.refusals()):
            yield Diff(refusals=refusals)

    def _diff(self, context: ChangeContext, batch: Sequence[CsvRow], doubles: DuplicateLines) -> Diff:
        members = Members(context, batch, self.branch)
        row_of = self.rows(context, members)
        diff = Diff()
        for line in batch:
            try:
                diff.rows.append(row_of(line, members.of(line), doubles))
            except Refusal as refusal:
                refusal.line = line.number
                diff.refusals.append(refusal.with_traceback(None))
        return diff

    @abstractmethod
    def rows(self, context: ChangeContext, members: Members) -> RowOf:
        """Plan the row of a line for its membership, or raise a Refusal."""


RowOf = Callable[[CsvRow, Membership, "DuplicateLines"], RowChange]


class DuplicateLines:
    """Finds repeated lines. It stores two numbers for each line and compares them at the end."""

    def __init__(self) -> None:
        self._keys = array("q")
        self._lines = array("q")

    def enter(self, membership_id: int, place: int, line: int) -> None:
        """Add a line about a membership; `place` (below 1,000) distinguishes several values of one membership."""
        self._keys.append(membership_id * 1000 + place)
        self._lines.append(line)

    def refusals(self) -> Iterator[Refusal]:
        """Yield a refusal for each line that repeats an earlier one."""
        first = None
        for place in sorted(range(len(self._keys)), key=self._keys.__getitem__):
            if first is None or self._keys[first] != self._keys[place]:
                first = place
                continue
            number = self._lines[first]
            yield NoSuchTarget(
                _("This repeats line %(number)s.") % {"number": number},
                _("Remove one of the two lines."),
                line=self._lines[place],
            )


class Members:
    """The memberships that some lines name, and the account's branches and roles."""

    def __init__(self, context: ChangeContext, batch: Iterable[CsvRow], branch: str) -> None:
        self._ground = context
        self._default = branch
        emails = {User.objects.normalize_email(line.cells.get("user")) for line in batch}
        self._users = dict(User.objects.filter(email__among=emails).values_list("email", "pk"))
        memberships = Membership.objects.filter(account=context.account, user__among=list(self._users.values()))
        self.held = {(membership.user_id, membership.branch_id): membership for membership in memberships}

    def of(self, line: CsvRow) -> Membership:
        """Return the membership that a line names.

        Raises:
            NoSuchTarget: the account has none, even if another account has a user with that email address.
        """
        if line.problem:
            raise NoSuchTarget(line.problem)
        email = User.objects.normalize_email(line.cells["user"])
        if not email:
            raise NoSuchTarget(_("The user is missing."))
        branch = self._branch(line)
        membership = self.held.get((self._users.get(email, 0), branch.pk))
        if membership is None:
            raise NoSuchTarget(_("%(email)s is not a member of %(branch)s.") % {"email": email, "branch": branch})
        return membership

    def _branch(self, line: CsvRow) -> Branch:
        slug = line.cells.get("branch") or self._default
        if slug:
            return branch_named(self._ground, slug)
        if len(self._ground.facts.open_branches) == 1:
            return self._ground.branch(*self._ground.facts.open_branches)
        raise NoSuchTarget(_("The branch is missing, and %(account)s has several.") % {"account": self._ground.account})


def branch_named(context: ChangeContext, slug: str) -> Branch:
    """Return the account's branch with that slug.

    Raises:
        NoSuchTarget: there is none.
    """
    for branch in context.branches.values():
        if branch.slug == slug:
            return branch
    raise NoSuchTarget(_("%(account)s has no branch “%(slug)s”.") % {"slug": slug, "account": context.account})


class Roles:
    """Return the branch roles that the account can give, by key."""

    def __init__(self, context: ChangeContext) -> None:
        self._ground = context

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        usable = Role.objects.usable_in(self._ground.account.pk, self._ground.account.scheme)
        return dict(usable.order_by("kind", "-rank", "key").values_list("key", "pk"))

    def of(self, key: str) -> int:
        """Return the id of the branch role with that key.

        Raises:
            NoSuchTarget: the account can't give such a role.
        """
        if key not in self._ids:
            known = [key for key, pk in self._ids.items() if self._ground.role(pk).kind == Role.Kind.BRANCH]
            raise NoSuchTarget(
                _("%(account)s has no role “%(key)s”.") % {"key": key, "account": self._ground.account},
                _("Choose from %(known)s.") % {"known": ", ".join(known)},
            )
        return branch_role(self._ground, self._ids[key])


def _active(membership: Membership, context: ChangeContext) -> Membership:
    if membership.status != Membership.Status.ACTIVE:
        raise NoSuchTarget(
            _("%(name)s was removed.") % {"name": context.name(membership.user_id)}, _("Restore them first.")
        )
    return membership


@dataclass(frozen=True, kw_only=True)
class ChangeRoles(BulkChange):
    """Change the roles of members. Each line has `user` and optionally `branch` and `role`. Needs `change_roles` there.

    `role` is the key of the role for lines without one.
    """

    verb = verbs.ROLE_CHANGED

    role: str = ""

    def rows(self, context: ChangeContext, members: Members) -> RowOf:
        """Plan a membership with another role."""
        roles = Roles(context)

        def row_of(line: CsvRow, membership: Membership, doubles: DuplicateLines) -> RowChange:
            doubles.enter(membership.pk, 0, line.number)
            key = line.cells.get("role") or self.role
            if not key:
                raise NoSuchTarget(_("The role is missing."))
            return updated(_active(membership, context), line=line.number, role_id=roles.of(key))

        return row_of


@dataclass(frozen=True, kw_only=True)
class ReplaceRole(Change):
    """Change the role of all members with a role, on one open branch or on all. Needs `change_roles` there.

    `replaced` and `role` are keys, `branch` is a slug. `removed` includes removed members.
    """

    verb = verbs.ROLE_CHANGED

    replaced: str
    role: str
    branch: str = ""
    removed: bool = False
    progress: Progress = field(default=silent, compare=False, repr=False)

    def plan(self, context: ChangeContext) -> Iterator[Diff]:
        """Plan the memberships ordered by id, so that writing one batch does not shift the next."""
        roles = Roles(context)
        replaced, role_id = roles.of(self.replaced), roles.of(self.role)
        if replaced == role_id:
            return
        members = Membership.objects.all() if self.removed else Membership.objects.active()
        memberships = members.filter(account=context.account, role=replaced).order_by("pk")
        if self.branch:
            memberships = memberships.filter(branch=branch_named(context, self.branch))
        last = 0
        while batch := list(memberships.filter(pk__gt=last)[:BATCH]):
            yield Diff([updated(membership, role_id=role_id) for membership in batch])
            last = batch[-1].pk
            self.progress(len(batch))


@dataclass(frozen=True, kw_only=True)
class SetOverrides(BulkChange):
    """Set or clear overrides. Each line has `user`, `permission`, `scope`, optionally `branch`, `expires` and `reason`.

    Needs `manage_member_permissions` there. A line without a reason has the operation's reason.
    """

    verb = verbs.OVERRIDE_SET

    def rows(self, context: ChangeContext, members: Members) -> RowOf:
        """Plan an override: new, changed or deleted."""
        user_ids = [membership.user_id for membership in members.held.values()]
        standing = {
            (override.user_id, override.branch_id, override.permission): override
            for override in Override.objects.filter(account=context.account, user__among=user_ids)
        }
        places = {permission.codename: place for place, permission in enumerate(catalogue.permissions())}

        def row_of(line: CsvRow, membership: Membership, doubles: DuplicateLines) -> RowChange:
            codename = _permission(line.cells["permission"])
            doubles.enter(membership.pk, places[codename], line.number)
            override = standing.get((membership.user_id, membership.branch_id, codename))
            if line.cells["scope"].lower() == CLEAR:
                if line.cells.get("expires"):
                    raise NoSuchTarget(_("A cleared override can't have an end date."), _("Leave the cell empty."))
                return deleted(override or no_override(membership, codename), line=line.number)
            scope = scope_of(line.cells["scope"])
            return override_row(
                context,
                _active(membership, context),
                override,
                permission=checked_scope(codename, scope),
                scope=scope,
                expires_at=checked_end(context, end_of(line.cells.get("expires", ""))),
                because=line.cells.get("reason", ""),
                line=line.number,
            )

        return row_of


def _permission(codename: str) -> str:
    try:
        return catalogue.get(codename).codename
    except UnknownPermission as error:
        raise NoSuchTarget(str(error)) from None


def scope_of(text: str) -> Scope:
    """Return the scope in a cell: none, all, scopes separated by spaces or a plus, or a published name.

    Raises:
        NoSuchTarget: the text is not a scope.
    """
    words = text.strip("[] ").lower()
    if words in _PUBLISHED_SCOPES:
        return _PUBLISHED_SCOPES[words]
    try:
        return Scope.parse(words if words in ("none", "all") else _BETWEEN_REACHES.split(words))
    except ValueError:
        raise NoSuchTarget(
            _("“%(text)s” is not a scope.") % {"text": text},
            _("Use none, all or clear, scopes such as responsible + shared + team, or a name such as If creator."),
        ) from None


def end_of(text: str) -> datetime | None:
    """Return the time in a cell, with its time zone; None if the cell is empty.

    Raises:
        NoSuchTarget: the text is not such a time.
    """
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise NoSuchTarget(
            _("“%(text)s” is not a time with a time zone.") % {"text": text},
            _("Write a time such as 2027-01-31T00:00:00Z, or leave the cell empty."),
        )
    return time
