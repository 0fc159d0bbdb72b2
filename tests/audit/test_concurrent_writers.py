"""Writers on connections of their own."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from psycopg.errors import SerializationFailure

from apps.audit.models import Link
from apps.audit.services import EntryValues
from apps.audit.verification import verify
from tests.audit.chains import report, sql, write

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(pool: ThreadPoolExecutor, work: Callable[[], Any]) -> Future[Any]:
    """Do the work on a connection of its own."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return pool.submit(run)


def both(first: int, second: int) -> list[EntryValues]:
    """Entries in two accounts."""
    return [
        EntryValues(target_type="user", target_id=1, target_text="Ben", account_id=account)
        for account in (first, second)
    ]


def wait_until_somebody_waits() -> None:
    """Until another connection stands before a lock that is held."""
    deadline = time.monotonic() + 10
    while sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == [(0,)]:
        assert time.monotonic() < deadline, "nobody waits for the chain's lock"
        time.sleep(0.01)


def test_the_second_writer_of_a_chain_waits_and_continues_it() -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            write(1)
            second = elsewhere(pool, lambda: write(1))
            wait_until_somebody_waits()
            assert not second.done()
        second.result(10)
    first, then = Link.objects.order_by("seq")
    assert (then.seq, bytes(then.previous)) == (2, bytes(first.hash))
    assert report().sound


def test_a_second_writer_takes_the_place_of_one_who_gave_up() -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            write(1)
            second = elsewhere(pool, lambda: write(1))
            wait_until_somebody_waits()
            transaction.set_rollback(True)
        second.result(10)
    assert (report().sound, report().head_seq) == (True, 1)


def test_writers_of_different_chains_do_not_wait() -> None:
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        write(1)
        elsewhere(pool, lambda: write(2)).result(10)


def test_many_writers_make_unbroken_chains() -> None:
    writers, rounds = 6, 15
    start = Barrier(writers)

    def work(number: int) -> None:
        start.wait(10)
        for turn in range(rounds):
            # Accounts in either order: one statement takes the locks in the order of the accounts all the same.
            pair = (1, 2) if (number + turn) % 2 else (2, 1)
            write(None, entries=both(*pair))
            write(1 + number % 3)

    with ThreadPoolExecutor(writers) as pool:
        for done in [elsewhere(pool, partial(work, number)) for number in range(writers)]:
            done.result(60)
    reports = verify()
    assert all(found.sound for found in reports)
    assert {found.account_id: found.links for found in reports} == {1: 120, 2: 120, 3: 30}


def test_a_snapshot_older_than_the_chain_is_a_serialization_failure() -> None:
    write(1)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        sql("SELECT count(*) FROM audit_link")
        elsewhere(pool, lambda: write(1)).result(10)
        with pytest.raises(OperationalError) as refused:
            write(1)
    assert isinstance(refused.value.__cause__, SerializationFailure)
    assert (report().sound, report().links) == (True, 2)


def test_verification_goes_on_while_somebody_writes() -> None:
    with ThreadPoolExecutor(1) as pool:
        writing = elsewhere(pool, lambda: [write(1, entries=3) for _ in range(60)])
        while not writing.done():
            assert all(found.sound for found in verify())
    assert report().links == 60
