"""Two accounts with a row in every fenced table each, and connections as the web role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from apps.access.models import AccessRequest, EndingWarning, QueuedPreview
from apps.accounts.fence import WEB_ROLE
from apps.accounts.models import Account, Branch, JobFailure, User
from apps.accounts.preferences import Preferences
from apps.audit.models import PLATFORM, Verification
from apps.crm.models import Change
from apps.roles.models import Role
from apps.teams.models import Invitation
from tests.admin.people import everything, staff
from tests.billing.cases import a_row_in_every_table
from tests.factories import (
    FACTORIES,
    AccountFactory,
    BranchFactory,
    CustomFieldFactory,
    MembershipFactory,
    OverrideFactory,
    ParentMembershipFactory,
    TeamFactory,
    UserFactory,
    share,
)

# Tables with rows of an account, and SQL for which account a row is of.
OTHERWISE = {
    "accounts_account": "id",
    "roles_rolegrant": "(SELECT account_id FROM roles_role WHERE id = role_id)",
    "audit_operation": "(SELECT min(account_id) FROM audit_link WHERE operation_id = audit_operation.id)",
}


@dataclass(frozen=True)
class Side:
    """One account, who owns it, and somebody who may do everything in its admin."""

    account: Account
    branch: Branch
    staff: User
    records: dict[str, Any]


@dataclass(frozen=True)
class World:
    """Two accounts, somebody who works in both, and a platform operator."""

    here: Side
    there: Side
    both: User
    operator: User


def make_world() -> World:
    """Rows in every table, of both accounts; each account is an operation of its own."""
    here, there = make_side("here"), make_side("there")
    Verification.objects.create(account_id=PLATFORM, at=timezone.now(), links=1, entries=1, head_seq=1)
    both = staff(here.branch, everything(), name="Bo Both", email="bo@both.example")
    MembershipFactory(branch=there.branch, user=both)
    return World(here, there, both, User.objects.create_superuser("op@mandate.example", name="Op"))


@transaction.atomic
def make_side(slug: str) -> Side:
    account = AccountFactory(slug=slug, name=slug.title())
    branch = BranchFactory(account=account, slug="main", name=f"Main {slug}")
    somebody = staff(branch, everything(), name=f"Sam {slug}", email=f"sam@{slug}.example")
    parent = ParentMembershipFactory(account=account, user=UserFactory(email=f"pat@{slug}.example"))
    team = TeamFactory(branch=branch, members=[somebody])
    CustomFieldFactory(account=account)
    records: dict[str, Any] = {}
    for record_type, factory in FACTORIES.items():
        about = {"about": records["lead"]} if record_type == "activity" else {}
        records[record_type] = factory(branch=branch, name=f"Secret {slug}", **about)
    for name, record in records.items():
        if name != "activity":
            share(record, parent.user)
            share(record, team)
    override = OverrideFactory(branch=branch, user=somebody)
    EndingWarning.objects.create(account=account, override_id=override.pk, ends_at=timezone.now(), days=1)
    AccessRequest.objects.create(
        account=account, branch=branch, user=somebody, permission="view_lead", message="To see them"
    )
    QueuedPreview.objects.create(account=account, user=somebody, change={}, address="/", sent=[])
    Invitation.objects.create(
        account=account,
        branch=branch,
        role=Role.objects.published(account.scheme).get(key="member"),
        email=f"new@{slug}.example",
        token_digest=f"digest of {slug}",
        expires_at=timezone.now() + timedelta(days=7),
    )
    JobFailure.objects.create(account=account, job="billing", failed_at=timezone.now(), cause=f"Secret {slug}")
    Preferences.objects.create(account=account, time_zone="Europe/Oslo")
    Change.objects.create(account=account, record_type="lead", record_id=1, reference="L-1", action="created")
    a_row_in_every_table(account)
    Verification.objects.create(account_id=account.pk, at=timezone.now(), links=1, entries=1, head_seq=1)
    return Side(account, branch, somebody, records)


def fenced_tables() -> list[str]:
    """Every table that has row-level security."""
    return [name for (name,) in rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity ORDER BY 1")]


def ids_by_account(table: str) -> dict[int | None, set[int]]:
    """The ids of a table's rows, by account; asked as who sees them all."""
    account = OTHERWISE.get(table, "account_id")
    found: dict[int | None, set[int]] = {}
    for key, pk in rows(f"SELECT {account}, id FROM {table}"):
        found.setdefault(key, set()).add(pk)
    return found


def rows(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def run(statement: str, parameters: Any = None) -> int:
    """How many rows a statement touched."""
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def web_connection() -> BaseDatabaseWrapper:
    """A connection to the tests' database as the web role, yet to be opened."""
    web = connections.create_connection("default")
    web.settings_dict = {**connection.settings_dict, "USER": WEB_ROLE}
    return web


@contextmanager
def as_web() -> Iterator[BaseDatabaseWrapper]:
    """Everything inside, in this thread, goes through one connection as the web role, for any number of requests."""
    owner, web = connections["default"], web_connection()
    web.settings_dict["CONN_MAX_AGE"] = None
    connections["default"] = web
    try:
        yield web
    finally:
        web.close()
        connections["default"] = owner
