"""show_scheme: show the roles of a role system and their scopes."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.management.base import CommandError

from apps.accounts.models import Account
from apps.console.base import Command as BaseCommand
from apps.roles import catalogue
from apps.roles.catalogue import CATEGORIES, Target
from apps.roles.models import Role
from apps.roles.schemes import Grant, RoleDefinition, Scheme, scheme, scheme_keys
from apps.roles.scopes import Scope

_NEVER = "x"
_CODES = {"created": "C", "responsible": "R", "shared": "S", "team": "T"}


class Command(BaseCommand):
    """Prints a matrix for people, or the exact data with --json."""

    help = (
        "Shows the roles of a role system and the scope that each gives for every permission; with --account, also "
        "the account's custom roles. In the table, all and - are the scopes all and none. C R S T are created, "
        "responsible, shared and team. x is a none that no override can change."
    )
    examples = ("atlas", "amocrm --json", "amocrm --account acme")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the role system and the account for custom roles."""
        parser.add_argument("scheme", metavar="SCHEME", help=f"one of {', '.join(scheme_keys())}")
        parser.add_argument("--account", metavar="ACCOUNT", help="the slug of an account that follows the role system")
        parser.add_argument("--json", action="store_true", help="print the role system as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the role system."""
        try:
            shown = scheme(options["scheme"])
        except LookupError as error:
            raise CommandError(str(error.args[0])) from error
        roles = [*shown.roles.values()]
        if options["account"] is not None:
            roles += own_roles(options["account"], shown)
        if options["json"]:
            self.print_json(as_json(shown, roles))
        else:
            for line in as_table(shown, roles):
                self.stdout.write(line)


def own_roles(slug: str, followed: Scheme) -> list[RoleDefinition]:
    """Return the account's custom roles in this role system, by key.

    Raises:
        CommandError: the account doesn't exist, or follows another role system.
    """
    account = Account.objects.filter(slug=slug).first()
    if account is None:
        raise CommandError(f'There is no account "{slug}".')
    if account.scheme != followed.key:
        raise CommandError(f'The account "{slug}" follows the role system {account.scheme}, not {followed.key}.')
    rows = Role.objects.filter(account_id=account.pk, scheme=followed.key).order_by("key").prefetch_related("grants")
    return [
        RoleDefinition(
            key=role.key,
            name=role.name,
            kind=role.kind,
            rank=role.rank,
            single=role.single,
            locked=role.locked,
            supreme=role.supreme,
            description=role.description,
            grants={grant.permission: Grant(grant.scope, grant.grantable) for grant in role.grants.all()},
        )
        for role in rows
    ]


def as_json(shown: Scheme, roles: list[RoleDefinition]) -> dict[str, Any]:
    """Return the role system as JSON data; permissions in the order of the catalogue."""
    return {
        "scheme": shown.key,
        "name": shown.name,
        "rules": {
            "many_branches": shown.many_branches,
            "up_only": shown.up_only,
            "shield": shown.shield,
            "custom_roles": shown.custom_roles,
        },
        "prerequisites": prerequisites(shown),
        "roles": [
            {
                "key": role.key,
                "name": role.name,
                "kind": role.kind,
                "rank": role.rank,
                "single": role.single,
                "locked": role.locked,
                "supreme": role.supreme,
                "grants": {
                    permission.codename: _grant_as_json(role, permission.codename)
                    for permission in catalogue.permissions()
                },
            }
            for role in roles
        ],
    }


def prerequisites(shown: Scheme) -> dict[str, list[str]]:
    """Return the prerequisites of each permission that has any, in the order of the catalogue.

    `view_T` is the view permission of the record's type, if the permission applies to every type; for an activity also
    that of the record it is about.
    """
    place = {permission.codename: number for number, permission in enumerate(catalogue.permissions())}
    found = {}
    for permission in catalogue.permissions():
        only_type = permission.record_types[0] if len(permission.record_types) == 1 else None
        needed = sorted(
            set(shown.closure(permission.codename, only_type)) - {permission.codename}, key=place.__getitem__
        )
        of_record = permission.target is Target.RECORD
        follows = of_record and only_type is not None and catalogue.record_type(only_type).follows_about
        if follows or (of_record and only_type is None and permission.needs_view):
            needed.append("view_T")
        if needed:
            found[permission.codename] = needed
    return found


def _grant(role: RoleDefinition, codename: str) -> Grant:
    """Return the custom role's grant; it has none for permissions that are newer."""
    return role.grants.get(codename, Grant(Scope.NONE, grantable=True))


def _grant_as_json(role: RoleDefinition, codename: str) -> Mapping[str, Any]:
    grant = _grant(role, codename)
    return {"scope": grant.scope.names, "grantable": grant.grantable}


def as_table(shown: Scheme, roles: list[RoleDefinition]) -> Iterator[str]:
    """Yield the role system as text: its rules, its roles, and a matrix of permissions by category."""
    yield f"{shown.name} ({shown.key}): {shown.description}"
    yield f"- an account has {'many branches' if shown.many_branches else 'one branch'}"
    if shown.up_only:
        yield "- members can only be promoted"
    if shown.shield:
        yield "- only the holder of the top role can view and edit their own details"
    yield f"- accounts {'can' if shown.custom_roles else 'cannot'} have custom roles"
    for role in roles:
        marks = [mark for mark in ("single", "locked", "supreme") if getattr(role, mark)]
        own = [] if role.key in shown.roles else ["custom role"]
        yield f"- {role.name} ({role.key}): {', '.join([f'{role.kind} role', f'rank {role.rank}', *marks, *own])}"
    codenames = [permission.codename for permission in catalogue.permissions()]
    first = max(map(len, codenames))
    widths = [max(len(role.key), 4) for role in roles]
    heads = "  ".join(role.key.ljust(width) for role, width in zip(roles, widths, strict=True))
    category = ""
    for permission in catalogue.permissions():
        if permission.category != category:
            category = permission.category
            yield ""
            yield f"{CATEGORIES[category].upper():{first}}  {heads}".rstrip()
        cells = (
            _cell(_grant(role, permission.codename)).ljust(width) for role, width in zip(roles, widths, strict=True)
        )
        yield f"{permission.codename:{first}}  {'  '.join(cells)}".rstrip()


def _cell(grant: Grant) -> str:
    if not grant.scope:
        return "-" if grant.grantable else _NEVER
    code = "all" if grant.scope & Scope.ALL else "".join(_CODES[name] for name in grant.scope.names)
    return code if grant.grantable else f"{code} {_NEVER}"
