"""The arguments that several commands take, and the rows that they name."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from apps.access.targets import Malformed, TargetName, Unknown, parse_target
from apps.roles.management.base import Command

USER = "the user's e-mail address"
PERMISSION = "the codename, with or without the app (view_lead, crm.view_lead)"
TARGET = "account:SLUG, branch:ACCOUNT/BRANCH or TYPE:ACCOUNT/REF (lead:acme/L-17)"


class AskingCommand(Command):
    """A command that asks the engine: what its arguments name and is not there is refused in a sentence."""

    def _execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super()._execute(*args, **options)
        except Unknown as error:
            raise CommandError(str(error)) from error


def target(text: str) -> TargetName:
    """A TARGET argument.

    Raises:
        ArgumentTypeError: it is not written as one.
    """
    try:
        return parse_target(text)
    except Malformed as error:
        raise ArgumentTypeError(str(error)) from None


def add_json(parser: ArgumentParser) -> None:
    """The option that every reporting command has."""
    parser.add_argument("--json", action="store_true", help="print the answer as one JSON object")
