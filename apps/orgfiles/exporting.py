"""Writing an account as an organisation file, line by line and the same every time.

Importing it gives the same decisions for every user, permission and record. Passwords are not written; what has no
effect and could not be imported (an override that a change to a locked role left behind) is left out with a note.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from itertools import groupby
from typing import Any

from django.db.models import Q, QuerySet

from apps.access import records, shares
from apps.access.models import Override
from apps.accounts.models import Account, Branch, User
from apps.crm.models import Pipeline
from apps.orgfiles import customfields, emitting, pipelines, preferences
from apps.orgfiles.fields import Kind, fields_of
from apps.orgfiles.parsing import VERSION
from apps.orgfiles.recording import ORDER
from apps.orgfiles.recordlines import CHUNK, record_lines
from apps.orgfiles.roles import definitions_of
from apps.roles import catalogue
from apps.roles.models import Role
from apps.teams.models import Membership, ParentMembership, Team, TeamMember

Note = Callable[[str], None]
Lines = Iterator[Mapping[str, Any]]
Rows = Callable[[str], QuerySet[Any]]


def export(account: Account, note: Note, rows: Rows | None = None) -> Iterator[str]:
    """The lines of the account's organisation file. `note` hears of what the file cannot state.

    `rows` are the records of a type that are written, all of them where it is left out; what is not among them leaves
    no trace in those that are.

    Reads as it goes, so it is to be used up inside one REPEATABLE READ transaction for a picture of one moment.
    """
    return _Export(account, note, rows).lines()


class _Export:
    def __init__(self, account: Account, note: Note, rows: Rows | None) -> None:
        self.account = account
        self.note = note
        self.narrowed = rows
        self.users: dict[int, str] = {}
        self.branches = dict(_by(Branch.objects.filter(account=account), "pk", "slug"))
        self.roles = dict(_by(Role.objects.usable_in(account.pk, account.scheme), "pk", "key"))
        self.pipelines = list(Pipeline.objects.filter(account=account).prefetch_related("statuses"))
        self.ambiguous = pipelines.ambiguous(self.pipelines)
        self.teams = {
            team.group_id: f"{self.branches[team.branch_id]}/{team.slug}"
            for team in Team.objects.filter(account=account)
        }

    def lines(self) -> Iterator[str]:
        yield f"mandate: {VERSION}"
        yield f"account: {emitting.mapping(self._account())}"
        people = self._people()
        self.users = {user.pk: user.email for user in people}
        yield from _section("users", self._users(people))
        yield from self._branches()
        yield from _section("members", self._members())
        yield from _section("parent_roles", self._parent_roles())
        yield from _section("roles", self._own_roles())
        yield from _section("overrides", self._overrides())
        yield from pipelines.written(self.pipelines)
        yield from _section("custom_fields", customfields.lines_of(self.account))
        yield from self._records()
        yield from _section("shares", self._shares())

    def _account(self) -> dict[str, Any]:
        account = self.account
        return {
            "slug": account.slug,
            "name": account.name,
            "scheme": account.scheme,
            "currency": account.currency,
            "status": None if account.status == Account.Status.ACTIVE else account.status,
            "features": account.features,
            "preferences": preferences.stated(account) or None,
        }

    def _people(self) -> list[User]:
        """Return all users that the file names, by email address."""
        mine: dict[str, Any] = {"account": self.account}
        named: list[QuerySet[Any, Any]] = [
            model._default_manager.filter(**mine).values("user")
            for model in (Membership, ParentMembership, TeamMember, Override)
        ]
        for record_type in ORDER:
            rows = self._rows(record_type).order_by()
            people = ["responsible", "created_by"]
            people += [field.key for field in fields_of(record_type).values() if field.kind is Kind.USER]
            named += [rows.exclude(**{person: None}).values(person).distinct() for person in people]
            if (tables := shares.tables(record_type)) is not None:
                of_rows = tables[0]._default_manager.filter(**mine, content_object__in=rows.values("pk"))
                named.append(of_rows.values("user"))
        is_named = reduce(Q.__or__, (Q(pk__in=ids) for ids in named))
        return sorted(User.objects.filter(is_named), key=lambda user: user.email)

    def _users(self, people: Iterable[User]) -> Lines:
        for user in people:
            if user.is_superuser:
                self.note(f"{user.email} is a platform operator, which an organisation file can't contain.")
            yield {
                "email": user.email,
                "name": user.name,
                "active": user.is_active,
                "staff": user.is_staff,
            }

    def _branches(self) -> Iterator[str]:
        """Branches are written over several lines, since their teams can be large."""
        teams: dict[int, list[Team]] = defaultdict(list)
        for team in sorted(Team.objects.filter(account=self.account), key=lambda team: team.slug):
            teams[team.branch_id].append(team)
        members: dict[int, list[str]] = defaultdict(list)
        for team_id, user_id in TeamMember.objects.filter(account=self.account).values_list("team", "user"):
            members[team_id].append(self.users[user_id])
        branches = sorted(Branch.objects.filter(account=self.account), key=lambda branch: branch.slug)
        if branches:
            yield "branches:"
        for branch in branches:
            yield f"  - slug: {emitting.text(branch.slug)}"
            yield f"    name: {emitting.text(branch.name)}"
            if branch.status != Branch.Status.ACTIVE:
                yield f"    status: {branch.status}"
            if teams[branch.pk]:
                yield "    teams:"
            for team in teams[branch.pk]:
                line = {"slug": team.slug, "name": team.name, "members": sorted(members[team.pk])}
                yield f"      - {emitting.mapping(line)}"

    def _members(self) -> Lines:
        found = [
            (self.branches[branch], self.users[user], self.roles[role], status)
            for branch, user, role, status in Membership.objects.filter(account=self.account).values_list(
                "branch", "user", "role", "status"
            )
        ]
        for branch, user, role, status in sorted(found):
            yield {"user": user, "branch": branch, "role": role, "status": status}

    def _parent_roles(self) -> Lines:
        rows = ParentMembership.objects.filter(account=self.account).values_list("user", "role")
        for user, role in sorted((self.users[user], self.roles[role]) for user, role in rows):
            yield {"user": user, "role": role}

    def _own_roles(self) -> Lines:
        yield from definitions_of(self.account)

    def _overrides(self) -> Lines:
        locked = set(Membership.objects.filter(account=self.account, role__locked=True).values_list("branch", "user"))
        found = sorted(
            Override.objects.filter(account=self.account),
            key=lambda each: (self.branches[each.branch_id], self.users[each.user_id], each.permission),
        )
        for each in found:
            user, branch = self.users[each.user_id], self.branches[each.branch_id]
            if (each.branch_id, each.user_id) in locked:
                self.note(
                    f"The override of {each.permission} for {user} on {branch} was skipped: their role is locked, so it"
                    " has no effect."
                )
                continue
            yield {
                "user": user,
                "branch": branch,
                "permission": each.permission,
                "scope": each.scope,
                "reason": each.reason,
                "expires": each.expires_at,
            }

    def _records(self) -> Iterator[str]:
        begun = False
        for record_type in ORDER:
            for line in record_lines(record_type, self._rows(record_type), self.narrowed, self.ambiguous):
                if not begun:
                    yield "records:"
                begun = True
                yield line

    def _rows(self, record_type: str) -> QuerySet[Any]:
        if self.narrowed is not None:
            return self.narrowed(record_type)
        rows: QuerySet[Any] = records.model_of(record_type)._default_manager.filter(account=self.account)
        return rows

    def _shares(self) -> Lines:
        for record_type in ORDER:
            for table, subject in zip(shares.tables(record_type) or (), ("user", "group"), strict=False):
                rows: QuerySet[Any] = table._default_manager.filter(account=self.account)
                if self.narrowed is not None:
                    rows = rows.filter(content_object__in=self.narrowed(record_type).values("pk"))
                ordered = rows.order_by("content_object", subject, "reason", "permission").values_list(
                    "content_object__reference", subject, "reason", "permission__codename"
                )
                groups = groupby(ordered.iterator(chunk_size=CHUNK), key=lambda row: row[:3])
                for (reference, who, reason), group in groups:
                    given = {codename for *_, codename in group}
                    yield {
                        "record": f"{record_type}/{reference}",
                        **({"user": self.users[who]} if subject == "user" else {"team": self.teams[who]}),
                        "permissions": [v for v in catalogue.SHAREABLE_VERBS if f"{v}_{record_type}" in given],
                        "reason": reason,
                    }


def _by(rows: QuerySet[Any], *columns: str) -> Iterator[tuple[Any, ...]]:
    return iter(rows.values_list(*columns))


def _section(name: str, lines: Lines) -> Iterator[str]:
    """The section's lines; nothing where there are none."""
    for number, line in enumerate(lines):
        if not number:
            yield f"{name}:"
        yield f"  - {emitting.mapping(line)}"
