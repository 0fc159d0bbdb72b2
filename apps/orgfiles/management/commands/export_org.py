"""export_org: an account as an organisation file."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import connection, transaction

from apps.access import records
from apps.access.targets import find_account
from apps.accounts.models import Account
from apps.console.arguments import AskingCommand
from apps.console.progress import ProgressBar
from apps.orgfiles import organisation


class Command(AskingCommand):
    """Writes the file to standard output, or in one piece to FILE."""

    help = (
        "Writes an account as an organisation file; the output is always the same. An imported copy gives the same "
        "decisions for every user, permission and record. The file has no passwords."
    )
    examples = ("acme > acme.yaml", "acme acme.yaml")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which account, and where to."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("file", nargs="?", metavar="FILE", help="the file to write (default: standard output)")

    def handle(self, *args: Any, account: str, file: str | None, **options: Any) -> None:
        """Write it."""
        with transaction.atomic():
            _see_one_moment()
            lines = self._lines(find_account(account))
            if file is None:
                for line in lines:
                    self.stdout.exact(f"{line}\n")
            else:
                _write(Path(file), lines)

    def _lines(self, account: Account) -> Iterator[str]:
        """The lines of the file; on a terminal the bar moves as they are written."""
        bar = ProgressBar(self.stderr, "Writing")
        models = records.registered().values()
        size = sum(model._default_manager.filter(account=account).count() for model in models)
        for done, line in enumerate(organisation.export(account, self._note)):
            bar(min(done, size), size + 1)
            yield line
        bar(1, 1)

    def _note(self, sentence: str) -> None:
        self.stderr.write(f"Note: {sentence}", style_func=str)


def _see_one_moment() -> None:
    """Let every statement of the transaction see the same moment; not inside a transaction that has begun already."""
    if not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _write(path: Path, lines: Iterator[str]) -> None:
    """Write the file atomically: readers see the old content until the new one is complete."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        file = unfinished.open("x", encoding="utf-8", newline="\n")
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from error
    try:
        with file:
            file.writelines(f"{line}\n" for line in lines)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink()
        raise
