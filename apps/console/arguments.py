"""Arguments that several commands share, and how they are resolved."""

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
    """A command that queries the engine: an unknown name in its arguments ends it with a sentence."""

    def _execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super()._execute(*args, **options)
        except UnknownTarget as error:
            raise CommandError(str(error)) from error


def target(text: str) -> TargetName:
    """Parse a TARGET argument.

    Raises:
        ArgumentTypeError: the text is not a target.
    """
    try:
        return parse_target(text)
    except MalformedTarget as error:
        raise ArgumentTypeError(str(error)) from None


def add_json(parser: ArgumentParser) -> None:
    """Add the option --json."""
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def add_branch(parser: ArgumentParser) -> None:
    """Add the option --branch of commands for one branch or all."""
    parser.add_argument("--branch", metavar="BRANCH", help="the branch's slug (all branches)")


def branch_id(account: Account, slug: str | None) -> int | None:
    """Return the id of the branch with that slug; None without a slug.

    Raises:
        UnknownTarget: the branch doesn't exist.
    """
    return None if slug is None else find_target(TargetName(Target.BRANCH, account.slug, slug)).pk
