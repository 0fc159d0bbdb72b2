"""`remove_member ACCOUNT USER`: remove a member and hand over their records."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from apps.access import handover
from apps.access.handover import Delete, HandOver, HandOverPlan
from apps.access.targets import find_account, find_user
from apps.changes.removal import RemoveMember
from apps.console.arguments import USER, add_branch, branch_id
from apps.console.changing import ChangingCommand, add_changing

ALL, NOBODY, DELETE = "all", "nobody", "delete"


class Command(ChangingCommand):
    """Runs `removal.RemoveMember`."""

    help = (
        "Removes a member from one branch or from all. They lose access immediately and can be restored later. The "
        "offboarding plan (--give, --private) names the new owner of their records and open tasks. Record types "
        "without a new owner stay with them and visible to their teams. --private is always required; the command "
        "never shows whether there are private contacts."
    )
    examples = (
        'acme ben@acme.example --give all=ann@acme.example --private ann@acme.example --reason "Ben left"',
        "acme ben@acme.example --branch north --give task=cem@acme.example --give lead=nobody --private delete"
        ' --reason "Ben works in the south only" --dry-run',
    )
    noun = ("membership", "memberships")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the member, the branch and the offboarding plan."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("user", metavar="USER", help=f"{USER} to remove")
        add_branch(parser)
        parser.add_argument(
            "--give",
            action="append",
            default=[],
            type=_gift,
            metavar="TYPE=USER",
            help="the new owner of the records of a type; can be repeated, the last one counts: "
            f"TYPE is {', '.join(handover.record_types())} or {ALL}, USER is an email address or {NOBODY}",
        )
        parser.add_argument(
            "--private", required=True, metavar="USER", help=f"the new owner of any private contacts; or {DELETE}"
        )
        add_changing(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Remove the member."""
        account = find_account(options["account"])
        to: dict[str, int | None] = {}
        for types, receiver in options["give"]:
            to |= dict.fromkeys(types, None if receiver == NOBODY else find_user(receiver).pk)
        private = options["private"]
        change = RemoveMember(
            account_id=account.pk,
            user_id=find_user(options["user"]).pk,
            branch_id=branch_id(account, options["branch"]),
            removal_plan=HandOverPlan(to, Delete() if private == DELETE else HandOver(find_user(private).pk)),
        )
        self.make(change, account, options)


def _gift(text: str) -> tuple[list[str], str]:
    """Parse TYPE=USER into the record types and the new owner."""
    name, _, receiver = text.partition("=")
    types = handover.record_types()
    if not receiver or name not in (ALL, *types):
        raise ArgumentTypeError(
            f'"{text}" is not valid. Write TYPE=USER, with one of the types {", ".join(types)} or {ALL}.'
        )
    return (types if name == ALL else [name]), receiver
