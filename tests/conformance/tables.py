"""The published tables of the five schemes, transcribed by hand and expanded to every permission.

The transcription is in ``published/*.txt``, row for row as the product's specification prints it, so that
the two can be laid side by side. A row is ``permissions | cell for each role``:

* permissions are codenames; ``{a,b}`` stands for each of them, ``T`` for each record type, ``view_*`` for
  all that begin so, ``@Team`` for a category, ``!name`` for what is taken out of it, ``rest`` for all;
* a cell is ``P`` all, ``G`` the group's, ``R`` responsible or shared, ``C`` created, ``CR`` both of these,
  ``-`` none, ``x`` none and never grantable. ``P / C`` gives the parts of ``a / b`` in turn; after ``;``
  stand exceptions with their own permissions; ``[s]`` marks what the vendor's own page says, and so what can
  least be argued.

A codename beats a category, a later row an earlier one, and anything beats ``rest``.
"""

import re
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

PUBLISHED = Path(__file__).with_name("published")
SCHEMES = ("atlas", "amocrm", "atmos", "staff-ladder", "onepagecrm")
TYPES = ("lead", "contact", "company", "opportunity", "task", "activity", "project", "event", "goal", "page")
MERGEABLE = ("lead", "contact", "company")
NEVER = frozenset({"export_task", "export_activity"})
RULES = ("many_branches", "up_only", "shield", "custom_roles")

Reaches = frozenset[str]
REACHES: dict[str, Reaches] = {
    "P": frozenset({"all"}),
    "G": frozenset({"responsible", "shared", "team"}),
    "R": frozenset({"responsible", "shared"}),
    "C": frozenset({"created"}),
    "CR": frozenset({"created", "responsible", "shared"}),
    "-": frozenset(),
    "x": frozenset(),
}
FULL_BY_NAME = frozenset({"owner", "admin", "administrator"})
PICK_LIST: dict[str, Reaches] = {
    "Prohibited": REACHES["-"],
    "If creator": REACHES["C"],
    "If responsible": REACHES["R"],
    "All in the group": REACHES["G"],
    "Permitted": REACHES["P"],
}


class Permission(NamedTuple):
    """A row of the catalogue: its tab, what it is asked of (account, branch, record), and its danger mark."""

    category: str
    target: str
    danger: bool


class Role(NamedTuple):
    """The attributes of a published role; a parent role has no rank."""

    kind: str
    rank: int | None
    single: bool
    locked: bool
    supreme: bool


class Cell(NamedTuple):
    """What a role gives of one permission: its published letter, and whether the vendor's page says so."""

    letter: str
    seed: bool

    @property
    def reaches(self) -> Reaches:
        """The letter's reaches."""
        return REACHES[self.letter]

    @property
    def grantable(self) -> bool:
        """False for an x: no override and no own role ever gives it."""
        return self.letter != "x"


class Table(NamedTuple):
    """One published table: the roles at its head, and its rows as they stand in the file."""

    roles: list[str]
    rows: list[list[str]]


def data_lines(name: str) -> list[str]:
    """The lines of one data file that say something: no comments, no blank ones."""
    text = (PUBLISHED / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _braces(pattern: str) -> list[str]:
    """Each name that a pattern with ``{a,b}`` and ``T`` stands for, real or not."""
    types = MERGEABLE if pattern.startswith("merge_") else TYPES
    spelled = re.sub(r"_T$", "_{" + ",".join(types) + "}", pattern)
    parts = [part.split(",") for part in re.split(r"[{}]", spelled)]
    return ["".join(choice) for choice in product(*parts)]


def _split(text: str) -> list[str]:
    """The items of a list with commas, leaving alone the commas inside of braces."""
    return [item.strip() for item in re.split(r",(?![^{]*})", text)]


@cache
def catalogue() -> dict[str, Permission]:
    """Every permission of the product by its codename."""
    found: dict[str, Permission] = {}
    for line in data_lines("catalogue"):
        category, names, target, danger = (part.strip() for part in line.split("|"))
        for name in _braces(names):
            if name not in NEVER:
                found[name] = Permission(category, target, danger == "yes")
    return found


CATALOGUE = catalogue()
CATEGORIES = frozenset(permission.category for permission in CATALOGUE.values())


def _named(item: str) -> set[str]:
    """The codenames that one item of a row stands for; a misspelt one is a mistake of this file."""
    if item.startswith("@"):
        category, *without = (part.strip() for part in item[1:].split("!"))
        assert category in CATEGORIES, category
        return {name for name, row in CATALOGUE.items() if row.category == category} - set(without)
    if item.endswith("*"):
        return {name for name in CATALOGUE if name.startswith(item[:-1])}
    names = set(_braces(item)) - NEVER
    assert names <= CATALOGUE.keys(), names - CATALOGUE.keys()
    return names


def names_of(items: str) -> set[str]:
    """The codenames that a list of items stands for."""
    return {name for item in _split(items) for name in _named(item)}


def _letter(text: str) -> Cell:
    letter = text.removesuffix("[s]").strip()
    assert letter in REACHES, text
    return Cell(letter, text.endswith("[s]"))


Strength = tuple[int, int]


def _row(number: int, selector: str, cell: str) -> dict[str, tuple[Strength, Cell]]:
    """What one row says for one role, with its strength: codename 2, category 1, rest 0; then the row."""
    said: dict[str, tuple[Strength, Cell]] = {}
    first, *exceptions = (part.strip() for part in cell.split(";"))
    groups = selector.split(" / ")
    letters = [part.strip() for part in first.split(" / ")]
    assert len(letters) in (1, len(groups)), (selector, cell)
    for group, letter in zip(groups, letters * (len(groups) // len(letters)), strict=True):
        for item in _split(group.strip()):
            strength = 0 if item == "rest" else 1 if item.startswith("@") else 2
            for name in CATALOGUE if item == "rest" else _named(item):
                if name not in said or said[name][0] <= (strength, number):
                    said[name] = ((strength, number), _letter(letter))
    for exception in exceptions:
        names, letter = exception.split(maxsplit=1)
        for name in _named(names):
            said[name] = ((2, number), _letter(letter))
    return said


@cache
def _tables(scheme: str) -> list[Table]:
    tables: list[Table] = []
    for line in data_lines(scheme):
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 1:
            continue
        if not cells[0]:
            tables.append(Table(cells[1:], []))
        else:
            assert len(cells) == len(tables[-1].roles) + 1, line
            tables[-1].rows.append(cells)
    return tables


@cache
def rules(scheme: str) -> dict[str, bool]:
    """The scheme's rules of changing roles, each by its name."""
    (line,) = (line for line in data_lines(scheme) if line.startswith("rules:"))
    marked = line.removeprefix("rules:").split()
    assert set(marked) <= set(RULES), marked
    return {rule: rule in marked for rule in RULES}


@cache
def roles(scheme: str) -> dict[str, Role]:
    """The scheme's published roles by their key."""
    found: dict[str, Role] = {}
    for line in data_lines(scheme):
        if line.startswith("role:"):
            key, kind, rank, *marks = line.removeprefix("role:").split()
            number = None if rank == "-" else int(rank)
            found[key] = Role(kind, number, "single" in marks, "locked" in marks, "supreme" in marks)
    return found


@cache
def cells(scheme: str) -> dict[str, dict[str, Cell]]:
    """The published cell of every role for every permission of the catalogue."""
    found: dict[str, dict[str, Cell]] = {}
    for table in _tables(scheme):
        for column, key in enumerate(table.roles, start=1):
            role = roles(scheme)[key]
            full = role.locked or role.supreme or key in FULL_BY_NAME
            best: dict[str, tuple[Strength, Cell]] = {
                name: ((-1, -1), Cell("P" if full else "-", False)) for name in CATALOGUE
            }
            for number, row in enumerate(table.rows):
                for name, word in _row(number, row[0], row[column]).items():
                    if word[0] > best[name][0]:
                        best[name] = word
            found[key] = {name: cell for name, (_, cell) in best.items()}
    assert found.keys() == roles(scheme).keys(), scheme
    return found


Grant = tuple[Reaches, bool]


@cache
def expected(scheme: str) -> dict[str, dict[str, Grant]]:
    """What each role of the scheme gives of every permission: its reaches, and whether it is grantable."""
    return {
        role: {name: (cell.reaches, cell.grantable) for name, cell in row.items()}
        for role, row in cells(scheme).items()
    }


@cache
def seed_cells(scheme: str) -> frozenset[tuple[str, str]]:
    """The (role, permission) pairs whose cell the vendor's own page states."""
    return frozenset((role, name) for role, row in cells(scheme).items() for name, cell in row.items() if cell.seed)


def top_roles(scheme: str) -> frozenset[str]:
    """The branch roles of the highest rank and the supreme roles: every account keeps a holder of one."""
    ranks = [role.rank for role in roles(scheme).values() if role.rank is not None]
    return frozenset(key for key, role in roles(scheme).items() if role.supreme or role.rank == max(ranks))


@cache
def prerequisites(scheme: str) -> dict[str, frozenset[str]]:
    """The closure of what each permission needs on the same record (or branch) in this scheme.

    What depends on the record asked about is not here: a generic record permission also needs the view of
    that record's type, and everything asked of an activity also the view of what the activity is about.
    """
    needs: dict[str, set[str]] = {"change_own_targets": {"view_pipeline"}, "sync_company": {"view_company"}}
    needs |= {"view_client_talk": {"view_project"}, "view_team_talk": {"view_project"}}
    for kind in TYPES:
        for verb in ("change", "delete", "export"):
            needs[f"{verb}_{kind}"] = {f"view_{kind}"}
        if scheme == "amocrm":
            needs[f"delete_{kind}"].add(f"change_{kind}")
            needs[f"export_{kind}"].add(f"change_{kind}")
        if kind in MERGEABLE:
            needs[f"merge_{kind}"] = {f"view_{kind}", f"change_{kind}", f"delete_{kind}"}
    return {name: frozenset(needed) for name, needed in needs.items() if name in CATALOGUE}
