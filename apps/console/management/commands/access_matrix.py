"""access_matrix: members × permissions, with effective scopes and overrides."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apps.access.matrix import Cell, MatrixRow, access_matrix
from apps.access.matrixfile import Rendered, csv_lines, heading, json_members
from apps.access.targets import TargetName, find_account, find_target
from apps.accounts.models import Account, Branch
from apps.console.arguments import AskingCommand
from apps.console.output import escaped_json
from apps.console.progress import ProgressBar
from apps.roles import catalogue
from apps.roles.catalogue import CATEGORIES, Target
from apps.roles.scopes import Scope
from apps.teams.models import Membership

WIDTH = 120
_CODES = {"created": "C", "responsible": "R", "shared": "S", "team": "T"}


class Command(AskingCommand):
    """A table for people, CSV for spreadsheets, JSON for programs."""

    help = (
        "Shows the effective scope of every member of an account for every permission, and which scopes come from an "
        "override. In the table, all and - are the scopes all and none. C R S T are created, responsible, shared and "
        "team. * marks an override. A permission of the whole account shows the union over its branches. Holders of "
        "a parent role without a membership come last. Operators in a session are not included."
    )
    examples = (
        "acme",
        "acme --branch north --format csv > north.csv",
        "acme --format json",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the account and the output format."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("--branch", metavar="BRANCH", help="only the members of this branch, by its slug")
        parser.add_argument(
            "--format", choices=("csv", "json", "table"), default="table", help="the output format (default: table)"
        )

    def handle(self, *args: Any, account: str, branch: str | None, **options: Any) -> None:
        """Print the matrix."""
        found = find_account(account)
        place = None if branch is None else find_target(TargetName(Target.BRANCH, account, branch))
        rows = self._watched(found, place if isinstance(place, Branch) else None)
        if options["format"] == "json":
            self._write_json(rows, account, branch)
        elif options["format"] == "csv":
            for line in csv_lines(rows):
                self.stdout.exact(line)
        else:
            for line in as_table(rows):
                self.stdout.write(line)

    def _watched(self, account: Account, branch: Branch | None) -> Iterator[MatrixRow]:
        """Yield the rows and move the progress bar."""
        members = Membership.objects.filter(account=account, status=Membership.Status.ACTIVE)
        size = (members if branch is None else members.filter(branch=branch)).count()
        bar = ProgressBar(self.stderr)
        for done, row in enumerate(access_matrix(account, branch)):
            bar(min(done, size), size + 1)
            yield row
        bar(1, 1)

    def _write_json(self, rows: Iterator[MatrixRow], account: str, branch: str | None) -> None:
        head = json.dumps({"account": account, "branch": branch}, ensure_ascii=False)
        self.stdout.exact(escaped_json(f'{head[:-1]}, "members": ['))
        for number, member in enumerate(json_members(rows)):
            self.stdout.exact(escaped_json(f", {member}" if number else member))
        self.stdout.exact("]}\n")


def as_table(rows: Iterable[MatrixRow]) -> Iterator[str]:
    """Yield the numbered members, and the permissions by category with one column per member; wide tables in blocks."""
    cells: list[Mapping[str, Cell]] = []
    for number, row in enumerate(rows, start=1):
        parts = [*heading(row), row.role, row.parent_role and f"parent role {row.parent_role}"]
        parts.append("" if row.user.is_active else "inactive")
        yield f"{number:4}  {'  '.join(part for part in parts if part)}"
        cells.append(row.cells)
    if not cells:
        yield "No members."
        return
    codes = Rendered(lambda found: {codename: _as_code(cell) for codename, cell in found.items()})
    first = max(len(permission.codename) for permission in catalogue.permissions())
    at_once = (WIDTH - first) // 7
    for begin in range(0, len(cells), at_once):
        block = [codes.of(found) for found in cells[begin : begin + at_once]]
        numbers = "".join(f"{number:>7}" for number in range(begin + 1, begin + len(block) + 1))
        category = ""
        for permission in catalogue.permissions():
            if permission.category != category:
                category = permission.category
                yield ""
                yield f"{CATEGORIES[category].upper():{first}}{numbers}"
            yield f"{permission.codename:{first}}{''.join(f'{found[permission.codename]:>7}' for found in block)}"


def _as_code(cell: Cell) -> str:
    code = "all" if cell.scope & Scope.ALL else "".join(_CODES[name] for name in cell.scope.names) or "-"
    return f"{code}*" if cell.overridden else code
