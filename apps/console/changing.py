"""What the commands that change access have in common: why, with whose rights, a trial, and how refusals are told."""

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
from apps.console.arguments import USER, AskingCommand, add_json
from apps.console.base import Problems
from apps.console.progress import ProgressBar

# How often a plan is gone through: to be checked and to be written, and in a trial once more to be measured.
PASSES = {False: 2, True: 3}


class ChangingCommand(AskingCommand):
    """A thin shell over one change of access. `noun` is what it changes, in the singular and in the plural."""

    noun: ClassVar[tuple[str, str]]

    def _execute(self, *args: Any, **options: Any) -> str | None:
        self._bar = ProgressBar(self.stderr)
        try:
            return super()._execute(*args, **options)
        except (TableRefused, Refusal) as error:
            raise CommandError(str(error)) from None
        except ManyRefused as refused:
            count = len(refused.refusals)
            lines = "1 line is" if count == 1 else f"{count:,} lines are"
            told = [*refused.lines, f"{lines} refused, and nothing was written."]
            raise Problems(told) from None
        finally:
            self._bar(1, 1)

    def make(self, change: Change, account: Account, options: dict[str, Any]) -> None:
        """Make the change with the rights of --actor, or try it, and report.

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
        """What a change that goes through so many lines tells of them; on a terminal the bar moves."""
        done = 0

        def tell(more: int) -> None:
            nonlocal done
            done += more
            self._bar(done, total * PASSES[options["dry_run"]])
            # Where DEBUG is on, Django keeps every statement.
            reset_queries()

        return tell

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
            told = {"account": account.slug, "dry_run": options["dry_run"], "operation": operation, "changed": count}
            self.print_json(told if tried is None else told | {"preview": tried.as_json()})
        elif not count:
            self.stdout.write("Nothing to change: all of it is so already.")
        else:
            verb = "Would change" if options["dry_run"] else "Changed"
            logged = "" if operation is None else f" (operation {operation})"
            self.stdout.write(f"{verb} {count:,} {self.noun[count != 1]} in {account.slug}{logged}.")
            for line in tried.lines() if tried is not None else ():
                self.stdout.write(line)


def add_changing(parser: ArgumentParser) -> None:
    """The options that every command has that changes access."""
    parser.add_argument("--reason", type=reason, required=True, help="why; it stands in the log")
    parser.add_argument("--actor", metavar="EMAIL", help=f"{USER} whose rights apply (the operator at the console)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be changed, and write nothing")
    add_json(parser)


def opened(file: str) -> AbstractContextManager[IO[bytes]]:
    """The file, or standard input where it is named `-`.

    Raises:
        CommandError: it cannot be read.
    """
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandError(f"{file} cannot be read: {reason}.") from error


def needs_branch(account: Account, table: CsvTable, branch: str) -> None:
    """Refuse a file that says nothing of the branch, where that has to be said.

    Raises:
        CommandError: neither its columns nor --branch name one, and the account has several.
    """
    if branch or "branch" in table.columns:
        return
    if account.branches.filter(status=Branch.Status.ACTIVE).count() > 1:
        raise CommandError(
            f"{account} has several branches: name one with --branch, or each in a column branch.", returncode=2
        )
