"""From plain values to the lines of an organisation: every key and every value is of the kind that it has to be.

What can be said of a line by itself is said here; what it needs of other lines, `checking` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import IO, Any, TypeVar

from apps.access import records
from apps.crm.models import Outcome
from apps.orgfiles import preferences, values
from apps.orgfiles.checking import check
from apps.orgfiles.contents import (
    AccountLine,
    BranchLine,
    MemberLine,
    Organisation,
    OverrideLine,
    ParentRoleLine,
    PipelineLine,
    RecordLine,
    RoleLine,
    ShareLine,
    StatusLine,
    TeamLine,
    UserLine,
)
from apps.orgfiles.customfields import custom_field
from apps.orgfiles.fields import about_columns, fields_of, name_length
from apps.orgfiles.problems import Problems
from apps.orgfiles.progress import Progress, silent
from apps.orgfiles.reading import problems_of, sections
from apps.orgfiles.rows import MappingReader, rows_of
from apps.orgfiles.source import open_source
from apps.orgfiles.spool import spooled
from apps.orgfiles.values import InvalidValue
from apps.roles import catalogue
from apps.roles.catalogue import Target, UnknownPermission
from apps.roles.schemes import Scheme, scheme, scheme_keys
from apps.roles.scopes import Scope

VERSION = 1
_NAME = 150
_TEAM_NAME = 100
_REFERENCE = 60
_ENTRY_NAME = 60
_Line = TypeVar("_Line")


def load(file: str | FilePath | IO[bytes] | IO[str], *, progress: Progress = silent) -> Organisation:
    """The organisation in a file or a stream, checked but for its records and shares, which `create` checks.

    However many there are, they are on disk. `progress` is called with the bytes read and all bytes.

    Raises:
        Refused: it cannot be read, or says something that cannot be; each problem with its line, column and path.
    """
    source = open_source(file)
    problems = problems_of(source)
    return _organisation(source.name, sections(source, problems, progress), problems)


def parse(data: Mapping[str, Any], name: str = "") -> Organisation:
    """The organisation in values as YAML or JSON would give them, checked as by `load`.

    Raises:
        Refused: it says something that cannot be; each problem with its path.
    """
    return _organisation(name, iter(data.items()), Problems(name))


def _organisation(name: str, given: Iterator[tuple[str, Any]], problems: Problems) -> Organisation:
    account: AccountLine | None = None
    found: dict[str, Any] = {}
    for key, value in given:
        if key == "account":
            account = closed(_account, MappingReader(problems, ("account",), value))
        elif key == "mandate":
            check_version(value, problems)
        elif key in _SECTIONS:
            lines = (closed(_SECTIONS[key], row) for row in rows_of(problems, (key,), value))
            found[key] = spooled(_LARGE[key], lines) if key in _LARGE else tuple(lines)
        else:
            known = ", ".join(("mandate", "account", *_SECTIONS))
            problems.add((str(key),), f"this key is unknown; the allowed keys are {known}.")
    if account is None:
        problems.add(("account",), "is missing.")
        raise problems.refusal()
    problems.stop()
    return check(Organisation(name=name, account=account, problems=problems, **found))


def closed(read: Callable[[MappingReader], _Line], row: MappingReader) -> _Line:
    """Read a row; an unknown key is a problem."""
    line = read(row)
    row.close()
    return line


def check_version(value: Any, problems: Problems) -> None:
    """Hold the file's version against the one that this program reads."""
    if str(value) != str(VERSION):
        problems.add(("mandate",), f'is "{value}", but this program reads only files of version {VERSION}.')


def _account(row: MappingReader) -> AccountLine:
    slug = row.need("slug", values.slug, "?")
    return AccountLine(
        slug=slug,
        name=row.text("name", _NAME) or slug,
        scheme=row.need("scheme", _scheme, scheme(scheme_keys()[0])),
        currency=row.get("currency", values.currency) or "EUR",
        status=row.get("status", values.choice("active", "closing", "closed")) or "active",
        features=row.get("features", values.several(values.short(40))),
        preferences=preferences.read(row.row("preferences")),
    )


def _scheme(value: Any) -> Scheme:
    key = values.text(value)
    if key not in scheme_keys():
        raise InvalidValue(f'"{key}" is not a role system: choose from {", ".join(scheme_keys())}')
    return scheme(key)


def _user(row: MappingReader) -> UserLine:
    line = UserLine(
        email=row.need("email", values.email, "?"),
        name=row.text("name", _NAME),
        password=row.get("password", values.text),
        active=row.get("active", values.flag),
        staff=row.get("staff", values.flag),
    )
    if line.password == "":
        row.wrong("password", "is empty: delete the key for a user who can't sign in yet.")
    return line


def _branch(row: MappingReader) -> BranchLine:
    slug = row.need("slug", values.slug, "?")
    return BranchLine(
        slug=slug,
        name=row.text("name", _NAME) or slug,
        status=row.get("status", values.choice("active", "closed")) or "active",
        teams=tuple(closed(_team, team) for team in row.rows("teams")),
    )


def _team(row: MappingReader) -> TeamLine:
    slug = row.need("slug", values.slug, "?")
    return TeamLine(slug, row.text("name", _TEAM_NAME) or slug, row.get("members", values.several(values.email)) or ())


def _member(row: MappingReader) -> MemberLine:
    return MemberLine(
        user=row.need("user", values.email, "?"),
        branch=row.need("branch", values.slug, "?"),
        role=row.need("role", values.slug, "?"),
        active=row.get("status", values.choice("active", "removed")) != "removed",
    )


def _parent_role(row: MappingReader) -> ParentRoleLine:
    return ParentRoleLine(row.need("user", values.email, "?"), row.need("role", values.slug, "?"))


def role_line(row: MappingReader) -> RoleLine:
    """An own role, as its row in the file says it."""
    key = row.need("key", values.slug, "?")
    return RoleLine(
        key=key,
        name=row.text("name", _TEAM_NAME) or key,
        based_on=row.need("based_on", values.slug, "?"),
        grants=_grants(row),
    )


def _grants(row: MappingReader) -> dict[str, Scope]:
    found: dict[str, Scope] = {}
    given = row.row("grants")
    for key in given.rest():
        scope = given.need(key, values.scope, Scope.NONE)
        codename = _codename(given, key, key, scope)
        if codename in found:
            given.wrong(key, f"{codename} is listed twice.")
        found[codename] = scope
    return found


def _override(row: MappingReader) -> OverrideLine:
    scope = row.need("scope", values.scope, Scope.NONE)
    return OverrideLine(
        user=row.need("user", values.email, "?"),
        branch=row.need("branch", values.slug, "?"),
        permission=_codename(row, "permission", row.need_text("permission", None), scope),
        scope=scope,
        reason=row.need_text("reason", None),
        expires=row.get("expires", values.moment),
    )


def _codename(row: MappingReader, key: str, codename: str, scope: Scope) -> str:
    """The permission that the key names, by its codename; it has to know the scope."""
    try:
        permission = catalogue.get(codename)
    except UnknownPermission:
        row.wrong(key, f'"{codename}" is not a permission.')
        return codename
    if permission.target is not Target.RECORD and scope not in (Scope.NONE, Scope.ALL):
        row.wrong(
            key,
            f"{permission.codename} applies to the {permission.target}, so its scope must be none or all.",
        )
    return permission.codename


def _pipeline(row: MappingReader) -> PipelineLine:
    return PipelineLine(
        name=row.need_text("name", _ENTRY_NAME),
        offered=row.get("offered", values.flag) is not False,
        statuses=tuple(closed(_status, status) for status in row.rows("statuses")),
    )


def _status(row: MappingReader) -> StatusLine:
    return StatusLine(
        name=row.need_text("name", _ENTRY_NAME),
        outcome=row.get("outcome", values.choice(*Outcome.values)) or Outcome.OPEN.value,
        probability=row.get("probability", values.within(100)) or 0,
        offered=row.get("offered", values.flag) is not False,
    )


def _record(row: MappingReader) -> RecordLine:
    kind = row.need("type", values.choice(*records.registered()), "")
    return RecordLine(
        type=kind,
        ref=row.need_text("ref", _REFERENCE),
        branch=row.need("branch", values.slug, "?"),
        name=row.text("name", name_length(kind) if kind else None) or "",
        responsible=row.get("responsible", values.email),
        created_by=row.get("created_by", values.email),
        about=row.get("about", values.typed) if kind and about_columns(kind) else None,
        created_at=row.get("created_at", values.moment),
        values=_values(row, kind),
    )


def _values(row: MappingReader, kind: str) -> dict[str, Any]:
    if not kind:
        row.ignore_rest()
        return {}
    fields = fields_of(kind)
    row.offer(fields)
    found = {key: fields[key].value(row) for key in row.rest() if key in fields}
    return {key: value for key, value in found.items() if value is not None}


def _share(row: MappingReader) -> ShareLine:
    line = ShareLine(
        record=row.need("record", values.typed, ("", "")),
        user=row.get("user", values.email),
        team=row.get("team", _team_path),
        permissions=row.need("permissions", values.several(values.choice(*catalogue.SHAREABLE_VERBS)), ("?",)),
        reason=row.need_text("reason", None),
    )
    if not line.permissions:
        row.wrong("permissions", "is empty: a share needs at least one.")
    if (line.user is None) == (line.team is None):
        row.wrong(None, "a share is for one user or one team: add the key user or the key team.")
    return line


def _team_path(value: Any) -> tuple[str, str]:
    branch, slash, team = values.text(value).partition("/")
    if not (branch and slash and team):
        raise InvalidValue(f'"{value}" is not a team: write its branch and slug, such as north/sales')
    return branch, team


# The sections that can be larger than memory.
_LARGE: Mapping[str, Any] = {"records": RecordLine, "shares": ShareLine}
_SECTIONS: Mapping[str, Callable[[MappingReader], Any]] = {
    "users": _user,
    "branches": _branch,
    "members": _member,
    "parent_roles": _parent_role,
    "roles": role_line,
    "overrides": _override,
    "pipelines": _pipeline,
    "custom_fields": custom_field,
    "records": _record,
    "shares": _share,
}
