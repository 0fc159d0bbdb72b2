"""The bench's own database: a million leads in one account, made once and kept from run to run."""

from __future__ import annotations

import sys
import time

from django.core.management import call_command
from django.db import connection, transaction

from apps.accounts.models import Account
from apps.orgfiles.generation.plan import LoadPlan
from apps.orgfiles.generation.run import generate
from bench.cast import add_askers
from bench.mandates import add_wide_account

NAME = "mandate_bench"
CLUSTER = "bench"
ACCOUNT = "bench"
BRANCHES, MEMBERS, TEAMS = 10, 500, 50


def prepare(leads: int, *, rebuild: bool) -> Account:
    """The account to measure in; what is missing is made, and with `rebuild` everything is made anew."""
    connect(rebuild=rebuild)
    if not Account.objects.filter(slug=ACCOUNT).exists():
        _make(leads)
    return Account.objects.get(slug=ACCOUNT)


def connect(*, rebuild: bool) -> None:
    """Go to the bench's database from here on; it is made where there is none, and with `rebuild` anew."""
    connection.settings_dict |= {"NAME": NAME, "CLUSTER": CLUSTER}
    quoted = connection.ops.quote_name(NAME)
    with connection._nodb_cursor() as cursor:
        if rebuild:
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted}")
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [NAME])
        if not cursor.rowcount:
            cursor.execute(f"CREATE DATABASE {quoted}")
    call_command("migrate", verbosity=0)


def _make(leads: int) -> None:
    plan = LoadPlan(
        account=ACCOUNT, scheme="atlas", branches=BRANCHES, members=MEMBERS, teams=TEAMS, leads=leads, seed=1
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mandate.reason', 'To be measured', true)")
        started = time.perf_counter()
        generate(plan)
        sys.stderr.write(f"generate: {leads:,} leads and {MEMBERS} members in {time.perf_counter() - started:.0f} s\n")
        add_askers(Account.objects.get(slug=ACCOUNT))
        add_wide_account()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) crm_lead, crm_leadusershare, teams_membership, teams_teammember")
