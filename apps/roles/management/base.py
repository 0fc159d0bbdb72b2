"""What the commands have in common: their exit codes, their help with examples, and how they speak.

Exit 0: done. Exit 1: refused or failed, with the reason on standard error. Exit 2: the arguments are off.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from argparse import RawDescriptionHelpFormatter
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.db import OperationalError, ProgrammingError
from psycopg.errors import UndefinedColumn, UndefinedTable

from apps.accounts.faults import DatabaseFault, database_fault, database_words
from apps.accounts.isolation import AccountsFailed
from apps.roles.catalogue import UnknownPermission, WrongTarget

WIDTH = 79


class _Formatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the lines of the examples, and Django's own options last."""


class Command(BaseCommand):
    """A command that says what went wrong in one sentence. Subclasses give `help`, and `examples` a line each."""

    examples: ClassVar[tuple[str, ...]] = ()
    requires_system_checks = ()
    # They work as everywhere, and are left out of the help, which is about the command.
    suppressed_base_arguments = {
        "--version",
        "--verbosity",
        "--settings",
        "--pythonpath",
        "--traceback",
        "--no-color",
        "--force-color",
        "--skip-checks",
    }
    _called_from_command_line: bool

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The parser, with the examples under its options."""
        lines = "\n".join(f"  manage.py {subcommand} {example}" for example in self.examples)
        parser = super().create_parser(
            prog_name, subcommand, formatter_class=_Formatter, epilog=f"examples:\n{lines}" if lines else None, **kwargs
        )
        parser.description = textwrap.fill(self.help, WIDTH)
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run, and end the process with 1 and a sentence where the command refuses or cannot go on."""
        try:
            super().run_from_argv(argv)
        except BrokenPipeError:
            # Whoever read the output has seen enough; nothing is left to be said, not even by the interpreter's end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(130)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run `handle`. What is refused ends the process with 1 on the command line, and is raised elsewhere."""
        try:
            return self._execute(*args, **options)
        except CommandError as error:
            if not self._called_from_command_line or options["traceback"]:
                raise
            self.stderr.write(str(error))
            sys.exit(error.returncode)

    def _execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (UnknownPermission, WrongTarget, AccountsFailed) as error:
            raise CommandError(str(error)) from error
        except ProgrammingError as error:
            if not isinstance(error.__cause__, UndefinedTable | UndefinedColumn):
                raise
            raise CommandError("The database is not set up for this version: run manage.py migrate first.") from error
        except OperationalError as error:
            fault = database_fault(error) or DatabaseFault.UNREACHABLE
            raise CommandError(f"{fault.sentence}: {database_words(error)}") from error

    def print_json(self, value: Any) -> None:
        """One JSON value on a line."""
        self.stdout.write(json.dumps(value, ensure_ascii=False))
