"""The worker of the queue outlives its connections and its server, and what a killed one leaves is done once.

MANDATE_WORKER_FAULTS says how often each (2 times where it says nothing); `python -m bench.worker` does it 50 times.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from bench.worker import Bench, benched, cut, kill, stop_server
from config.logs import printable

TIMES = int(os.environ.get("MANDATE_WORKER_FAULTS", "2"))


@pytest.fixture(scope="module")
def bench(django_db_blocker: DjangoDbBlocker) -> Iterator[Bench]:
    with django_db_blocker.unblock(), benched() as made:
        yield made


def messages(lines: list[str]) -> list[str]:
    """What the worker's lines say, without when and where."""
    return [re.sub(r"^[^A-Z]+[A-Z]+ [\w.]+: ", "", line) for line in lines]


def test_it_goes_on_after_its_connections_were_cut_and_says_so_in_a_line_each(bench: Bench) -> None:
    process = bench.worker.pid
    for _ in range(TIMES):
        cut(bench)
    assert bench.worker.pid == process
    assert bench.worker.poll() is None
    assert not [line for line in bench.lines() if line.startswith(" ") or "Traceback" in line]


def test_it_goes_on_when_the_server_is_back(bench: Bench) -> None:
    process, before = bench.worker.pid, len(bench.lines())
    for _ in range(TIMES):
        stop_server(bench)
    assert bench.worker.pid == process
    said = messages(bench.lines()[before:])
    assert any(line.startswith("The queue worker waits: The database is not responding (") for line in said)
    # Two stops shortly after one another may be one outage to the worker.
    assert any(line.startswith("The queue worker runs jobs again, after ") for line in said)
    # An outage is not a line a second.
    assert len(said) <= 8 * TIMES, said
    assert all(line == printable(line) for line in said)


def test_a_job_whose_worker_is_killed_in_the_middle_is_done_once(bench: Bench) -> None:
    for _ in range(TIMES):
        kill(bench)


def test_asked_to_stop_it_finishes_its_job_and_ends(bench: Bench) -> None:
    job = bench.defer(1)
    bench.wait_until_running(job)
    assert bench.stop_worker() == 0
    assert bench.ask("SELECT status::text FROM procrastinate_jobs WHERE id = %s", job) == [("succeeded",)]
    # Those that were killed may still be listed until another worker finds them dead; this one is not.
    listed = bench.ask("SELECT count(*) FROM procrastinate_workers")
    assert listed in [[(number,)] for number in range(TIMES + 1)]
    assert messages(bench.lines())[-2:] == [
        "The queue worker stops after the job that it runs.",
        "The queue worker has stopped.",
    ]


def test_without_a_server_it_waits_and_can_be_stopped(bench: Bench) -> None:
    bench.cluster.server.stop()
    before = len(bench.lines())
    bench.start_worker()
    bench.wait_until(lambda: len(bench.lines()) > before, "it says nothing")
    assert bench.stop_worker() == 0
    said = messages(bench.lines()[before:])
    assert said[0].startswith("The queue worker waits: The database is not responding (")
    assert len(said) == 3
    bench.cluster.server.bring_up()
