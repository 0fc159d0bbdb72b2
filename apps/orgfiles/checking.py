"""What the lines of an organisation need of each other and of their scheme: the rules that a file is held to.

Records and shares are checked where they are staged (`linechecks`, `linkchecks`): there can be too many to hold.

An import is the operator's act and is not held to the guards that bind people, so a file may state what has no effect
(an override that ended, one of a permission that the role never grants, a share of a team of another branch).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

from apps.orgfiles.contents import Organisation, RoleLine
from apps.orgfiles.customfields import field_problems
from apps.orgfiles.linechecks import no_user
from apps.orgfiles.pipelines import pipeline_problems
from apps.orgfiles.problems import Path
from apps.roles.schemes import RoleDefinition, Scheme

Found = Iterator[tuple[Path, str]]


def check(organisation: Organisation) -> Organisation:
    """The organisation, with notes of what will have no effect, where nothing but its records and shares is wrong.

    Raises:
        Refused: something is; the problems name their places.
    """
    checker = _Checker(organisation)
    organisation.problems.add_all(checker.problems())
    organisation.problems.stop()
    return replace(organisation, notes=tuple(checker.notes()))


def role_problems(scheme: Scheme, lines: Sequence[RoleLine]) -> Found:
    """What is wrong with the own roles of a file, each with its place."""
    yield from _doubled("roles", ((line.key, line.key) for line in lines), "key")
    if lines and not scheme.custom_roles:
        yield ("roles",), f"{scheme.key} doesn't support custom roles: delete this section."
    for index, line in enumerate(lines):
        if line.key in scheme.roles:
            yield ("roles", index, "key"), f"{line.key} is a built-in role of {scheme.key}. Choose another key."
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
        self.own = {line.key: line for line in organisation.roles}
        self.roles = {(line.user, line.branch): line.role for line in organisation.members}

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

    def notes(self) -> Iterator[str]:
        for line in self.org.roles:
            base = self.scheme.roles[line.based_on]
            for codename, scope in line.grants.items():
                if scope and not base.grants[codename].grantable:
                    yield f"{line.key} doesn't get {codename}: {line.based_on}, which it is based on, never grants it."

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

    def _branches(self) -> Found:
        if len(self.org.branches) > 1 and not self.scheme.many_branches:
            yield ("branches", 1), f"is a second branch, but an account that follows {self.scheme.key} has only one."
        for index, branch in enumerate(self.org.branches):
            seen = set()
            for place, team in enumerate(branch.teams):
                path: Path = ("branches", index, "teams", place)
                if team.slug in seen:
                    yield (*path, "slug"), f"{branch.slug}/{team.slug} is listed twice."
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
                        f"only one user can have the role {line.role}, and {holders[line.role]} already has it.",
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
                    f"{line.user} is {role.key} on {line.branch}, and this locked role can't have overrides.",
                )

    def _user(self, path: Path, email: str) -> Found:
        if email not in self.users:
            yield path, no_user(email)

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
            yield path, f"{key} is a {role.kind} role, but this needs a {kind} role."


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
    return ("members",), f"the account would have no owner: it needs an active user who is {roles}."


def _doubled(section: str, keys: Iterable[tuple[Hashable, str]], key: str | None = None) -> Found:
    seen = set()
    for index, (identity, name) in enumerate(keys):
        if identity in seen:
            yield (section, index, key) if key else (section, index), f"{name} is listed twice."
        seen.add(identity)


def _not_copied(base: RoleDefinition | None) -> str:
    """Why a role cannot be copied, as the end of a sentence; empty where it can."""
    if base is None:
        return "is not a built-in role of the role system."
    if base.kind != "branch":
        return "is a parent role: base it on a branch role."
    return "is locked: base it on a role that is not locked." if base.locked else ""
