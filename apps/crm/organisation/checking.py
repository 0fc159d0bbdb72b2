"""What the lines of an organisation need of each other and of their scheme: the rules that a file is held to.

An import is the operator's act and is not held to the guards that bind people, so a file may state what has no effect
(an override that ended, one of a permission that the role never grants, a share of a team of another branch).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

from apps.crm.models import Activity, Opportunity
from apps.crm.organisation.contents import Organisation, RecordLine, RoleLine, ShareLine
from apps.crm.organisation.customfields import field_problems, settled
from apps.crm.organisation.fields import Kind, about_columns, fields_of
from apps.crm.organisation.pipelines import Statuses, pipeline_problems
from apps.crm.organisation.problems import Path
from apps.roles import catalogue
from apps.roles.schemes import RoleDefinition, Scheme

Found = Iterator[tuple[Path, str]]


def check(organisation: Organisation) -> Organisation:
    """The organisation, with notes of what will have no effect, where nothing in it is wrong.

    Raises:
        Refused: something is; the problems name their places.
    """
    records = tuple(settled(organisation.custom_fields, organisation.records, organisation.problems))
    checker = _Checker(organisation)
    for path, sentence in checker.problems():
        organisation.problems.add(path, sentence)
    organisation.problems.stop()
    return replace(organisation, records=records, notes=tuple(checker.notes()))


def role_problems(scheme: Scheme, lines: Sequence[RoleLine]) -> Found:
    """What is wrong with the own roles of a file, each with its place."""
    yield from _doubled("roles", ((line.key, line.key) for line in lines), "key")
    if lines and not scheme.custom_roles:
        yield ("roles",), f"an account that follows {scheme.key} has no roles of its own."
    for index, line in enumerate(lines):
        if line.key in scheme.roles:
            yield ("roles", index, "key"), f"{line.key} is a published role of {scheme.key} already."
        base = scheme.roles.get(line.based_on)
        if reason := _not_copied(base):
            yield ("roles", index, "based_on"), f"{line.based_on} {reason}"


class _Checker:
    """One organisation under scrutiny, with everything in it by its name."""

    def __init__(self, organisation: Organisation) -> None:
        self.org = organisation
        self.scheme = organisation.account.scheme
        self.users = {line.email for line in organisation.users}
        self.branches = {line.slug for line in organisation.branches}
        self.teams = {(branch.slug, team.slug) for branch in organisation.branches for team in branch.teams}
        self.own = {line.key: line for line in organisation.roles}
        self.roles = {(line.user, line.branch): line.role for line in organisation.members}
        self.statuses = Statuses(organisation.pipelines)
        self.records = {(line.type, line.ref): line for line in organisation.records}

    def problems(self) -> Found:
        yield from self._twice()
        yield from self._branches()
        yield from self._roles()
        yield from self._members()
        yield from self._parent_roles()
        yield from self._keepers()
        yield from self._overrides()
        yield from pipeline_problems(self.org.pipelines)
        yield from field_problems(self.org.custom_fields)
        yield from self._records()
        yield from self._shares()

    def notes(self) -> Iterator[str]:
        for line in self.org.roles:
            base = self.scheme.roles[line.based_on]
            for codename, scope in line.grants.items():
                if scope and not base.grants[codename].grantable:
                    yield f"{line.key} does not get {codename}: {line.based_on}, which it copies, never grants it."

    def _twice(self) -> Found:
        org = self.org
        yield from _doubled("users", ((line.email, line.email) for line in org.users), "email")
        yield from _doubled("branches", ((line.slug, line.slug) for line in org.branches), "slug")
        members = (((line.user, line.branch), f"{line.user} on {line.branch}") for line in org.members)
        yield from _doubled("members", members)
        yield from _doubled("parent_roles", ((line.user, line.user) for line in org.parent_roles), "user")
        overrides = (
            ((line.user, line.branch, line.permission), f"{line.permission} of {line.user} on {line.branch}")
            for line in org.overrides
        )
        yield from _doubled("overrides", overrides)
        records = (((line.type, line.ref), f"{line.type}/{line.ref}") for line in org.records)
        yield from _doubled("records", records, "ref")

    def _branches(self) -> Found:
        if len(self.org.branches) > 1 and not self.scheme.many_branches:
            yield ("branches", 1), f"is a second branch, and an account that follows {self.scheme.key} has one only."
        for index, branch in enumerate(self.org.branches):
            seen = set()
            for place, team in enumerate(branch.teams):
                path: Path = ("branches", index, "teams", place)
                if team.slug in seen:
                    yield (*path, "slug"), f"{branch.slug}/{team.slug} stands there a second time."
                seen.add(team.slug)
                for number, email in enumerate(team.members):
                    yield from self._user((*path, "members", number), email)

    def _roles(self) -> Found:
        yield from role_problems(self.scheme, self.org.roles)

    def _members(self) -> Found:
        holders: dict[str, str] = {}
        for index, line in enumerate(self.org.members):
            path: Path = ("members", index)
            yield from self._user((*path, "user"), line.user)
            yield from self._branch((*path, "branch"), line.branch)
            yield from self._role((*path, "role"), line.role, "branch")
            role = self.scheme.roles.get(line.role)
            if role is not None and role.single:
                if line.role in holders:
                    yield (
                        (*path, "role"),
                        f"{line.role} has exactly one holder, and {holders[line.role]} holds it already.",
                    )
                holders.setdefault(line.role, line.user)

    def _parent_roles(self) -> Found:
        for index, line in enumerate(self.org.parent_roles):
            yield from self._user(("parent_roles", index, "user"), line.user)
            yield from self._role(("parent_roles", index, "role"), line.role, "parent")

    def _keepers(self) -> Found:
        inactive = {line.email for line in self.org.users if line.active is False}
        if not keepers(self.org) - inactive:
            yield nobody_keeps(self.scheme)

    def _overrides(self) -> Found:
        for index, line in enumerate(self.org.overrides):
            path: Path = ("overrides", index)
            yield from self._user((*path, "user"), line.user)
            yield from self._branch((*path, "branch"), line.branch)
            role = self.scheme.roles.get(self.roles.get((line.user, line.branch), ""))
            if role is not None and role.locked:
                yield (
                    path,
                    f"{line.user} is {role.key} on {line.branch}, a locked role, which takes no overrides.",
                )

    def _records(self) -> Found:
        for index, line in enumerate(self.org.records):
            path: Path = ("records", index)
            if line.branch not in self.branches:
                yield from self._branch((*path, "branch"), line.branch)
            for key, email in (("responsible", line.responsible), ("created_by", line.created_by)):
                if email is not None and email not in self.users:
                    yield from self._user((*path, key), email)
            for key, value in line.values.items():
                field = fields_of(line.type)[key]
                if field.kind is Kind.USER:
                    yield from self._user((*path, key), value)
                if field.kind is Kind.RECORD and (field.to.record_type, value) not in self.records:
                    yield (*path, key), f"there is no {field.to.record_type} {value} in the file."
            if line.type == Opportunity.record_type:
                yield from (((*path, key), sentence) for key, sentence in self.statuses.problems(line.values))
            yield from self._about(path, line)
            yield from _at_odds(path, line)

    def _about(self, path: Path, line: RecordLine) -> Found:
        if line.about is None:
            if line.type == "activity":
                yield (*path, "about"), "is missing: an activity is about exactly one record."
            return
        subject = self.records.get(line.about)
        name = "/".join(line.about)
        if line.about[0] not in about_columns(line.type):
            yield (*path, "about"), f"a record of the type {line.type} cannot be about {name}."
        elif subject is None:
            yield (*path, "about"), f"there is no {line.about[0]} {line.about[1]} in the file."
        elif subject.branch != line.branch and line.type == "activity":
            # A task stays on its branch when what it is about moves to another one; an activity goes along.
            yield (*path, "about"), f"{name} is on the branch {subject.branch}, not on {line.branch}."

    def _shares(self) -> Found:
        taken: set[Hashable] = set()
        for index, line in enumerate(self.org.shares):
            path: Path = ("shares", index)
            name = "/".join(line.record)
            yield from self._shared_record((*path, "record"), name, line)
            if line.user is not None:
                yield from self._user((*path, "user"), line.user)
            if line.team is not None and line.team not in self.teams:
                yield (*path, "team"), f"there is no team {'/'.join(line.team)} in the file."
            for permission in line.permissions:
                key = (line.record, line.user, line.team, permission)
                if key in taken:
                    yield (*path, "permissions"), f"{permission} of {name} is given to the same a second time."
                taken.add(key)

    def _shared_record(self, path: Path, name: str, line: ShareLine) -> Found:
        kind, reference = line.record
        record = self.records.get(line.record)
        if record is None:
            yield path, f"there is no {kind} {reference} in the file."
            return
        allowed = catalogue.record_type(kind).share_verbs
        if not allowed:
            yield path, f"{name} cannot be shared: records of the type {kind} have no shares."
            return
        if record.values.get("private"):
            yield path, f"{name} is private, and what is private has no shares."
        for verb in line.permissions:
            if verb not in allowed:
                yield (*path[:-1], "permissions"), f"there is no share of {verb} on records of the type {kind}."

    def _user(self, path: Path, email: str) -> Found:
        if email not in self.users:
            yield path, f"{email} is no user of the file: list them under users."

    def _branch(self, path: Path, slug: str) -> Found:
        if slug not in self.branches:
            yield path, f"there is no branch {slug} in the file."

    def _role(self, path: Path, key: str, kind: str) -> Found:
        if key in self.own and kind == "branch":
            return
        role = self.scheme.roles.get(key)
        if role is None:
            known = [*(each.key for each in self.scheme.roles.values() if each.kind == kind)]
            known += self.own if kind == "branch" else []
            there = f"choose from {', '.join(known)}" if known else f"{self.scheme.key} has none"
            yield path, f"there is no {kind} role {key}: {there}."
        elif role.kind != kind:
            yield path, f"{key} is a {role.kind} role, and a {kind} role is needed here."


def keepers(organisation: Organisation) -> set[str]:
    """The addresses of those who hold a supreme role or the top branch role: one of them has to be active."""
    roles = organisation.account.scheme.roles.values()
    supreme = {role.key for role in roles if role.supreme}
    top = organisation.account.scheme.top_role.key
    found = {line.user for line in organisation.members if line.active and line.role == top}
    return found | {line.user for line in organisation.parent_roles if line.role in supreme}


def nobody_keeps(scheme: Scheme) -> tuple[Path, str]:
    """The problem of an account without an active keeper."""
    supreme = (role.key for role in scheme.roles.values() if role.supreme)
    roles = " or ".join((scheme.top_role.key, *supreme))
    return ("members",), f"nobody keeps the account: it needs an active user who is {roles}."


def _doubled(section: str, keys: Iterable[tuple[Hashable, str]], key: str | None = None) -> Found:
    seen = set()
    for index, (identity, name) in enumerate(keys):
        if identity in seen:
            yield (section, index, key) if key else (section, index), f"{name} stands there a second time."
        seen.add(identity)


def _not_copied(base: RoleDefinition | None) -> str:
    """Why a role cannot be copied, as the end of a sentence; empty where it can."""
    if base is None:
        return "is no published role of the scheme."
    if base.kind != "branch":
        return "is a parent role, and only branch roles are copied."
    return "is locked, and a locked role is not copied." if base.locked else ""


def _at_odds(path: Path, line: RecordLine) -> Found:
    """What the fields of one record say against each other."""
    values = line.values
    if values.get("private") and line.responsible is None:
        yield (*path, "private"), "a private contact needs a responsible, since nobody else sees it."
    if "result" in values and values.get("kind") != Activity.Kind.CALL:
        yield (*path, "result"), "is said of an activity that is no call."
    if not values.get("done"):
        for key in ("done_at", "done_by"):
            if key in values:
                yield (*path, key), "is said of a task that is not done."
