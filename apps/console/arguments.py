"""The arguments that several commands take, and the rows that they name."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from apps.access.targets import MalformedTarget, TargetName, UnknownTarget, find_target, parse_target
from apps.accounts.models import Account
from apps.console.base import Command
from apps.roles.catalogue import Target

USER = "the user's email address"
PERMISSION = "the codename, with or without the app (view_lead, crm.view_lead)"
TARGET = "account:SLUG, branch:ACCOUNT/BRANCH or TYPE:ACCOUNT/REF (lead:acme/L-17)"


class AskingCommand(Command):
    """A command that asks the engine: what its arguments name and is not there is refused in a sentence."""

    def _execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super()._execute(*args, **options)
        except UnknownTarget as error:
            raise CommandError(str(error)) from error


def target(text: str) -> TargetName:
    """A TARGET argument.

    Raises:
        ArgumentTypeError: it is not written as one.
    """
    try:
        return parse_target(text)
    except MalformedTarget as error:
        raise ArgumentTypeError(str(error)) from None


def add_json(parser: ArgumentParser) -> None:
    """The option that every reporting command has."""
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def add_branch(parser: ArgumentParser) -> None:
    """The option of those that are about one branch, or about all of them."""
    parser.add_argument("--branch", metavar="BRANCH", help="the branch's slug (all branches)")


def branch_id(account: Account, slug: str | None) -> int | None:
    """The id of the branch of that slug; None where none is named.

    Raises:
        Unknown: there is none.
    """
    return None if slug is None else find_target(TargetName(Target.BRANCH, account.slug, slug)).pk
