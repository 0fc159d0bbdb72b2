"""Very many changes of access in one command: how long it takes, how much memory, and what the log holds then."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence

from django.db import connection

from apps.accounts.models import Account
from apps.audit.models import Entry, Link
from apps.audit.verification import verify
from apps.orgfiles.generation.plan import LoadPlan
from apps.orgfiles.generation.run import generate
from apps.roles.models import Role
from apps.teams.models import Membership, ParentMembership
from bench.processes import cells, run
from bench.tables import Row

HEADS = ("command", "lines", "seconds", "of it Python", "of it database", "peak memory", "entries", "links")
LINES = (10_000, 100_000)
BRANCHES = 10
Lines = Sequence[tuple[str, ...]]


def commands() -> Iterator[Row]:
    """Each command on few and on many members, with the rights of a Super Admin; the log is walked at the end."""
    for many in LINES:
        account = _account(many)
        actor = ParentMembership.objects.get(account=account, role__supreme=True).user
        admin = Role.objects.published(account.scheme).get(key="admin")
        members = list(
            Membership.objects.active()
            .filter(account=account)
            .exclude(user=actor)
            .order_by("pk")
            .values_list("user__email", "branch__slug", "role__key")[:many]
        )
        turned = [(email, branch, "member" if key == admin.key else admin.key) for email, branch, key in members]
        for more in (("--dry-run",), ()):
            yield _measured("change_roles", ("user", "branch", "role"), turned, account, actor.email, *more)
        for scope in ("responsible+shared", "clear"):
            lines = [(email, branch, "view_lead", scope, f"For {email}") for email, branch, _ in members]
            columns = ("user", "branch", "permission", "scope", "reason")
            yield _measured("set_overrides", columns, lines, account, actor.email)
        (report,) = verify(account.pk)
        assert report.sound, report.fault


def _account(members: int) -> Account:
    """The account of so many members, made if it is not there."""
    slug = f"bench-bulk-{members}"
    if not Account.objects.filter(slug=slug).exists():
        generate(LoadPlan(account=slug, scheme="atlas", branches=BRANCHES, members=members, seed=1))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) teams_membership, accounts_user, audit_entry")
    return Account.objects.get(slug=slug)


def _measured(command: str, columns: Sequence[str], lines: Lines, account: Account, actor: str, *more: str) -> Row:
    entries, links = _logged(account)
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as file:
        csv.writer(file).writerows([columns, *lines])
        file.flush()
        given = (command, account.slug, "--csv", file.name, "--actor", actor, *more)
        spent = run(*given, "--reason", "To be measured")
    more_entries, more_links = _logged(account)
    return (
        " ".join((command, *more)),
        f"{len(lines):,}",
        *cells(spent),
        f"{more_entries - entries:,}",
        f"{more_links - links:,}",
    )


def _logged(account: Account) -> tuple[int, int]:
    return (
        Entry.objects.filter(account_id=account.pk).count(),
        Link.objects.filter(account_id=account.pk).count(),
    )
