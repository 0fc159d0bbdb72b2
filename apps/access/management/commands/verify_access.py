"""verify_access: fold the audit log, and hold every table of access against what it says."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from functools import partial
from typing import Any

from django.core.management.base import CommandError

from apps.access.fold import Difference, differences
from apps.access.management.arguments import AskingCommand, add_json
from apps.access.targets import find_account
from apps.accounts.models import Account
from apps.audit.management.progress import ProgressBar
from apps.audit.models import PLATFORM, Link

SHOWN = 20


class Command(AskingCommand):
    """Exit 0 where all is as the log says; 1 where something is not, and for an unknown account."""

    help = (
        "Verifies the tables of access: folds the audit log of one account, or of every account and of the platform, "
        "from its beginning, and compares the outcome with every row and column that stands in the tables. What was "
        "changed behind the log's back is found here; that the log itself is whole, verify_audit says."
    )
    examples = ("acme", "--json")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One account, or all."""
        parser.add_argument("account", nargs="?", metavar="ACCOUNT", help="the account's slug; left out: all")
        add_json(parser)

    def handle(self, *args: Any, account: str | None, **options: Any) -> None:
        """Print a line for each account, and what differs; or one JSON object."""
        slugs = dict(Account.objects.values_list("pk", "slug"))
        chains = {PLATFORM, *slugs, *Link.objects.filter(seq=1).values_list("account_id", flat=True)}
        asked = sorted(chains) if account is None else [find_account(account).pk]
        bar, found = ProgressBar(self.stderr), {}
        for done, account_id in enumerate(asked):
            found[account_id] = differences(account_id, partial(_progress, bar, done, len(asked)))
        names = {PLATFORM: "the platform"} | slugs
        told = [(names.get(key, f"account number {key}, which is gone"), each) for key, each in found.items()]
        if options["json"]:
            self.print_json({name: [asdict(difference) for difference in each] for name, each in told})
        else:
            for name, each in told:
                self._print(name, each)
        if differing := [name for name, each in told if each]:
            raise CommandError(f"The tables are not as the audit log says, first in {differing[0]}.")

    def _print(self, name: str, found: list[Difference]) -> None:
        self.stdout.write(f"{name}: {f'differs in {len(found):,}' if found else 'as the audit log says'}")
        for difference in found[:SHOWN]:
            self.stdout.write(f"  - {difference.sentence}")
        if len(found) > SHOWN:
            self.stdout.write(f"  - and {len(found) - SHOWN:,} more")


def _progress(bar: ProgressBar, accounts: int, of: int, tables: int, of_tables: int) -> None:
    """Tell the bar of tables done, after so many accounts of how many."""
    bar(accounts * of_tables + tables, of * of_tables)
