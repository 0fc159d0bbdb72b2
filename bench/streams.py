"""A whole account out of the database and into it, beside COPY of the same rows; and the matrix of its members."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.db import connection, transaction

from apps.accounts.models import Account
from apps.orgfiles.generation.plan import LoadPlan
from apps.orgfiles.generation.run import generate
from bench.processes import Cost, cells, cost, run
from bench.tables import Row, ratio

TITLE = "A whole account out of the database and into it, beside COPY; and the matrix"
HEADS = ("command", "rows", "seconds", "of it Python", "of it database", "peak memory", "to COPY")
LEADS = (10_000, 100_000, 500_000)
MEMBERS = (1_000, 10_000)
# The leads of an account as other ones, as wide as they are.
_TWIN = """
CREATE TEMPORARY TABLE twin ON COMMIT DROP AS SELECT * FROM crm_lead WHERE account_id = %s;
UPDATE twin SET id = nextval(pg_get_serial_sequence('crm_lead', 'id')), reference = 'X-' || id
"""


def commands() -> Iterator[Row]:
    """Export and import of accounts of several sizes, each beside COPY; then the matrix of ever more members.

    The last figure is the processor time, here and at the server, as a multiple of what COPY takes for the same rows.
    """
    for leads in LEADS:
        account = _account(f"bench-leads-{leads}", leads=leads)
        out, into = _copies(account)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "exported.yaml"
            exported = run("export_org", account.slug, str(path))
            _rename(path, account.slug)
            imported = run("import_org", str(path), "--dry-run")
        for name, spent, copied in (("export_org", exported, out), ("import_org", imported, into)):
            yield (f"COPY, as {name}", f"{leads:,}", *cells(copied), "")
            yield (name, f"{leads:,}", *cells(spent), ratio(spent.worked, copied.worked))
    for members in MEMBERS:
        account = _account(f"bench-members-{members}", members=members)
        rows = f"{account.memberships.count():,}"
        for form in ("csv", "json", "table"):
            yield (f"access_matrix, {form}", rows, *cells(run("access_matrix", account.slug, "--format", form)), "")


def _account(slug: str, *, leads: int = 0, members: int = 100) -> Account:
    """The account of so many leads and members, made if it is not there."""
    if not Account.objects.filter(slug=slug).exists():
        generate(LoadPlan(account=slug, scheme="atlas", branches=10, members=members, leads=leads, seed=1))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) crm_lead, teams_membership, accounts_user")
    return Account.objects.get(slug=slug)


def _copies(account: Account) -> tuple[Cost, Cost]:
    """What it takes to COPY the account's leads out, and as many into the same table, its constraints checked."""
    rows: list[bytes] = []

    def copy_out() -> None:
        with connection.cursor() as cursor, cursor.copy("COPY twin TO STDOUT") as copy:
            rows.extend(bytes(row) for row in copy)

    def copy_in() -> None:
        with connection.cursor() as cursor:
            with cursor.copy("COPY crm_lead FROM STDIN") as copy:
                for row in rows:
                    copy.write(row)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_TWIN, [account.pk])
        costs = cost(copy_out), cost(copy_in)
        transaction.set_rollback(True)
    return costs


def _rename(path: Path, slug: str) -> None:
    """Let the file be that of another account, so that it can be imported beside the first."""
    renamed = path.with_suffix(".renamed")
    with path.open(encoding="utf-8") as lines, renamed.open("w", encoding="utf-8") as file:
        file.writelines(line.replace(f"slug: {slug},", f"slug: {slug}-again,") for line in lines)
    renamed.replace(path)
