"""The base of commands that change access: reason, actor, dry run and the output of refusals."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any, ClassVar

from django.core.management.base import CommandError
from django.db import reset_queries

from apps.access.tables import CsvTable, TableRefused
from apps.access.targets import find_user
from apps.accounts.models import Account, Branch
from apps.audit.management.arguments import reason
from apps.changes.base import Change
from apps.changes.preview import preview
from apps.changes.previews.values import Preview
from apps.changes.refusals import ManyRefused, Refusal
from apps.console.arguments import AskingCommand, add_json
from apps.console.base import Problems
from apps.console.progress import ProgressBar

# How many passes a plan needs: one to check, one to write; a dry run has one more to measure.
PASSES = {False: 2, True: 3}


class ChangingCommand(AskingCommand):
    """A command that makes one change of access. `noun` is what it changes, in singular and plural."""

    noun: ClassVar[tuple[str, str]]

    def _execute(self, *args: Any, **options: Any) -> str | None:
        self._bar = ProgressBar(self.stderr)
        try:
            return super()._execute(*args, **options)
        except (TableRefused, Refusal) as error:
            raise CommandError(str(error)) from None
        except ManyRefused as refused:
            count = len(refused.refusals)
            lines = "1 line was" if count == 1 else f"{count:,} lines were"
            problems = [*refused.lines, f"{lines} refused. Nothing was written."]
            raise Problems(problems) from None
        finally:
            self._bar(1, 1)

    def make(self, change: Change, account: Account, options: dict[str, Any]) -> None:
        """Make the change with the permissions of --actor, or preview it, and report.

        Raises:
            Refusal, ManyRefused: as the change does.
        """
        actor = None if options["actor"] is None else find_user(options["actor"])
        if options["dry_run"]:
            found = preview(change, actor=actor)
            self._report(found.rows, account, options, found)
            return
        done = change.apply(actor=actor, reason=options["reason"])
        self._report(done.rows, account, options, operation=done.operation_id)

    def progress(self, total: int, options: dict[str, Any]) -> Callable[[int], None]:
        """Return a callback that counts processed lines and moves the progress bar on a terminal."""
        done = 0

        def count_lines(more: int) -> None:
            nonlocal done
            done += more
            self._bar(done, total * PASSES[options["dry_run"]])
            # With DEBUG, Django stores every statement.
            reset_queries()

        return count_lines

    def _report(
        self,
        count: int,
        account: Account,
        options: dict[str, Any],
        tried: Preview | None = None,
        *,
        operation: int | None = None,
    ) -> None:
        if options["json"]:
            summary = {"account": account.slug, "dry_run": options["dry_run"], "operation": operation, "changed": count}
            self.print_json(summary if tried is None else summary | {"preview": tried.as_json()})
        elif not count:
            self.stdout.write("No changes: everything is already as requested.")
        else:
            verb = "Would change" if options["dry_run"] else "Changed"
            logged = "" if operation is None else f" (operation {operation})"
            self.stdout.write(f"{verb} {count:,} {self.noun[count != 1]} in {account.slug}{logged}.")
            for line in tried.lines() if tried is not None else ():
                self.stdout.write(line)


def add_changing(parser: ArgumentParser) -> None:
    """Add the options that every command for a change of access has."""
    parser.add_argument("--reason", type=reason, required=True, help="the reason, recorded in the audit log")
    parser.add_argument(
        "--actor",
        metavar="EMAIL",
        help="email address of the user whose permissions apply (default: platform operator)",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would change, without writing anything")
    add_json(parser)


def opened(file: str) -> AbstractContextManager[IO[bytes]]:
    """Open the file; `-` is standard input.

    Raises:
        CommandError: the file can't be read.
    """
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandError(f"Can't read {file}: {reason}.") from error


def needs_branch(account: Account, table: CsvTable, branch: str) -> None:
    """Refuse a file without a branch, if the account has several.

    Raises:
        CommandError: neither its columns nor --branch name one, and the account has several.
    """
    if branch or "branch" in table.columns:
        return
    if account.branches.filter(status=Branch.Status.ACTIVE).count() > 1:
        raise CommandError(
            f"{account} has several branches. Name one with --branch, or add a column branch.", returncode=2
        )
