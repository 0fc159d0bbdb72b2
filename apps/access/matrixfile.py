"""The access matrix as a file: a line for each member, for spreadsheets and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from apps.access.matrix import Cell, MatrixRow
from apps.access.spreadsheets import csv_line
from apps.roles import catalogue


def csv_lines(rows: Iterable[MatrixRow]) -> Iterator[str]:
    """The matrix as CSV: effective scopes, before prerequisites cap them, and which come from an override."""
    codenames = [permission.codename for permission in catalogue.permissions()]
    yield csv_line(("branch", "user", "name", "active", "role", "parent_role", *codenames), end="\n")
    for row in rows:
        cells = (_as_words(row.cells[codename]) for codename in codenames)
        active = str(row.user.is_active).lower()
        yield csv_line((*heading(row), active, row.role, row.parent_role, *cells), end="\n")


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
