"""`transfer_account ACCOUNT --to USER`: transfer the role that has a single holder."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from apps.access.targets import UnknownTarget, find_account, find_user
from apps.accounts.models import Account
from apps.changes.transfer import TransferOwnership
from apps.console.arguments import USER
from apps.console.changing import ChangingCommand, add_changing
from apps.roles.models import Role


class Command(ChangingCommand):
    """Runs `transfer.TransferOwnership`."""

    help = (
        "Transfers the role that always has exactly one holder (account owner, super admin) to another member. The "
        "previous holder gets another role in the same operation. In role systems without a role that can transfer "
        "ownership, only an operator can."
    )
    examples = (
        'acme --to ben@acme.example --reason "Ann retires"',
        'acme --to ben@acme.example --role-of-previous user --reason "Ann retires" --actor ann@acme.example --dry-run',
    )
    noun = ("role", "roles")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the new holder and the previous holder's new role."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("--to", required=True, metavar="USER", help=f"{USER} of the new holder")
        parser.add_argument(
            "--role-of-previous",
            metavar="ROLE",
            help="the key of the new role of the previous holder (default: the highest that several can have)",
        )
        add_changing(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Transfer the role."""
        account, previous = find_account(options["account"]), options["role_of_previous"]
        change = TransferOwnership(
            account_id=account.pk,
            to_user_id=find_user(options["to"]).pk,
            previous_role_id=None if previous is None else _role(account, previous).pk,
        )
        self.make(change, account, options)


def _role(account: Account, key: str) -> Role:
    usable = Role.objects.usable_in(account.pk, account.scheme).filter(kind=Role.Kind.BRANCH)
    roles = {role.key: role for role in usable}
    if key not in roles:
        known = ", ".join(sorted(roles))
        raise UnknownTarget(f'The account "{account.slug}" has no role "{key}". Choose from {known}.')
    return roles[key]
