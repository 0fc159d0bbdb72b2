"""Very many changes at once: roles and overrides of the members that the lines of a file name, or that hold a role.

Every line is planned and judged before anything is written, and all that is refused is told by its line; then all are
written as one operation, or none. It goes in batches, of which none is kept, so that memory does not grow with the
file. A batch is planned again when it is written, and only what was judged is: see `base.Planned`. What is so already
is judged like the rest, and not written.
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
    """No progress."""


@dataclass(frozen=True, kw_only=True)
class BulkChange(Change):
    """Something for each line of a file. `branch` is the slug of the branch for lines that name none.

    `progress` is told how many lines each batch had, every time that the lines are gone through.
    """

    lines: Iterable[CsvRow]
    branch: str = ""
    progress: Progress = field(default=silent, compare=False, repr=False)

    def plan(self, ground: ChangeContext) -> Iterator[Diff]:
        """The rows by the lines, in batches, and at the end the lines that say something of the same again."""
        doubles = DuplicateLines()
        lines = iter(self.lines)
        while batch := list(islice(lines, BATCH)):
            yield self._diff(ground, batch, doubles)
            self.progress(len(batch))
        if refusals := list(doubles.refusals()):
            yield Diff(refusals=refusals)

    def _diff(self, ground: ChangeContext, batch: Sequence[CsvRow], doubles: DuplicateLines) -> Diff:
        members = Members(ground, batch, self.branch)
        row_of = self.rows(ground, members)
        found = Diff()
        for line in batch:
            try:
                found.rows.append(row_of(line, members.of(line), doubles))
            except Refusal as refusal:
                refusal.line = line.number
                found.refusals.append(refusal.with_traceback(None))
        return found

    @abstractmethod
    def rows(self, ground: ChangeContext, members: Members) -> RowOf:
        """What makes the row of a line, about the membership that it names, or raises a Refusal."""


RowOf = Callable[[CsvRow, Membership, "DuplicateLines"], RowChange]


class DuplicateLines:
    """Finds lines about the same. It keeps two numbers a line, and looks at the end."""

    def __init__(self) -> None:
        self._keys = array("q")
        self._lines = array("q")

    def enter(self, membership_id: int, place: int, line: int) -> None:
        """Enter a line about a membership; `place` (below 1,000) tells several things about one membership apart."""
        self._keys.append(membership_id * 1000 + place)
        self._lines.append(line)

    def refusals(self) -> Iterator[Refusal]:
        """One for each line that speaks of what an earlier line speaks of."""
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
    """The memberships that some lines name, and the account's words for branches and roles."""

    def __init__(self, ground: ChangeContext, batch: Iterable[CsvRow], branch: str) -> None:
        self._ground = ground
        self._default = branch
        emails = {User.objects.normalize_email(line.cells.get("user")) for line in batch}
        self._users = dict(User.objects.filter(email__among=emails).values_list("email", "pk"))
        held = Membership.objects.filter(account=ground.account, user__among=list(self._users.values()))
        self.held = {(membership.user_id, membership.branch_id): membership for membership in held}

    def of(self, line: CsvRow) -> Membership:
        """The membership that a line names.

        Raises:
            NoSuchTarget: there is none here, whoever else the address belongs to.
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


def branch_named(ground: ChangeContext, slug: str) -> Branch:
    """The account's branch of that slug.

    Raises:
        NoSuchTarget: there is none.
    """
    for branch in ground.branches.values():
        if branch.slug == slug:
            return branch
    raise NoSuchTarget(_("%(account)s has no branch “%(slug)s”.") % {"slug": slug, "account": ground.account})


class Roles:
    """The branch roles that the account can give, by key."""

    def __init__(self, ground: ChangeContext) -> None:
        self._ground = ground

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        usable = Role.objects.usable_in(self._ground.account.pk, self._ground.account.scheme)
        return dict(usable.order_by("kind", "-rank", "key").values_list("key", "pk"))

    def of(self, key: str) -> int:
        """The id of the branch role of that key.

        Raises:
            NoSuchTarget: there is none that can be given.
        """
        if key not in self._ids:
            known = [key for key, pk in self._ids.items() if self._ground.role(pk).kind == Role.Kind.BRANCH]
            raise NoSuchTarget(
                _("%(account)s has no role “%(key)s”.") % {"key": key, "account": self._ground.account},
                _("Choose from %(known)s.") % {"known": ", ".join(known)},
            )
        return branch_role(self._ground, self._ids[key])


def _active(membership: Membership, ground: ChangeContext) -> Membership:
    if membership.status != Membership.Status.ACTIVE:
        raise NoSuchTarget(
            _("%(name)s was removed.") % {"name": ground.name(membership.user_id)}, _("Restore them first.")
        )
    return membership


@dataclass(frozen=True, kw_only=True)
class ChangeRoles(BulkChange):
    """Give members other roles, a line each: `user`, perhaps `branch` and `role`. Needs `change_roles` there.

    `role` is the key of the role for lines that name none.
    """

    verb = verbs.ROLE_CHANGED

    role: str = ""

    def rows(self, ground: ChangeContext, members: Members) -> RowOf:
        """A membership with another role."""
        roles = Roles(ground)

        def row_of(line: CsvRow, membership: Membership, doubles: DuplicateLines) -> RowChange:
            doubles.enter(membership.pk, 0, line.number)
            key = line.cells.get("role") or self.role
            if not key:
                raise NoSuchTarget(_("The role is missing."))
            return updated(_active(membership, ground), line=line.number, role_id=roles.of(key))

        return row_of


@dataclass(frozen=True, kw_only=True)
class ReplaceRole(Change):
    """Give everybody who holds a role another one, on one open branch or on all. Needs `change_roles` there.

    `replaced` and `role` are keys, `branch` is a slug. With `removed`, those too who could come back to the role.
    """

    verb = verbs.ROLE_CHANGED

    replaced: str
    role: str
    branch: str = ""
    removed: bool = False
    progress: Progress = field(default=silent, compare=False, repr=False)

    def plan(self, ground: ChangeContext) -> Iterator[Diff]:
        """The memberships with another role, by id, so that what is written of one batch does not move the next."""
        roles = Roles(ground)
        replaced, role_id = roles.of(self.replaced), roles.of(self.role)
        if replaced == role_id:
            return
        members = Membership.objects.all() if self.removed else Membership.objects.active()
        held = members.filter(account=ground.account, role=replaced).order_by("pk")
        if self.branch:
            held = held.filter(branch=branch_named(ground, self.branch))
        last = 0
        while batch := list(held.filter(pk__gt=last)[:BATCH]):
            yield Diff([updated(membership, role_id=role_id) for membership in batch])
            last = batch[-1].pk
            self.progress(len(batch))


@dataclass(frozen=True, kw_only=True)
class SetOverrides(BulkChange):
    """Set or clear overrides, a line each: `user`, `permission` and `scope`, perhaps `branch`, `expires` and `reason`.

    Needs `manage_member_permissions` there. A line without a reason has the operation's.
    """

    verb = verbs.OVERRIDE_SET

    def rows(self, ground: ChangeContext, members: Members) -> RowOf:
        """An override, new, changed, or gone."""
        held = [membership.user_id for membership in members.held.values()]
        standing = {
            (override.user_id, override.branch_id, override.permission): override
            for override in Override.objects.filter(account=ground.account, user__among=held)
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
                ground,
                _active(membership, ground),
                override,
                permission=checked_scope(codename, scope),
                scope=scope,
                expires_at=checked_end(ground, end_of(line.cells.get("expires", ""))),
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
    """The scope that a cell names: none, all, reaches with spaces or a plus between, or a published name.

    Raises:
        NoSuchTarget: it names none.
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
    """The time that a cell names, with its zone; None where it is empty.

    Raises:
        NoSuchTarget: it names none.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise NoSuchTarget(
            _("“%(text)s” is not a time with a time zone.") % {"text": text},
            _("Write a time such as 2027-01-31T00:00:00Z, or leave the cell empty."),
        )
    return found
