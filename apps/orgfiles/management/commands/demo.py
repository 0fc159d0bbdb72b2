"""demo: accounts to look around in, one for each scheme."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict, astuple
from typing import Any

from django.db import transaction

from apps.billing.demo import bill_demo
from apps.console.base import Command as BaseCommand
from apps.console.base import Problems
from apps.orgfiles.demo.loading import SignIn, load_demo, operator_code, organisations
from apps.orgfiles.organisation import InvalidOrganisation

HEADS = ("Email", "Password", "Account", "Role", "Authenticator secret")


class Command(BaseCommand):
    """Prints who can sign in; a second run changes nothing and prints the same."""

    help = (
        "Creates a demo account for each role system, with people and records, and prints who can sign in. "
        "Existing accounts don't change."
    )
    examples = ("", "--json", "--code")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How to report."""
        parser.add_argument("--dry-run", action="store_true", help="check everything without writing")
        parser.add_argument("--json", action="store_true", help="print who can sign in as a JSON array")
        parser.add_argument("--code", action="store_true", help="print the operator's current code and load nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load and print."""
        if options["code"]:
            self.stdout.write(operator_code())
            return
        try:
            with transaction.atomic():
                found = load_demo()
                bill_demo(organisation.account.slug for organisation in organisations())
                transaction.set_rollback(options["dry_run"])
        except InvalidOrganisation as refused:
            raise Problems(refused.lines) from refused
        if options["json"]:
            self.print_json([asdict(sign_in) for sign_in in found])
        else:
            for line in _table(found):
                self.stdout.write(line)


def _table(found: list[SignIn]) -> list[str]:
    lines = [HEADS, *(astuple(sign_in) for sign_in in found)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEADS))]
    lines.insert(1, tuple("-" * width for width in widths))
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
