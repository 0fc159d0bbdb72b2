"""who_may: list every user with a permission, and why; with --at, at that time."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError

from apps.access import policy
from apps.access.explain import explain
from apps.access.history.as_of import as_of
from apps.access.history.replay import NoSuchMoment
from apps.access.records import HistoryUnknown
from apps.access.targets import TargetName, find_target
from apps.accounts.models import User
from apps.console.arguments import PERMISSION, TARGET, AskingCommand, add_json, target
from apps.console.progress import ProgressBar

Through = dict[str, list[str]]


class Command(AskingCommand):
    """Prints one user per line with the reasons below, or one JSON object."""

    help = (
        "Lists the active users who have a permission on an account, a branch or a record, sorted by email address, "
        "with the reasons for each. Operators in a session are not included. With --at, the answer is for that time: "
        "permissions come from the audit log, the record from its history, and built-in roles as they are now. The "
        "sources are listed below the answer."
    )
    examples = (
        "view_lead lead:acme/L-17",
        "manage_billing branch:acme/north --json",
        "view_contact contact:acme/P-3 --at 2027-01-31T09:00:00Z",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the permission, the target and the time."""
        parser.add_argument("permission", metavar="PERMISSION", help=PERMISSION)
        parser.add_argument("target", type=target, metavar="TARGET", help=TARGET)
        parser.add_argument(
            "--at",
            type=moment,
            metavar="TIME",
            help="answer for this time, such as 2027-01-31T09:00:00Z or 2027-01-31T09:00:00+01:00",
        )
        add_json(parser)

    def handle(self, *args: Any, permission: str, target: TargetName, at: datetime | None, **options: Any) -> None:
        """Print the users."""
        if at is None:
            found = find_target(target)
            through = self._explained(
                policy.who_may(permission, found), lambda user: explain(user, permission, found).reasons
            )
            self._print(through, {}, as_json=options["json"])
            return
        try:
            with as_of(target, at) as past:
                through = self._explained(past.who_may(permission), lambda user: past.explain(user, permission).reasons)
        except NoSuchMoment as error:
            raise CommandError(str(error), returncode=2) from error
        except HistoryUnknown as error:
            raise CommandError(str(error)) from error
        self._print(through, {"at": at.isoformat(), "sources": past.sources}, as_json=options["json"])

    def _explained(self, users: list[User], why: Callable[[User], list[str]]) -> Through:
        bar, through = ProgressBar(self.stderr), {}
        for done, user in enumerate(sorted(users, key=lambda user: user.email), start=1):
            through[user.email] = why(user)
            bar(done, len(users))
        return through

    def _print(self, through: Through, past: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.print_json({"users": list(through), "through": through} | past)
            return
        for email, reasons in through.items():
            self.stdout.write(email)
            for sentence in reasons:
                self.stdout.write(f"  - {sentence}")
        if past:
            self.stdout.write("Sources:")
        for sentence in past.get("sources", ()):
            self.stdout.write(f"  - {sentence}")


def moment(text: str) -> datetime:
    """Parse a TIME argument.

    Raises:
        ArgumentTypeError: the text is not a time, or has no time zone.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f'"{text}" is not a valid time. Write it as 2027-01-31T09:00:00Z.') from None
    if found.tzinfo is None:
        raise ArgumentTypeError(f'"{text}" has no time zone. Add Z for UTC, or an offset such as +01:00.')
    return found
