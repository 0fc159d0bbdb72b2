"""The access matrix as a file: a line for each member, for spreadsheets and for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from apps.access.matrix import Cell, MatrixRow
from apps.roles import catalogue

# What a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """Gives each line back that a writer of CSV writes."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[MatrixRow]) -> Iterator[str]:
    """The matrix as CSV: effective scopes, before prerequisites cap them, and which come from an override."""
    writer: Any = csv.writer(_Line(), lineterminator="\n")
    codenames = [permission.codename for permission in catalogue.permissions()]
    yield writer.writerow(("branch", "user", "name", "active", "role", "parent_role", *codenames))
    for row in rows:
        cells = (_as_words(row.cells[codename]) for codename in codenames)
        branch, email, name = heading(row)
        active = str(row.user.is_active).lower()
        yield writer.writerow((branch, _harmless(email), _harmless(name), active, row.role, row.parent_role, *cells))


def heading(row: MatrixRow) -> tuple[str, str, str]:
    """The branch's slug, the address and the name."""
    return row.branch.slug if row.branch is not None else "", row.user.email, row.user.name


def as_json(row: MatrixRow) -> dict[str, Any]:
    """One member for programs."""
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


def _as_words(cell: Cell) -> str:
    words = "+".join(cell.scope.names) or "none"
    return f"{words} (override)" if cell.overridden else words


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
