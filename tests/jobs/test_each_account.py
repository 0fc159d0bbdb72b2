"""Three accounts, and the middle one is broken: the others are done, it is marked, and once it is mended it is done."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from procrastinate.contrib.django import app

from apps.accounts import isolation
from apps.accounts.isolation import AccountsFailed, Failure, Job
from apps.accounts.models import Account, JobFailure
from apps.billing.models import Invoice
from tests.commands.conftest import Run, run
from tests.fence.world import as_web
from tests.jobs.table import COMMANDS, READING, TASKS, Loop, three_accounts
from tests.server_log import log

__all__ = ["log", "run"]

pytestmark = pytest.mark.django_db(transaction=True)

TRIGGER = """
CREATE FUNCTION break_account() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.{column} = {account} THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'new row violates check constraint "sound"',
            DETAIL = 'Failing row contains (Secret Street 1).';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER break_account BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION break_account();
"""
MEND = "DROP FUNCTION break_account() CASCADE"
Break = Callable[[Loop, Account], Any]


@contextmanager
def constraint(loop: Loop, account: Account) -> Iterator[None]:
    """The database refuses what the job writes in the account."""
    table, column = loop.writes
    with connection.cursor() as cursor:
        cursor.execute(TRIGGER.format(table=table, column=column, account=account.pk))
    yield
    with connection.cursor() as cursor:
        cursor.execute(MEND)


@contextmanager
def bug(loop: Loop, account: Account) -> Iterator[None]:
    """The program has a fault that only shows in the account."""
    module, _, name = loop.work.rpartition(".")
    original = getattr(__import__(module, fromlist=[name]), name)

    def broken(account_id: int, *args: Any, **options: Any) -> Any:
        if account_id == account.pk:
            raise RuntimeError("no wheel\non the cart")
        return original(account_id, *args, **options)

    with patch(loop.work, broken):
        yield


CAUSES: dict[Break, str] = {
    constraint: 'IntegrityError: new row violates check constraint "sound"',
    bug: "RuntimeError: no wheel",
}
BREAKS = pytest.mark.parametrize("broken", [constraint, bug])


def name_of(loop: Loop) -> str:
    return loop.name


def start(loop: Loop) -> None:
    """Run the task as the queue's worker does, as the web role."""
    with loop.when(), as_web():
        app.tasks[loop.name].func(timestamp=0)


def counts(loop: Loop, accounts: list[Account]) -> list[int]:
    return [loop.done(account) for account in accounts]


@BREAKS
@pytest.mark.parametrize("loop", TASKS, ids=name_of)
def test_a_task_does_the_other_accounts_and_fails_at_the_end(
    loop: Loop, broken: Break, caplog: pytest.LogCaptureFixture, log: StringIO
) -> None:
    accounts = three_accounts(loop)
    with broken(loop, accounts[1]), pytest.raises(AccountsFailed) as failed:
        start(loop)
    assert str(failed.value) == f"{loop.job.label} failed in 1 of 3 accounts: middle ({CAUSES[broken]})."
    assert counts(loop, accounts) == [1, 0, 1]
    mark = JobFailure.objects.get()
    assert (mark.account, mark.job, mark.cause) == (accounts[1], loop.job.key, CAUSES[broken])
    (record,) = (record for record in caplog.records if record.name == isolation.__name__)
    assert record.getMessage() == f"{loop.job.label} failed in middle: {CAUSES[broken]}"
    assert record.exc_info is not None
    assert record.getMessage() in log.getvalue()
    assert "Secret" not in log.getvalue()

    with broken(loop, accounts[1]), pytest.raises(AccountsFailed):
        start(loop)
    again = JobFailure.objects.get()
    assert (again.failing_since, again.failed_at > mark.failed_at or loop.job.key == "billing") == (
        mark.failing_since,
        True,
    )

    start(loop)
    assert counts(loop, accounts) == [1, 1, 1]
    assert not JobFailure.objects.exists()
    start(loop)
    assert counts(loop, accounts) == [1, 1, 1]


@BREAKS
@pytest.mark.parametrize("loop", COMMANDS, ids=name_of)
def test_a_command_does_the_other_accounts_and_exits_with_1(loop: Loop, broken: Break, run: Run) -> None:
    accounts = three_accounts(loop)
    with loop.when(), broken(loop, accounts[1]):
        ended = run(loop.name)
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith(f"{loop.job.label} failed in 1 of ")
    assert f"middle ({CAUSES[broken]})" in ended.err
    assert "Secret" not in ended.err + ended.out
    assert counts(loop, accounts) == [1, 0, 1]
    assert JobFailure.objects.get().account == accounts[1]
    with loop.when():
        mended = run(loop.name)
    assert (mended.code, mended.err) == (0, "")
    assert counts(loop, accounts) == [1, 1, 1]
    assert not JobFailure.objects.exists()


def test_verify_access_reads_the_other_accounts_and_exits_with_1(run: Run) -> None:
    accounts = three_accounts(READING)
    with bug(READING, accounts[1]):
        ended = run(READING.name)
    assert ended.code == 1
    assert {"first: matches the audit log", "third: matches the audit log"} <= set(ended.lines)
    assert ended.err.splitlines()[-1].startswith("Verification of access failed in 1 of ")
    assert JobFailure.objects.get().account == accounts[1]
    mended = run(READING.name)
    assert (mended.code, mended.err) == (0, "")
    assert "middle: matches the audit log" in mended.lines
    assert not JobFailure.objects.exists()


def test_a_trial_run_marks_nothing(run: Run) -> None:
    (loop, *_) = COMMANDS
    accounts = three_accounts(loop)
    with loop.when(), bug(loop, accounts[1]):
        tried = run("run_billing", "--dry-run", "--json")
    assert tried.code == 1
    failed = {"account_id": accounts[1].pk, "account": "middle", "cause": CAUSES[bug]}
    assert json.loads(tried.out)["failed"] == [failed]
    assert not JobFailure.objects.exists()
    assert counts(loop, accounts) == [0, 0, 0]


def test_a_mark_goes_away_where_nothing_is_due_any_more() -> None:
    (loop,) = (loop for loop in TASKS if loop.name.endswith(".warn"))
    accounts = three_accounts(loop)
    with bug(loop, accounts[1]), pytest.raises(AccountsFailed):
        start(loop)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM access_override WHERE account_id = %s", [accounts[1].pk])
    start(loop)
    assert not JobFailure.objects.exists()


# The database


def test_a_lost_connection_ends_the_loop(run: Run) -> None:
    (loop, *_) = COMMANDS
    accounts = three_accounts(loop)
    tried = []

    def cut_off(account_id: int) -> int:
        tried.append(account_id)
        if account_id == accounts[1].pk:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return 0

    with loop.when(), patch("apps.billing.running.send_mailings", cut_off):
        ended = run("run_billing")
    assert ended.code == 1
    assert ended.err.startswith(
        f"The database is not responding: Billing stopped in account number {accounts[1].pk} with 1 of 3 "
        "accounts done: "
    )
    assert len(ended.err.splitlines()) == 1
    assert tried == [accounts[0].pk, accounts[1].pk]
    connection.close()
    with loop.when():
        assert run("run_billing").code == 0
    assert counts(loop, accounts) == [1, 1, 1]


def test_a_full_disk_ends_the_loop() -> None:
    (loop, *_) = COMMANDS
    accounts = three_accounts(loop)
    with connection.cursor() as cursor:
        statement = TRIGGER.format(table="billing_invoice", column="account_id", account=accounts[1].pk)
        cursor.execute(statement.replace("check_violation", "disk_full"))
    try:
        with pytest.raises(OperationalError, match="Billing stopped"):
            start(TASKS[0])
    finally:
        with connection.cursor() as cursor:
            cursor.execute(MEND)
    assert counts(loop, accounts) == [1, 0, 0]
    start(TASKS[0])
    assert counts(loop, accounts) == [1, 1, 1]


def test_a_timeout_in_one_account_does_not_end_the_loop() -> None:
    (loop, *_) = COMMANDS
    accounts = three_accounts(loop)
    with connection.cursor() as cursor:
        statement = TRIGGER.format(table="billing_invoice", column="account_id", account=accounts[1].pk)
        cursor.execute(statement.replace("check_violation", "query_canceled"))
    with pytest.raises(AccountsFailed):
        start(TASKS[0])
    with connection.cursor() as cursor:
        cursor.execute(MEND)
    assert counts(loop, accounts) == [1, 0, 1]


# What is said


def test_a_report_names_some_of_many_accounts() -> None:
    failures = [Failure(number, f"a-{number}", "no wheel") for number in range(12)]
    said = str(AccountsFailed(Job("carts", "Cart building"), failures, 40))
    assert said.startswith("Cart building failed in 12 of 40 accounts: a-0 (no wheel), a-1 (no wheel), ")
    assert said.endswith("a-9 (no wheel) and 2 more.")


def test_a_cause_is_one_line_that_fits_its_column() -> None:
    (loop, *_) = COMMANDS
    accounts = three_accounts(loop)
    said = iter(["x" * 5_000, "\x00\x1b[31m", "", "first line\nsecond line"])
    for cause in ("RuntimeError: xxx", "RuntimeError: ??[31m", "RuntimeError", "RuntimeError: first line"):
        text = next(said)
        with patch("apps.billing.running.run_account", side_effect=RuntimeError(text)), pytest.raises(AccountsFailed):
            start(TASKS[0])
        marks = JobFailure.objects.filter(cause__startswith=cause)
        assert marks.count() == len(accounts), text
        assert all(len(mark.cause) <= JobFailure.LONGEST_CAUSE for mark in marks)


@pytest.mark.parametrize("named", [["middle"], ["middle", "third"]])
def test_named_accounts_alone_are_tried(run: Run, named: list[str]) -> None:
    (loop, *_) = COMMANDS
    three_accounts(loop)
    with loop.when(), patch("apps.billing.running.collect_due", side_effect=RuntimeError("no wheel")):
        ended = run("run_billing", *named)
    assert ended.code == 1
    assert f"Billing failed in {len(named)} of {len(named)} account" in ended.err
    assert set(Invoice.objects.filter(issued_on__month=2).values_list("account__slug", flat=True)) == set(named)


def test_expected_causes_are_logged_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    class Expected(Exception):
        pass

    job = Job("carts", "Cart building", expected=(Expected,))
    accounts = three_accounts(COMMANDS[0])

    def work(account_id: int) -> None:
        raise Expected("The cart is out. Ask again tomorrow.")

    caplog.set_level(logging.ERROR)
    finished = isolation.in_each_account(job, [account.pk for account in accounts], work)
    assert [failure.cause for failure in finished.failures] == ["The cart is out. Ask again tomorrow."] * 3
    assert [record.exc_info for record in caplog.records] == [None] * 3
