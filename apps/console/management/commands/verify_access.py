"""verify_access: replay the audit log and compare it with every access table."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from apps.access.history.replay import VERIFYING, Mismatch, differences
from apps.access.targets import find_account
from apps.accounts.isolation import in_each_account
from apps.accounts.models import Account
from apps.audit.models import PLATFORM, Link
from apps.console.arguments import AskingCommand, add_json
from apps.console.progress import ProgressBar

SHOWN = 20


class Command(AskingCommand):
    """Exits with 0 if everything matches; 1 if not, if an account can't be verified or is unknown.

    An account that can't be verified does not stop the others.
    """

    help = (
        "Verifies the access tables: replays the audit log of one account, or of every account and the platform, and "
        "compares the result with every row and column of the tables. It detects changes that bypassed the log. To "
        "verify the log itself, use verify_audit."
    )
    examples = ("acme", "--json")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the account."""
        parser.add_argument("account", nargs="?", metavar="ACCOUNT", help="the account's slug (default: all accounts)")
        add_json(parser)

    def handle(self, *args: Any, account: str | None, **options: Any) -> None:
        """Print a line for each account with its differences, or one JSON object."""
        slugs = dict(Account.objects.values_list("pk", "slug"))
        chains = {PLATFORM, *slugs, *Link.objects.filter(seq=1).values_list("account_id", flat=True)}
        asked = sorted(chains) if account is None else [find_account(account).pk]
        finished = in_each_account(VERIFYING, asked, differences, progress=ProgressBar(self.stderr))
        names = {PLATFORM: "the platform"} | slugs
        told = [(names.get(key, f"account number {key} (deleted)"), each) for key, each in finished.results.items()]
        if options["json"]:
            self.print_json({name: [asdict(difference) for difference in each] for name, each in told})
        else:
            for name, each in told:
                self._print(name, each)
        for failure in finished.failures:
            self.stderr.write(f"{failure.account}: could not be verified: {failure.cause}", style_func=str)
        if differing := [name for name, each in told if each]:
            raise CommandError(f"The tables differ from the audit log, first in {differing[0]}.")
        finished.check()

    def _print(self, name: str, found: list[Mismatch]) -> None:
        count = f"{len(found):,} difference{'s' if len(found) > 1 else ''}"
        self.stdout.write(f"{name}: {count if found else 'matches the audit log'}")
        for difference in found[:SHOWN]:
            self.stdout.write(f"  - {difference.sentence}")
        if len(found) > SHOWN:
            self.stdout.write(f"  - and {len(found) - SHOWN:,} more")
