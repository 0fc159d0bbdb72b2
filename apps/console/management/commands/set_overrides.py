"""`set_overrides ACCOUNT --csv FILE`: set or clear overrides of many members."""

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
    """Runs `bulk.SetOverrides`."""

    help = (
        "Sets or clears the overrides in a CSV file. Required columns: user, permission, and scope (none, all, a "
        "combination such as responsible+shared, a name such as If creator, or clear). The column branch is required "
        "if the account has several. Optional columns: expires (2027-01-31T00:00:00Z) and reason (default: "
        "--reason). Every line is checked first, and each refused line is listed. Then all overrides are written in "
        "one operation, or none. Lines that change nothing are skipped."
    )
    examples = (
        'acme --csv overrides.csv --reason "Season of 2027"',
        'acme --csv overrides.csv --branch north --reason "…" --actor ann@acme.example --dry-run',
    )
    noun = ("override", "overrides")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the account, the file and the branch."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("--csv", required=True, metavar="FILE", help="the CSV file; - for standard input")
        parser.add_argument(
            "--branch", metavar="BRANCH", default="", help="the branch's slug, for lines without a branch"
        )
        add_changing(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Set the overrides and print how many."""
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
