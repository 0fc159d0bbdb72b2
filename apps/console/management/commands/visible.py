"""visible: list the records on which a user has a permission."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from apps.access.mandate_cache import mandate_for
from apps.access.questions import references
from apps.access.targets import find_account, find_user
from apps.console.arguments import PERMISSION, USER, AskingCommand, add_json
from apps.roles import catalogue


class Command(AskingCommand):
    """Prints one reference per line, or one JSON object."""

    help = (
        "Lists the references of the records on which a user has a permission and its prerequisites, sorted by code "
        "point. A permission that applies to every record type lists records of every type."
    )
    examples = (
        "ben@acme.example view_lead --account acme",
        "ben@acme.example export_contact --account acme --json",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the user, the permission and the account."""
        parser.add_argument("user", metavar="USER", help=USER)
        parser.add_argument("permission", metavar="PERMISSION", help=PERMISSION)
        parser.add_argument("--account", required=True, metavar="ACCOUNT", help="the account's slug")
        add_json(parser)

    def handle(self, *args: Any, user: str, permission: str, account: str, **options: Any) -> None:
        """Print the references."""
        asked = catalogue.get(permission)
        found = references(mandate_for(find_user(user), find_account(account).pk), asked)
        if not options["json"]:
            for reference in found:
                self.stdout.write(reference)
            return
        self.stdout.write('{"references": [', ending="")
        for number, reference in enumerate(found):
            text = json.dumps(reference, ensure_ascii=False)
            self.stdout.write(f", {text}" if number else text, ending="")
        self.stdout.write("]}")
