"""`restore_member ACCOUNT USER`: a removed member comes back as they were."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from apps.access.targets import find_account, find_user
from apps.changes.removal import RestoreMember
from apps.console.arguments import USER, add_branch, branch_id
from apps.console.changing import ChangingCommand, add_changing


class Command(ChangingCommand):
    """A thin shell over `removal.RestoreMember`."""

    help = (
        "Brings a removed member back, on one branch or on all of them, with the role, the overrides, the teams and "
        "the shares that they had. Records that were handed over stay where they are."
    )
    examples = ('acme ben@acme.example --reason "Ben is back"',)
    noun = ("membership", "memberships")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who comes back, and where."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("user", metavar="USER", help=f"{USER}, who comes back")
        add_branch(parser)
        add_changing(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore them."""
        account = find_account(options["account"])
        change = RestoreMember(
            account_id=account.pk,
            user_id=find_user(options["user"]).pk,
            branch_id=branch_id(account, options["branch"]),
        )
        self.make(change, account, options)
