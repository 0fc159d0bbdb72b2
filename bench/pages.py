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
from apps.billing import subscribing
from apps.billing.details import change_details
from apps.billing.models import Invoice, Payer
from apps.billing.plans import Interval
from apps.billing.running import run_account
from apps.billing.subscribing import PlanChoice
from apps.crm.models import Lead
from apps.orgfiles.generation.plan import LoadPlan
from apps.orgfiles.generation.run import generate
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
CURSOR = re.compile(r"^DECLARE \S+ .*?CURSOR.*? FOR ", re.DOTALL)
HOST = {"HTTP_HOST": "localhost"}
# Also the pages of one's own, what is searched for as one types, and lists and forms of the admin.
BESIDES = (
    f"/a/{SLUG}/people/?user_words=an",
    "/",
    "/me/",
    "/me/access/",
    "/me/sessions/",
    "/admin/",
    "/admin/crm/lead/",
    "/admin/crm/lead/?q=printer",
    "/admin/crm/lead/add/",
    "/admin/crm/contact/",
    "/admin/teams/membership/",
    "/admin/access/override/add/",
    "/admin/audit/operation/",
)
DETAILS = {
    "name": "Bench Ltd",
    "address": "1 Main Street",
    "country": "DE",
    "vat_number": "",
    "email": "bills@bench.example",
}


def account(leads: int) -> Account:
    """The account to measure in, made where it is missing."""
    found = Account.objects.filter(slug=SLUG).first()
    if found is None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('mandate.reason', 'To be measured', true)")
            generate(
                LoadPlan(
                    account=SLUG, scheme="atlas", branches=BRANCHES, members=MEMBERS, teams=TEAMS, leads=leads, seed=2
                )
            )
        found = Account.objects.get(slug=SLUG)
        _enliven(found)
        _bill(found)
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
    # A cursor is declared once; what it reads can be asked again and again.
    statements = [CURSOR.sub("", query["sql"]) for query in queries]
    if "set_config" in statements[-1]:
        # The database is told that the request is over once the answer has been sent.
        statements.pop()
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
    known, of_some = _rows(account, viewer), _of_some_pages(account, viewer)
    for pattern in _patterns(get_resolver()):
        if pattern.startswith("a/<slug:account>/"):
            further = next((rows for part, rows in of_some.items() if part in pattern), {})
            with suppress(KeyError):
                yield f"/{_filled(pattern, {**known, **further})}"


def _filled(pattern: str, named: Mapping[str, Any]) -> str:
    return ARGUMENT.sub(lambda found: str(named[found[1]]), pattern)


def _patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield f"{prefix}{entry.pattern}"
        else:
            yield from _patterns(entry, f"{prefix}{entry.pattern}")


def _rows(account: Account, viewer: User) -> Mapping[str, Any]:
    """What stands for each argument that an address may have."""
    active = Membership.objects.active().filter(account=account).exclude(user=viewer)
    membership = active.order_by("pk").select_related("branch")[2_000]
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
        "payer": Payer.objects.filter(account=account)[0].pk,
    }


def _of_some_pages(account: Account, viewer: User) -> Mapping[str, Mapping[str, Any]]:
    """What stands for the same arguments in addresses with these parts."""
    gone = Membership.objects.filter(account=account, status=Membership.Status.REMOVED).select_related("branch")[0]
    removed = {"member": gone.user_id, "branch": gone.branch.slug}
    holder = ParentMembership.objects.filter(account=account).exclude(user=viewer)[0]
    return {
        "/branches/": {"act": "rename"},
        "/restore/": removed,
        "/delete/<slug:branch>": removed,
        "parent-roles/": {"member": holder.user_id},
        "/invoices/": {"reference": Invoice.objects.filter(account=account)[0].reference},
    }


def _viewer(account: Account) -> User:
    return User.objects.get(email=f"viewer@{account.slug}.example")


def _bill(account: Account) -> None:
    """A subscription to the plan of the large, and its first invoice."""
    began = subscribing.begin(
        account, actor=None, reason="To look at bills", seats=MEMBERS + OPERATIONS, trial=timedelta(0)
    )
    payer = Payer.objects.get(account=began.account_id)
    business = PlanChoice("business", Interval.MONTH, {payer.pk: 2 * MEMBERS})
    subscribing.choose(account.pk, business, actor=None, reason="To look at bills")
    change_details(account.pk, payer.pk, DETAILS, actor=None, reason="To look at bills")
    run_account(account.pk)


def _enliven(account: Account) -> None:
    """Who looks; overrides, requests and invitations, an own role, somebody removed, and operations in the log."""
    viewer = User.objects.create_user(f"viewer@{account.slug}.example", name="Vera Viewer", is_staff=True)
    roles = {role.key: role for role in Role.objects.published("atlas")}
    branches = list(Branch.objects.filter(account=account))
    found = Membership.objects.filter(account=account, role=roles["member"]).order_by("pk").select_related("user")
    gone, *members = found[: 2 * OPERATIONS + 1]
    with operation(verb="access.member.added", actor=None, reason="To look at everything"):
        Membership.objects.bulk_create(
            Membership(account=account, branch=branch, user=viewer, role=roles["owner"]) for branch in branches
        )
        for user in (viewer, members[0].user):
            ParentMembership.objects.create(account=account, user=user, role=roles["super_admin"])
        Role.objects.create(
            account_id=account.pk, scheme="atlas", based_on=roles["member"], key="seasonal", name="Seasonal",
            kind=Role.Kind.BRANCH, rank=1,
        )  # fmt: skip
    with operation(verb="access.member.removed", actor=viewer, reason="Gone for good"):
        Membership.objects.filter(pk=gone.pk).update(status=Membership.Status.REMOVED, removed_at=timezone.now())
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
