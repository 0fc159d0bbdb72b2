"""`change_roles ACCOUNT --to ROLE (--from ROLE | --emails FILE | --csv FILE)`: change the role of many members."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.access.tables import CsvTable
from apps.access.targets import TargetName, find_account, find_target
from apps.accounts.models import Account
from apps.changes.bulk import ChangeRoles, ReplaceRole
from apps.console.changing import ChangingCommand, add_changing, needs_branch, opened
from apps.roles.catalogue import Target
from apps.teams.models import Membership

COLUMNS = ("user", "branch", "role")


class Command(ChangingCommand):
    """Runs `bulk.ChangeRoles` and `bulk.ReplaceRole`."""

    help = (
        "Changes the role of many members: of everyone with a given role, or of the members in a file. Every line is "
        "checked first, and each refused line is listed. Then all members change in one operation, or none. Members "
        "who already have the role are skipped, so you can run a file again."
    )
    examples = (
        'acme --from member --to admin --branch north --reason "The north runs itself"',
        'acme --to member --emails leaving.txt --reason "Handed over" --actor ann@acme.example --dry-run',
        'acme --csv roles.csv --reason "Reorganisation 2027"',
    )
    noun = ("role", "roles")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the account, the roles and the members."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("--to", metavar="ROLE", help="the key of the new role")
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument(
            "--from", dest="replaced", metavar="ROLE", help="change all members with this role on an open branch"
        )
        who.add_argument(
            "--emails", metavar="FILE", help="a file of email addresses, one per line; - for standard input"
        )
        who.add_argument(
            "--csv",
            metavar="FILE",
            help="a CSV file with the columns user, branch (or --branch) and role (or --to); branch is optional if "
            "the account has only one",
        )
        parser.add_argument("--branch", metavar="BRANCH", default="", help="the branch's slug")
        add_changing(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Change the roles and print how many."""
        account = find_account(options["account"])
        if options["branch"]:
            find_target(TargetName(Target.BRANCH, account.slug, options["branch"]))
        if options["to"] is None and options["csv"] is None:
            raise CommandError("Choose the new role with --to.", returncode=2)
        if options["replaced"] is not None:
            self._replace(account, options)
            return
        with opened(options["emails"] or options["csv"]) as file:
            if options["emails"]:
                table = CsvTable(file, ("user",), headless=True)
            else:
                table = CsvTable(file, COLUMNS, needed=("user",) if options["to"] else ("user", "role"))
        needs_branch(account, table, options["branch"])
        change = ChangeRoles(
            account_id=account.pk,
            lines=table,
            branch=options["branch"],
            role=options["to"] or "",
            progress=self.progress(len(table), options),
        )
        self.make(change, account, options)

    def _replace(self, account: Account, options: dict[str, Any]) -> None:
        if options["replaced"] == options["to"]:
            raise CommandError("--from and --to are the same. Choose two different roles.", returncode=2)
        held = Membership.objects.active().filter(account=account, role__key=options["replaced"])
        change = ReplaceRole(
            account_id=account.pk,
            replaced=options["replaced"],
            role=options["to"],
            branch=options["branch"],
            progress=self.progress(held.count(), options),
        )
        self.make(change, account, options)
