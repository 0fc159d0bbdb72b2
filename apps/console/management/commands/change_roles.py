"""`change_roles ACCOUNT --to ROLE (--from ROLE | --emails FILE | --csv FILE)`: many members change their role."""

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
    """A thin shell over `bulk.ChangeRoles` and `bulk.ReplaceRole`."""

    help = (
        "Gives many members another role: all who hold a role, or those whom a file names. Every line is checked first "
        "and what is refused is listed by its line; then all are changed in one operation, or none. Who has the role "
        "already is passed over, so a file can be run again."
    )
    examples = (
        'acme --from member --to admin --branch north --reason "The north runs itself"',
        'acme --to member --emails leaving.txt --reason "Handed over" --actor ann@acme.example --dry-run',
        'acme --csv roles.csv --reason "Reorganisation 2027"',
    )
    noun = ("role", "roles")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who becomes what, where and why."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("--to", metavar="ROLE", help="the key of the role that they get")
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--from", dest="replaced", metavar="ROLE", help="all who hold this role on an open branch")
        who.add_argument("--emails", metavar="FILE", help="members by their e-mail addresses, one a line; - for input")
        who.add_argument(
            "--csv",
            metavar="FILE",
            help="columns: user; branch, where the account has several, or --branch; role, or --to",
        )
        parser.add_argument("--branch", metavar="BRANCH", default="", help="the branch's slug")
        add_changing(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Change them, and say how many."""
        account = find_account(options["account"])
        if options["branch"]:
            find_target(TargetName(Target.BRANCH, account.slug, options["branch"]))
        if options["to"] is None and options["csv"] is None:
            raise CommandError("Say which role they get: --to is missing.", returncode=2)
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
            raise CommandError("They are to get another role: --from and --to are the same.", returncode=2)
        held = Membership.objects.active().filter(account=account, role__key=options["replaced"])
        change = ReplaceRole(
            account_id=account.pk,
            replaced=options["replaced"],
            role=options["to"],
            branch=options["branch"],
            progress=self.progress(held.count(), options),
        )
        self.make(change, account, options)
