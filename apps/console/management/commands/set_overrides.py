"""`set_overrides ACCOUNT --csv FILE`: overrides of many members, set or cleared."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from apps.access.tables import CsvTable
from apps.access.targets import TargetName, find_account, find_target
from apps.changes.bulk import SetOverrides
from apps.console.changing import ChangingCommand, add_changing, needs_branch, opened
from apps.roles.catalogue import Target

COLUMNS = ("user", "branch", "permission", "scope", "expires", "reason")


class Command(ChangingCommand):
    """A thin shell over `bulk.SetOverrides`."""

    help = (
        "Sets or clears the overrides that a file names. Columns: user, permission and scope (none, all, reaches such "
        "as responsible+shared, a name such as If creator, or clear); branch, where the account has several; expires "
        "(2027-01-31T00:00:00Z) and reason (--reason, where it is empty), as wanted. Every line is checked first, and "
        "what is refused is listed by its line; then all are written in one operation, or none. What is so already is "
        "passed over."
    )
    examples = (
        'acme --csv overrides.csv --reason "Season of 2027"',
        'acme --csv overrides.csv --branch north --reason "…" --actor ann@acme.example --dry-run',
    )
    noun = ("override", "overrides")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which, and why."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("--csv", required=True, metavar="FILE", help="the file; - for input")
        parser.add_argument("--branch", metavar="BRANCH", default="", help="the branch's slug, for lines without one")
        add_changing(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Set them, and say how many."""
        account = find_account(options["account"])
        if options["branch"]:
            find_target(TargetName(Target.BRANCH, account.slug, options["branch"]))
        with opened(options["csv"]) as file:
            table = CsvTable(file, COLUMNS, needed=("user", "permission", "scope"))
        needs_branch(account, table, options["branch"])
        change = SetOverrides(
            account_id=account.pk,
            lines=table,
            branch=options["branch"],
            progress=self.progress(len(table), options),
        )
        self.make(change, account, options)
