"""What an account's pages take, each whole as the web server's role, beside its SQL alone.

The account has 5,000 members and 1,000,000 leads, and who looks may do everything in it. Every page that is read
is measured: their addresses are those of the URL configuration, filled in with rows of the account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from apps.access.models import AccessRequest, Override
from apps.accounts.models import Account, Branch, User
from apps.audit.models import Operation
from apps.audit.services import operation
from apps.crm.generation.plan import Plan
from apps.crm.generation.run import generate
from apps.crm.models import Lead
from apps.roles.models import Role
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership, ParentMembership, Team
from bench.fence import acting_as, web_connection
from bench.measure import interleaved
from bench.tables import Row, milliseconds, ratio

HEADS = ("page", "queries", "SQL", "page", "page/SQL")
SLUG = "bench-pages"
BRANCHES, MEMBERS, TEAMS = 20, 5_000, 250
OPERATIONS = 500
ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
HOST = {"HTTP_HOST": "localhost"}
# Also the admin's two heaviest, and lists that somebody searches.
BESIDES = ("/", "/admin/", "/admin/crm/lead/", "/admin/crm/lead/?q=printer", "/admin/teams/membership/")


def account(leads: int) -> Account:
    """The account to measure in, made where it is missing."""
    found = Account.objects.filter(slug=SLUG).first()
    if found is None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('mandate.reason', 'To be measured', true)")
            generate(
                Plan(account=SLUG, scheme="atlas", branches=BRANCHES, members=MEMBERS, teams=TEAMS, leads=leads, seed=2)
            )
        found = Account.objects.get(slug=SLUG)
        _enliven(found)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
    return found


def costs(account: Account) -> Iterator[Row]:
    """Each page that can be read."""
    viewer = _viewer(account)
    client = Client(**HOST)  # type: ignore[arg-type] # headers of every request
    client.force_login(viewer, backend="apps.accounts.backends.SignInBackend")
    web = web_connection()
    for address in [*_addresses(account, viewer), *BESIDES]:
        with acting_as(web):
            row = _row(client, address, account)
        if row is not None:
            yield row


def _row(client: Client, address: str, account: Account) -> Row | None:
    """Nothing where there is no such page in this account, as with bills where nothing is paid for."""
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        status = client.get(address).status_code
    if status != 200:
        return None
    statements = [query["sql"] for query in queries]
    taken = interleaved({"page": lambda: client.get(address), "SQL": lambda: _run(statements)})
    return (
        address.replace(f"/a/{account.slug}/", "/a/…/"),
        str(len(statements)),
        milliseconds(taken["SQL"]),
        milliseconds(taken["page"]),
        ratio(taken["page"], taken["SQL"]),
    )


def _run(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()


def _addresses(account: Account, viewer: User) -> Iterator[str]:
    known = _rows(account, viewer)
    for pattern in _patterns(get_resolver()):
        if pattern.startswith("a/<slug:account>/"):
            with suppress(KeyError):
                yield "/" + ARGUMENT.sub(lambda found: str(known[found[1]]), pattern)


def _patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield f"{prefix}{entry.pattern}"
        else:
            yield from _patterns(entry, f"{prefix}{entry.pattern}")


def _rows(account: Account, viewer: User) -> Mapping[str, Any]:
    """What stands for each argument that an address may have."""
    membership = Membership.objects.filter(account=account).exclude(user=viewer).select_related("branch")[2_000]
    operations = Operation.objects.of_account(account.pk).with_verb("access.override.set").newest_first()
    return {
        "account": account.slug,
        "member": membership.user_id,
        "branch": membership.branch.slug,
        "kind": "lead",
        "reference": Lead.objects.filter(account=account).order_by("-pk")[0].reference,
        "key": Role.objects.get(account_id=account.pk).key,
        "operation": operations[0].pk,
        "asked": AccessRequest.objects.filter(account=account)[0].pk,
        "act": "approve",
        "invitation": Invitation.objects.filter(account=account)[0].pk,
        "team": Team.objects.filter(account=account)[0].pk,
    }


def _viewer(account: Account) -> User:
    return User.objects.get(email=f"viewer@{account.slug}.example")


def _enliven(account: Account) -> None:
    """Who looks; overrides, requests and invitations, an own role, and operations in the log."""
    viewer = User.objects.create_user(f"viewer@{account.slug}.example", name="Vera Viewer", is_staff=True)
    roles = {role.key: role for role in Role.objects.published("atlas")}
    branches = list(Branch.objects.filter(account=account))
    members = list(Membership.objects.filter(account=account, role=roles["member"])[: 2 * OPERATIONS])
    with operation(verb="access.member.added", actor=None, reason="To look at everything"):
        Membership.objects.bulk_create(
            Membership(account=account, branch=branch, user=viewer, role=roles["owner"]) for branch in branches
        )
        ParentMembership.objects.create(account=account, user=viewer, role=roles["super_admin"])
        Role.objects.create(
            account_id=account.pk, scheme="atlas", based_on=roles["member"], key="seasonal", name="Seasonal",
            kind=Role.Kind.BRANCH, rank=1,
        )  # fmt: skip
    for member in members[:OPERATIONS]:
        with operation(verb="access.override.set", actor=viewer, reason="For the fair"):
            Override.objects.create(
                account=account, branch_id=member.branch_id, user_id=member.user_id, permission="export_records",
                scope=Scope.ALL, reason="For the fair", author=viewer,
            )  # fmt: skip
    week = timezone.now() + timedelta(days=7)
    with operation(verb="access.invitation.sent", actor=viewer, reason="For the season"):
        for number, member in enumerate(members[OPERATIONS:]):
            AccessRequest.objects.create(
                account=account, branch_id=member.branch_id, user_id=member.user_id, permission="delete_lead",
                message="For the clean-up",
            )  # fmt: skip
            Invitation.objects.create(
                account=account, branch_id=member.branch_id, role=roles["member"], email=f"new{number}@example.com",
                token_digest=f"digest {number}", expires_at=week, invited_by=viewer,
            )  # fmt: skip
