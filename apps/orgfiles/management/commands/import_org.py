"""import_org: an account from an organisation file, all or nothing."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.db import transaction

from apps.accounts.models import Account
from apps.console.base import Command as BaseCommand
from apps.console.base import Problems
from apps.console.progress import ProgressBar
from apps.orgfiles import organisation
from apps.orgfiles.organisation import InvalidOrganisation, Organisation


class Command(BaseCommand):
    """Prints what was created; a refusal names each problem with its place in the file."""

    help = (
        "Creates an account with its people, roles, records and shares from an organisation file (YAML or JSON), in "
        "one transaction. docs/organisation-file.md describes the format."
    )
    examples = ("acme.yaml", "acme.yaml --dry-run", "- < acme.json")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file."""
        parser.add_argument("file", metavar="FILE", help="the organisation file, or - for standard input")
        parser.add_argument("--dry-run", action="store_true", help="check everything without writing")

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        """Load, check and create."""
        try:
            found = organisation.load(
                sys.stdin.buffer if file == "-" else file, progress=ProgressBar(self.stderr, "Reading")
            )
            with transaction.atomic():
                account = organisation.create(found, progress=ProgressBar(self.stderr, "Writing"))
                transaction.set_rollback(options["dry_run"])
        except InvalidOrganisation as refused:
            raise Problems(refused.lines) from refused
        for note in found.notes:
            self.stderr.write(f"Note: {note}", style_func=str)
        self.stdout.write(_summary(account, found, dry_run=options["dry_run"]))


def _summary(account: Account, found: Organisation, *, dry_run: bool) -> str:
    sections = ("users", "branches", "members", "overrides", "records", "shares")
    counts = ", ".join(f"{len(getattr(found, section)):,} {section}" for section in sections)
    return f"{'Would create' if dry_run else 'Created'} the account {account.slug}: {counts}."
