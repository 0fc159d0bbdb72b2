"""Several processes at once, and processes that are killed: nothing is billed twice, nothing is forgotten.

`MANDATE_KILLS` says in how many months two runs are killed (3 where it says nothing).
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.conf import settings
from django.db import connection, connections

from apps.accounts.models import Account
from apps.billing.models import Invoice, InvoiceLine, Mailing, Period, Seller
from apps.billing.running import run_account, run_billing
from tests.billing.cases import begin, on
from tests.factories import AccountFactory, BranchFactory
from tests.orgfiles.test_killed import until_alone

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNTS, MONTHS = 8, 3
LATER = date(2026, 4, 10)
PATIENCE = 120.0
KILLS = int(os.environ.get("MANDATE_KILLS", "3"))

# A run in a process of its own, on the database of the tests, on that day. It says when it begins.
RUN = """
import sys
from datetime import date
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from apps.billing.running import run_billing
from tests.billing.cases import on
with on(date.fromisoformat(sys.argv[2])):
    print("begun", flush=True)
    run_billing()
"""


def test_invoices_at_once_get_numbers_without_gap_or_double() -> None:
    accounts = _accounts()
    before = Seller.objects.get().last_number
    rng = random.Random(7)
    # Each is tried (and its numbers taken back) now and then, and made twice, all in whatever order comes of it.
    work = [(account.pk, tried) for account in accounts for tried in (True, False, False, True)]
    rng.shuffle(work)
    with on(LATER), ThreadPoolExecutor(6) as pool:
        list(pool.map(_in_a_thread, work))
    numbers = list(Invoice.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, before + ACCOUNTS + 1))
    assert Seller.objects.get().last_number == numbers[-1]
    _assert_all_is_billed_once(accounts, MONTHS)


def test_two_runs_at_once_that_are_killed_bill_nothing_twice_and_forget_nothing(
    record_property: Callable[[str, object], None],
) -> None:
    accounts = _accounts()
    rng = random.Random(11)
    killed = undone = halfway = 0
    for month in range(KILLS):
        runs = [_started(_day(month)) for _ in range(2)]
        for process in runs:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
            assert ready, f"A run of {_day(month)} did not begin within {PATIENCE} seconds."
            assert process.stdout.readline() == "begun\n"
        for process in runs:
            try:
                process.wait(timeout=rng.uniform(0.02, 0.8))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.communicate()
            assert process.returncode in (0, -signal.SIGKILL)
            killed += process.returncode == -signal.SIGKILL
        until_alone()
        begun = Period.objects.filter(starts_on=_day(month).replace(day=1)).count()
        undone += begun < ACCOUNTS
        halfway += 0 < begun < ACCOUNTS
    record_property("killed", killed)
    record_property("months left undone", undone)
    record_property("of which begun", halfway)
    assert killed
    assert undone
    with on(_day(KILLS - 1)):
        run_billing()
        assert not run_billing().invoices
    _assert_all_is_billed_once(accounts, MONTHS + KILLS - 1)
    assert not Mailing.objects.filter(sent_at=None).exists()


def _day(month: int) -> date:
    """A day of that month after those that are billed in arrears."""
    years, place = divmod(LATER.month - 1 + month, 12)
    return date(LATER.year + years, place + 1, LATER.day)


def _started(day: date) -> subprocess.Popen[str]:
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-c", RUN, name, day.isoformat()]
    return subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True)


def _in_a_thread(what: tuple[int, bool]) -> None:
    try:
        run_account(what[0], dry_run=what[1])
    finally:
        connections.close_all()


def _accounts() -> list[Account]:
    accounts: list[Account] = [AccountFactory(lists=False) for _ in range(ACCOUNTS)]
    for account in accounts:
        BranchFactory(account=account)
        begin(account)
    return accounts


def _assert_all_is_billed_once(accounts: list[Account], months: int) -> None:
    numbers = list(Invoice.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    for account in accounts:
        assert Period.objects.filter(account=account).count() == 1 + months
        lines = InvoiceLine.objects.filter(account=account)
        assert lines.count() == lines.values("period").distinct().count() == 1 + months
        assert (
            Mailing.objects.filter(account=account, kind="issued").count()
            == Invoice.objects.filter(account=account).count()
        )
