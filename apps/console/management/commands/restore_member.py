"""`restore_member ACCOUNT USER`: restore a removed member."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from apps.access.targets import find_account, find_user
from apps.changes.removal import RestoreMember
from apps.console.arguments import USER, add_branch, branch_id
from apps.console.changing import ChangingCommand, add_changing


class Command(ChangingCommand):
    """Runs `removal.RestoreMember`."""

    help = (
        "Restores a removed member on one branch or on all, with their role, overrides, teams and shares. Records "
        "that were handed over stay with their new owners."
    )
    examples = ('acme ben@acme.example --reason "Ben is back"',)
    noun = ("membership", "memberships")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the member and the branch."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("user", metavar="USER", help=f"{USER} to restore")
        add_branch(parser)
        add_changing(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore the member."""
        account = find_account(options["account"])
        change = RestoreMember(
            account_id=account.pk,
            user_id=find_user(options["user"]).pk,
            branch_id=branch_id(account, options["branch"]),
        )
        self.make(change, account, options)
