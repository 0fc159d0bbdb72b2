"""access_matrix: members × permissions, with effective scopes and what comes from an override."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from apps.access.management.arguments import AskingCommand
from apps.access.matrix import Cell, MatrixRow, access_matrix
from apps.access.targets import TargetName, find_account, find_target
from apps.accounts.models import Branch
from apps.roles import catalogue
from apps.roles.catalogue import CATEGORIES, Target
from apps.roles.scopes import Scope

WIDTH = 120
_CODES = {"created": "C", "responsible": "R", "shared": "S", "team": "T"}
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t")


class Command(AskingCommand):
    """A table for people, CSV for spreadsheets, JSON for programs."""

    help = (
        "Shows the effective scope of every member of an account for every permission, and what comes from an "
        "override. In the table all and - are the scopes all and none, C R S T stand for created, responsible, shared "
        "and team, and * marks an override. A permission that is asked of the account shows the union over its "
        "branches; holders of a parent role without a membership come last; operators in a session are left out."
    )
    examples = (
        "acme",
        "acme --branch north --format csv > north.csv",
        "acme --format json",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which account, and in which form."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("--branch", metavar="BRANCH", help="only the members of this branch, by its slug")
        parser.add_argument(
            "--format", choices=("csv", "json", "table"), default="table", help="how to print it (default: table)"
        )

    def handle(self, *args: Any, account: str, branch: str | None, **options: Any) -> None:
        """Print it."""
        found = find_account(account)
        place = None if branch is None else find_target(TargetName(Target.BRANCH, account, branch))
        rows = list(access_matrix(found, place if isinstance(place, Branch) else None))
        if options["format"] == "json":
            self.print_json({"account": account, "branch": branch, "members": [_as_json(row) for row in rows]})
        elif options["format"] == "csv":
            self._print_csv(rows)
        else:
            for line in as_table(rows):
                self.stdout.write(line)

    def _print_csv(self, rows: list[MatrixRow]) -> None:
        writer = csv.writer(self.stdout, lineterminator="\n")
        codenames = [permission.codename for permission in catalogue.permissions()]
        writer.writerow(("branch", "user", "name", "active", "role", "parent_role", *codenames))
        for row in rows:
            cells = (_as_words(row.cells[codename]) for codename in codenames)
            active = str(row.user.is_active).lower()
            writer.writerow((*_heading(row)[:2], _harmless(row.user.name), active, row.role, row.parent_role, *cells))


def as_table(rows: list[MatrixRow]) -> Iterator[str]:
    """The members, numbered, and the permissions by category with a column for each member; wide ones in blocks."""
    if not rows:
        yield "There are no members."
        return
    for number, row in enumerate(rows, start=1):
        parts = [*_heading(row), row.role, row.parent_role and f"parent role {row.parent_role}"]
        parts.append("" if row.user.is_active else "inactive")
        yield f"{number:4}  {'  '.join(part for part in parts if part)}"
    first = max(len(permission.codename) for permission in catalogue.permissions())
    at_once = (WIDTH - first) // 7
    for begin in range(0, len(rows), at_once):
        block = rows[begin : begin + at_once]
        numbers = "".join(f"{number:>7}" for number in range(begin + 1, begin + len(block) + 1))
        category = ""
        for permission in catalogue.permissions():
            if permission.category != category:
                category = permission.category
                yield ""
                yield f"{CATEGORIES[category].upper():{first}}{numbers}"
            cells = "".join(f"{_as_code(row.cells[permission.codename]):>7}" for row in block)
            yield f"{permission.codename:{first}}{cells}"


def _heading(row: MatrixRow) -> tuple[str, str, str]:
    return row.branch.slug if row.branch is not None else "", row.user.email, row.user.name


def _as_code(cell: Cell) -> str:
    code = "all" if cell.scope & Scope.ALL else "".join(_CODES[name] for name in cell.scope.names) or "-"
    return f"{code}*" if cell.overridden else code


def _as_words(cell: Cell) -> str:
    words = "+".join(cell.scope.names) or "none"
    return f"{words} (override)" if cell.overridden else words


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _as_json(row: MatrixRow) -> dict[str, Any]:
    return {
        "user": row.user.email,
        "name": row.user.name,
        "active": row.user.is_active,
        "branch": row.branch.slug if row.branch is not None else None,
        "role": row.role or None,
        "parent_role": row.parent_role or None,
        "permissions": {
            codename: {"scope": cell.scope.names, "override": cell.overridden} for codename, cell in row.cells.items()
        },
    }
