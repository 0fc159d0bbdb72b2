"""who_may: every user who may do this, and through what."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from apps.access import policy
from apps.access.explain import explain
from apps.access.management.arguments import PERMISSION, TARGET, AskingCommand, add_json, target
from apps.access.targets import TargetName, find_target
from apps.audit.management.progress import ProgressBar


class Command(AskingCommand):
    """One user a line with the reasons under it, or one JSON object."""

    help = (
        "Lists the active users who may do something to an account, a branch or a record, sorted by address, "
        "and through what each of them may. Operators in a session are left out."
    )
    examples = (
        "view_lead lead:acme/L-17",
        "manage_billing branch:acme/north --json",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What, and on what."""
        parser.add_argument("permission", metavar="PERMISSION", help=PERMISSION)
        parser.add_argument("target", type=target, metavar="TARGET", help=TARGET)
        add_json(parser)

    def handle(self, *args: Any, permission: str, target: TargetName, **options: Any) -> None:
        """Print them."""
        found = find_target(target)
        users = sorted(policy.who_may(permission, found), key=lambda user: user.email)
        bar, through = ProgressBar(self.stderr), {}
        for done, user in enumerate(users, start=1):
            through[user.email] = explain(user, permission, found).reasons
            bar(done, len(users))
        if options["json"]:
            self.print_json({"users": list(through), "through": through})
            return
        for email, reasons in through.items():
            self.stdout.write(email)
            for sentence in reasons:
                self.stdout.write(f"  - {sentence}")
