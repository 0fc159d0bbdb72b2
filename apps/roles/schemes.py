"""The published role systems, read from `schemes/*.toml` and expanded over the catalogue.

A row of a data file names permissions (one by one, by verb and record type, by category, by prefix, or the rest) and
gives each role a cell. A cell is a scope, and the letter of its source: `s` said by the publisher, `k` known from
that publisher's other documents, `c` chosen here. A codename beats a category, and a later row an earlier one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from apps.roles import catalogue
from apps.roles.scopes import Scope

DATA = Path(__file__).parent / "schemes"
SOURCES = MappingProxyType(
    {"s": "said by the publisher", "k": "known from the publisher's other documents", "c": "chosen here"}
)
CELLS: Mapping[str, Scope] = MappingProxyType(
    {
        "P": Scope.ALL,
        "G": Scope.RESPONSIBLE | Scope.SHARED | Scope.TEAM,
        "R": Scope.RESPONSIBLE | Scope.SHARED,
        "C": Scope.CREATED,
        "CR": Scope.CREATED | Scope.RESPONSIBLE | Scope.SHARED,
        "-": Scope.NONE,
        "x": Scope.NONE,
    }
)
_FULL_BY_NAME = ("owner", "admin", "administrator")
_SELECTORS = ("permissions", "verbs", "category", "prefix", "rest")
_SPECIFICITY = {"permissions": 3, "verbs": 3, "category": 2, "prefix": 1, "rest": 0}


class SchemeError(ValueError):
    """A scheme's data file says something that cannot be; the message names the file and the place."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role says of one permission: how far, and whether an override may say otherwise."""

    scope: Scope
    grantable: bool
    source: str = "c"


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """One role of a scheme with a grant for every permission of the catalogue."""

    key: str
    name: str
    kind: str
    rank: int
    single: bool
    locked: bool
    supreme: bool
    description: str
    grants: Mapping[str, Grant]


@dataclass(frozen=True, slots=True)
class Scheme:
    """A published system of roles, and the rules of changing them.

    `extra_needs` adds prerequisites, verb to verbs. `custom_roles_feature` is the plan feature that own roles ask for.
    Without `leave` nobody leaves by themselves. `tabs` are categories that have another name here, `hidden_tabs` those
    that are not shown. Nor are `hidden_types`, unless the account switches Projects on; hiding changes no right.
    """

    key: str
    name: str
    description: str
    many_branches: bool
    up_only: bool
    shield: bool
    custom_roles: bool
    custom_roles_feature: str | None
    leave: bool
    extra_needs: Mapping[str, tuple[str, ...]]
    tabs: Mapping[str, str]
    hidden_types: tuple[str, ...]
    hidden_tabs: tuple[str, ...]
    founder: Mapping[str, str]
    roles: Mapping[str, RoleDefinition]
    _closures: dict[tuple[str, str | None], tuple[str, ...]] = field(default_factory=dict, compare=False)

    def closure(self, codename: str, type_name: str | None = None) -> tuple[str, ...]:
        """All that `codename` needs under this scheme, itself last (section 4).

        Raises:
            UnknownPermission: the catalogue lacks it.
        """
        key = (codename, type_name)
        if key not in self._closures:
            self._closures[key] = catalogue.closure(codename, type_name, self.extra_needs)
        return self._closures[key]

    @property
    def top_role(self) -> RoleDefinition:
        """The branch role of the highest rank."""
        return max((role for role in self.roles.values() if role.kind == "branch"), key=lambda role: role.rank)

    @property
    def single_role(self) -> RoleDefinition | None:
        """The role that exactly one person holds, where the scheme has one."""
        return next((role for role in self.roles.values() if role.single), None)


def scheme(key: str) -> Scheme:
    """The scheme of that key.

    Raises:
        LookupError: there is none.
    """
    if key not in (known := _schemes()):
        raise LookupError(f'The role system "{key}" does not exist: choose from {", ".join(sorted(known))}.')
    return known[key]


def scheme_keys() -> list[str]:
    """The keys of all schemes, sorted."""
    return sorted(_schemes())


@cache
def _schemes() -> dict[str, Scheme]:
    return {path.stem: read_scheme(path) for path in sorted(DATA.glob("*.toml"))}


def read_scheme(path: Path) -> Scheme:
    """The scheme in a data file.

    Raises:
        SchemeError: the file is not TOML, or names an unknown permission, category, role, cell or key.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SchemeError(f"{path.name}: {error}") from None
    try:
        return _scheme(path.stem, data)
    except KeyError as error:
        raise SchemeError(f"{path.name}: the key {error} is missing.") from None
    except (ValueError, LookupError) as error:
        raise SchemeError(f"{path.name}: {error}") from None


def _scheme(key: str, data: Mapping[str, Any]) -> Scheme:
    unknown = set(data) - {
        "name",
        "description",
        "rules",
        "needs",
        "tabs",
        "hidden_types",
        "hidden_tabs",
        "founder",
        "roles",
        "rows",
    }
    if unknown:
        raise ValueError(f"the key {', '.join(sorted(unknown))} is unknown.")
    rules = data["rules"]
    return Scheme(
        key=key,
        name=data["name"],
        description=data["description"],
        many_branches=rules["many_branches"],
        up_only=rules["up_only"],
        shield=rules["shield"],
        custom_roles=rules["custom_roles"],
        custom_roles_feature=rules.get("custom_roles_feature"),
        leave=rules.get("leave", True),
        extra_needs=MappingProxyType({verb: tuple(needed) for verb, needed in data.get("needs", {}).items()}),
        tabs=MappingProxyType({key: data["tabs"][key] for key in _categories(data.get("tabs", {}))}),
        hidden_types=tuple(data.get("hidden_types", ())),
        hidden_tabs=_categories(data.get("hidden_tabs", ())),
        founder=MappingProxyType(dict(data["founder"])),
        roles=MappingProxyType(_roles(data["roles"], data["rows"])),
    )


def _categories(keys: Iterable[str]) -> tuple[str, ...]:
    if unknown := set(keys) - catalogue.CATEGORIES.keys():
        raise ValueError(f"the category {', '.join(sorted(unknown))} is unknown.")
    return tuple(keys)


def _roles(roles: Iterable[Mapping[str, Any]], rows: list[Mapping[str, Any]]) -> dict[str, RoleDefinition]:
    keys = [role["key"] for role in roles]
    if doubled := {key for key in keys if keys.count(key) > 1}:
        raise ValueError(f"the role {', '.join(sorted(doubled))} is listed twice.")
    cells: dict[str, dict[str, tuple[int, str]]] = {key: {} for key in keys}
    for number, row in enumerate(rows, start=1):
        try:
            _apply_row(row, cells)
        except (ValueError, LookupError) as error:
            raise ValueError(f"row {number}: {error}") from None
    return {role["key"]: _role(role, cells[role["key"]]) for role in roles}


def _apply_row(row: Mapping[str, Any], cells: dict[str, dict[str, tuple[int, str]]]) -> None:
    if unknown := set(row) - {*_SELECTORS, "types", "except", *cells}:
        raise ValueError(f"{', '.join(sorted(unknown))} is neither a selector nor a role.")
    for key in cells.keys() & row.keys():
        _read_cell(row[key])
    for codename, specificity in _selected(row):
        for key in cells.keys() & row.keys():
            before = cells[key].get(codename, (-1, ""))
            if specificity >= before[0]:
                cells[key][codename] = (specificity, row[key])


def _selected(row: Mapping[str, Any]) -> list[tuple[str, int]]:
    chosen: list[tuple[str, int]] = []
    excepted = {catalogue.get(codename).codename for codename in row.get("except", ())}
    for codename in row.get("permissions", ()):
        chosen.append((catalogue.get(codename).codename, _SPECIFICITY["permissions"]))
    every_type = [record_type.name for record_type in catalogue.record_types()]
    types = every_type if row.get("types", "all") == "all" else row["types"]
    for verb in row.get("verbs", ()):
        matched = [name for name in types if verb in catalogue.record_type(name).verbs]
        if not matched:
            raise ValueError(f'no record type has the verb "{verb}".')
        chosen.extend((f"{verb}_{name}", _SPECIFICITY["verbs"]) for name in matched)
    for permission in catalogue.permissions():
        if permission.category in row.get("category", ()):
            chosen.append((permission.codename, _SPECIFICITY["category"]))
        if "prefix" in row and permission.codename.startswith(row["prefix"]):
            chosen.append((permission.codename, _SPECIFICITY["prefix"]))
        if row.get("rest"):
            chosen.append((permission.codename, _SPECIFICITY["rest"]))
    if unknown := set(row.get("category", ())) - catalogue.CATEGORIES.keys():
        raise ValueError(f"the category {', '.join(sorted(unknown))} is unknown.")
    return [(codename, specificity) for codename, specificity in chosen if codename not in excepted]


def _read_cell(cell: str) -> tuple[str, str]:
    scope, _, source = cell.partition(" ")
    if scope not in CELLS or (source or "c") not in SOURCES:
        raise ValueError(f'the cell "{cell}" is not one of {", ".join(CELLS)}, with s, k or c behind it.')
    return scope, source or "c"


def _role(role: Mapping[str, Any], cells: Mapping[str, tuple[int, str]]) -> RoleDefinition:
    full = role.get("locked") or role.get("supreme") or role["key"] in _FULL_BY_NAME
    grants = {}
    for permission in catalogue.permissions():
        code, source = (
            _read_cell(cells[permission.codename][1]) if permission.codename in cells else ("P" if full else "-", "c")
        )
        scope = CELLS[code]
        if permission.target is not catalogue.Target.RECORD and scope not in (Scope.NONE, Scope.ALL):
            raise ValueError(
                f"{role['key']}: {permission.codename} doesn't apply to records, so {code} is not a scope for it."
            )
        grants[permission.codename] = Grant(scope, grantable=code != "x", source=source)
    return RoleDefinition(
        key=role["key"],
        name=role["name"],
        kind=role["kind"],
        rank=role["rank"],
        single=role.get("single", False),
        locked=role.get("locked", False),
        supreme=role.get("supreme", False),
        description=role["description"],
        grants=MappingProxyType(grants),
    )
