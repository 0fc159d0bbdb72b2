"""The base of all commands: exit codes, help with examples, and output.

Exit 0: done. Exit 1: refused or failed, with the reason on standard error. Exit 2: invalid arguments.
"""

from __future__ import annotations

import os
import sys
import textwrap
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterable
from contextlib import redirect_stderr
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.db import OperationalError, ProgrammingError
from psycopg.errors import UndefinedColumn, UndefinedTable

from apps.accounts.database_faults import DatabaseFault, database_fault, database_words
from apps.accounts.isolation import AccountsFailed
from apps.console.output import Output, ShownErrors, as_json, one_line
from apps.roles.catalogue import UnknownPermission, WrongTarget

WIDTH = 79


class _Formatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Preserves the lines of the examples and lists Django's own options last."""


class Problems(CommandError):
    """Several problems, one per line."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = [one_line(line) for line in lines]
        super().__init__("\n".join(self.lines))


class Command(BaseCommand):
    """A command that reports an error in one sentence. Subclasses set `help`, and `examples` with one line each.

    Each `stdout.write` prints one line, whatever the text contains. JSON is printed by `print_json`, other output for
    programs by `stdout.exact`.
    """

    stdout: Output
    stderr: Output

    examples: ClassVar[tuple[str, ...]] = ()
    requires_system_checks = ()
    # Django's general options work, but are left out of the help.
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

    def __init__(self, stdout: Any = None, stderr: Any = None, **colors: bool) -> None:
        super().__init__(stdout, stderr, **colors)
        self._print_to(stdout or sys.stdout, stderr or sys.stderr)

    def _print_to(self, stdout: Any, stderr: Any) -> None:
        style_func = self.stderr.style_func
        self.stdout, self.stderr = Output(stdout), Output(stderr)
        self.stderr.style_func = style_func

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with the examples below its options."""
        lines = "\n".join(f"  manage.py {subcommand} {example}" for example in self.examples)
        parser = super().create_parser(
            prog_name, subcommand, formatter_class=_Formatter, epilog=f"examples:\n{lines}" if lines else None, **kwargs
        )
        parser.description = textwrap.fill(self.help, WIDTH)
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run, and exit with 1 and a sentence if the command refuses or can't continue."""
        try:
            with redirect_stderr(ShownErrors(sys.stderr)):
                super().run_from_argv(argv)
        except BrokenPipeError:
            # The reader closed the pipe: suppress further output, also at the interpreter's exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(130)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run `handle`. A refusal exits with 1 on the command line and raises elsewhere."""
        streams = options.pop("stdout", None), options.pop("stderr", None)
        self._print_to(streams[0] or self.stdout._out, streams[1] or self.stderr._out)
        try:
            return self._execute(*args, **options)
        except CommandError as error:
            if not self._called_from_command_line or options["traceback"]:
                raise
            for line in error.lines if isinstance(error, Problems) else [str(error)]:
                self.stderr.write(line)
            sys.exit(error.returncode)

    def _execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (UnknownPermission, WrongTarget, AccountsFailed) as error:
            raise CommandError(str(error)) from error
        except ProgrammingError as error:
            if not isinstance(error.__cause__, UndefinedTable | UndefinedColumn):
                raise
            raise CommandError("The database schema is not up to date. Run manage.py migrate first.") from error
        except OperationalError as error:
            fault = database_fault(error) or DatabaseFault.UNREACHABLE
            words = str(error).strip() or database_words(error)
            raise CommandError(f"{fault.sentence}: {words.splitlines()[0]}") from error

    def print_json(self, value: Any, *, indent: int | None = None) -> None:
        """Print one JSON value, on one line unless indented."""
        self.stdout.exact(f"{as_json(value, indent=indent)}\n")
