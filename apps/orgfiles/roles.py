"""The `roles:` part of an organisation file by itself: the definitions of an account's own roles, to take along."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

from apps.access.roletable import grants_by_role
from apps.accounts.models import Account
from apps.orgfiles import emitting
from apps.orgfiles.checking import role_problems
from apps.orgfiles.contents import RoleLine
from apps.orgfiles.parsing import VERSION, check_version, closed, role_line
from apps.orgfiles.reading import problems_of, sections
from apps.orgfiles.rows import rows_of
from apps.orgfiles.source import open_source
from apps.roles import catalogue
from apps.roles.models import Role
from apps.roles.schemes import Scheme
from apps.roles.scopes import Scope

FORMATS = ("yaml", "json")
# In bytes, of a file that comes through a page.
LIMIT = 64 * 1024 * 1024


def definitions_of(account: Account, only: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
    """The account's own roles by key (or these of them), with the grants in which they differ from what they copy."""
    own = Role.objects.filter(account_id=account.pk, scheme=account.scheme).select_related("based_on").order_by("key")
    roles = [role for role in own if only is None or role.key in only]
    grants = grants_by_role(account, roles)
    for role in sorted(roles, key=lambda role: role.key):
        base = account.role_system.roles[role.based_on.key if role.based_on is not None else ""]
        differing = {
            permission.codename: grants[role.pk][permission.codename].scope
            for permission in catalogue.permissions()
            if grants[role.pk][permission.codename].scope != base.grants[permission.codename].scope
        }
        yield {"key": role.key, "name": role.name, "based_on": base.key, "grants": differing}


def written(account: Account, form: str, only: Collection[str] | None = None) -> str:
    """The account's own roles (or these of them) as YAML or JSON; importing it gives the same roles."""
    found = list(definitions_of(account, only))
    if form == "json":
        return json.dumps({"mandate": VERSION, "roles": [_plain(each) for each in found]}, indent=2) + "\n"
    lines = [f"  - {emitting.mapping(each)}" for each in found]
    return "\n".join([f"mandate: {VERSION}", "roles:" if lines else "roles: []", *lines]) + "\n"


def load_roles(file: IO[bytes] | IO[str], scheme: Scheme) -> tuple[RoleLine, ...]:
    """The own roles in a file, held against the scheme.

    Raises:
        Refused: it cannot be read, or says something that cannot be; each problem with its place.
    """
    source = open_source(file, limit=LIMIT)
    problems = problems_of(source)
    found: tuple[RoleLine, ...] = ()
    for key, value in sections(source, problems):
        if key == "mandate":
            check_version(value, problems)
        elif key == "roles":
            found = tuple(closed(role_line, row) for row in rows_of(problems, (key,), value))
        else:
            problems.add((str(key),), "this key is not allowed here; the allowed keys are mandate, roles.")
    problems.stop()
    if not found:
        problems.add(("roles",), "contains no roles: add at least one.")
    for path, sentence in role_problems(scheme, found):
        problems.add(path, sentence)
    problems.stop()
    for index, line in enumerate(found):
        for codename, scope in line.grants.items():
            if scope and not scheme.roles[line.based_on].grants[codename].grantable:
                problems.add(
                    ("roles", index, "grants", codename),
                    f"{line.based_on} never grants it, so a role based on it can't either.",
                )
    problems.stop()
    return found


def _plain(definition: Mapping[str, Any]) -> dict[str, Any]:
    grants: Mapping[str, Scope] = definition["grants"]
    return {**definition, "grants": {codename: _names(scope) for codename, scope in grants.items()}}


def _names(scope: Scope) -> str | list[str]:
    if scope in (Scope.NONE, Scope.ALL):
        return "all" if scope else "none"
    return scope.names
