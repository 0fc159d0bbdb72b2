"""The access matrix as a file: one line for each member, for spreadsheets and programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from apps.access.matrix import Cell, MatrixRow
from apps.access.spreadsheets import csv_line
from apps.roles import catalogue

# Number of different members whose text is cached.
MOST = 1_000


_T = TypeVar("_T")


class Rendered(Generic[_T]):
    """The text of a row's cells, computed once for all rows that share them."""

    def __init__(self, render: Callable[[Mapping[str, Cell]], _T]) -> None:
        self._render = render
        self._found: dict[int, tuple[Mapping[str, Cell], _T]] = {}

    def of(self, cells: Mapping[str, Cell]) -> _T:
        """Return the text of these cells."""
        found = self._found.get(id(cells))
        if found is None:
            if len(self._found) == MOST:
                self._found.clear()
            # Keep the cells with their text, so that their id is not reused.
            found = self._found[id(cells)] = (cells, self._render(cells))
        return found[1]


def csv_lines(rows: Iterable[MatrixRow]) -> Iterator[str]:
    """Yield the matrix as CSV: granted scopes, before prerequisites cap them, and which come from an override."""
    codenames = [permission.codename for permission in catalogue.permissions()]
    yield csv_line(("branch", "user", "name", "active", "role", "parent_role", *codenames), end="\n")
    words = Rendered(lambda cells: [_as_words(cells[codename]) for codename in codenames])
    for row in rows:
        active = str(row.user.is_active).lower()
        yield csv_line((*heading(row), active, row.role, row.parent_role, *words.of(row.cells)), end="\n")


def heading(row: MatrixRow) -> tuple[str, str, str]:
    """Return the branch's slug, the email address and the name."""
    return row.branch.slug if row.branch is not None else "", row.user.email, row.user.name


def as_json(row: MatrixRow) -> dict[str, Any]:
    """Return one member as JSON data."""
    return {**_who(row), "permissions": _permissions(row.cells)}


def json_members(rows: Iterable[MatrixRow]) -> Iterator[str]:
    """Yield each member as the text of a JSON object, equal to `as_json`."""
    permissions = Rendered(lambda cells: json.dumps(_permissions(cells)))
    for row in rows:
        yield f'{json.dumps(_who(row), ensure_ascii=False)[:-1]}, "permissions": {permissions.of(row.cells)}}}'


def _who(row: MatrixRow) -> dict[str, Any]:
    return {
        "user": row.user.email,
        "name": row.user.name,
        "active": row.user.is_active,
        "branch": row.branch.slug if row.branch is not None else None,
        "role": row.role or None,
        "parent_role": row.parent_role or None,
    }


def _permissions(cells: Mapping[str, Cell]) -> dict[str, Any]:
    return {codename: {"scope": cell.scope.names, "override": cell.overridden} for codename, cell in cells.items()}


def _as_words(cell: Cell) -> str:
    words = "+".join(cell.scope.names) or "none"
    return f"{words} (override)" if cell.overridden else words
