"""`switch_scheme ACCOUNT SCHEME --map FILE`: switch an account to another role system."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

import yaml
from django.core.management.base import CommandError

from apps.access.tables import LIMIT, CsvTable
from apps.access.targets import find_account
from apps.accounts.models import Account
from apps.changes.switching import SwitchScheme
from apps.console.changing import ChangingCommand, add_changing, opened
from apps.roles.models import Role
from apps.roles.schemes import scheme_keys

COLUMNS = ("role", "becomes")
NULL = "tag:yaml.org,2002:null"
# Unquoted words that mean null.
NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


class Command(ChangingCommand):
    """Runs `switching.SwitchScheme`."""

    help = (
        "Switches an account to another role system. Each member gets the role that the map names for their current "
        "role, in one operation. The map is YAML or JSON (employee: member, billing_admin: null), or a .csv file "
        "with the columns role and becomes. It must name every role of members and invitations, custom roles "
        "included. Null ends a parent role. Overrides and shares stay as they are. Custom roles are inactive until "
        "the account returns. --dry-run shows every permission that is gained or lost."
    )
    examples = (
        'acme atlas --map roles.yaml --reason "A second branch opens" --dry-run',
        'acme atlas --map roles.csv --reason "A second branch opens" --actor ann@acme.example',
    )
    noun = ("row", "rows")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the new role system and the role mapping."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("scheme", metavar="SCHEME", choices=scheme_keys(), help=", ".join(scheme_keys()))
        parser.add_argument("--map", required=True, metavar="FILE", help="the role mapping; - for standard input")
        add_changing(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Switch the account."""
        account = find_account(options["account"])
        with opened(options["map"]) as file:
            roles = _from_csv(file) if options["map"].lower().endswith(".csv") else _from_yaml(file)
        _check(roles, account)
        change = SwitchScheme(
            account_id=account.pk, scheme=options["scheme"], roles={key: to for key, (_, to) in roles.items()}
        )
        self.make(change, account, options)


Lines = dict[str, tuple[int, str | None]]
"""What each role becomes, and the line that says so."""


def _from_csv(file: IO[bytes]) -> Lines:
    found: Lines = {}
    for line in CsvTable(file, COLUMNS, needed=COLUMNS):
        if line.problem:
            raise CommandError(f"line {line.number}: {line.problem}")
        _enter(found, line.cells["role"], line.cells["becomes"] or None, line.number)
    return found


def _from_yaml(file: IO[bytes]) -> Lines:
    try:
        return _from_events(yaml.parse(file.read(LIMIT).decode("utf-8-sig"), Loader=yaml.CSafeLoader))
    except UnicodeDecodeError:
        raise CommandError("The map is not UTF-8. Save the file in that encoding.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        raise CommandError(
            f"{place}This is not valid YAML: {getattr(error, 'problem', None) or 'unknown error'}."
        ) from None


def _from_events(events: Iterator[Any]) -> Lines:
    """Read the map event by event: nested values are refused where they begin, so no deep tree is built."""
    # First come the start of stream and document, then the value or the end of the stream.
    value = next(islice(events, 2, None), None)
    if not isinstance(value, yaml.MappingStartEvent):
        raise CommandError("The map is not a mapping. Write a line such as employee: member for each role.")
    found: Lines = {}
    while not isinstance(key := next(events), yaml.MappingEndEvent):
        role = next(events)
        number = key.start_mark.line + 1
        if not (isinstance(key, yaml.ScalarEvent) and isinstance(role, yaml.ScalarEvent)):
            raise CommandError(
                f"line {number}: Each role becomes exactly one role. Write a line such as employee: member."
            )
        nothing = role.tag == NULL or (role.implicit[0] and role.value in NOTHING)
        _enter(found, key.value, None if nothing else role.value, number)
    next(events)
    if not isinstance(next(events), yaml.StreamEndEvent):
        raise CommandError("The map has a second document. Keep only one.")
    return found


def _enter(found: Lines, key: str, becomes: str | None, number: int) -> None:
    if key in found:
        raise CommandError(f"line {number}: “{key}” is already on line {found[key][0]}.")
    found[key] = number, becomes


def _check(roles: Lines, account: Account) -> None:
    """Refuse a map with roles that the account doesn't know: it may be for another account."""
    known = set(Role.objects.usable_in(account.pk, account.scheme).values_list("key", flat=True))
    for key, (number, _) in roles.items():
        if key not in known:
            raise CommandError(f"line {number}: {account} has no role “{key}”. Choose from {', '.join(sorted(known))}.")
