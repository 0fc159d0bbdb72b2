"""`python -m bench.worker`: takes database and worker away from the queue's jobs, and checks that each was done once.

A worker runs as a process of its own, on a server of its own. Its connections are cut, the server is stopped and
started, and the worker is killed in the middle of a job. docs/faults.md has the figures of a long run.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from django.core.management import call_command
from django.db import connection

from config.postgres.cluster import CLONE, Cluster, cluster_named
from config.postgres.server import OWNER, SUPERUSER, WEB

CLUSTER = "worker"
TASK = "bench.work"
# Short, so that a killed worker is noticed soon.
HEARTBEAT = 0.5
SECONDS_OF_A_JOB = 0.4
SECONDS_TO_RECOVER = 120
DEFER = """
INSERT INTO procrastinate_jobs (queue_name, task_name, args)
VALUES ('default', %s, jsonb_build_object('number', %s::int, 'seconds', %s::float)) RETURNING id
"""
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND datname = current_database()"
UNFINISHED = "SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE 'bench.%%' AND status <> 'succeeded'"
NOT_ONCE = """
SELECT number, kind, count(*) FROM generate_series(1, %s) AS number
CROSS JOIN (VALUES ('work'), ('follow')) AS kinds (kind)
LEFT JOIN bench_mark USING (number, kind) GROUP BY number, kind HAVING count(bench_mark.number) <> 1
"""


class Violation(Exception):
    """What must not be; the message says what was found."""


class Bench:
    """A server, the worker that is on it, and the jobs that it was given."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.log = folder / "worker.log"
        self.jobs = 0
        self._worker: subprocess.Popen[bytes] | None = None

    @property
    def worker(self) -> subprocess.Popen[bytes]:
        """The worker's process."""
        assert self._worker is not None
        return self._worker

    def start_worker(self) -> None:
        """Start a worker; it is ready some seconds later."""
        address = f"/{self.cluster.socket_folder}/{OWNER}"
        environment = os.environ | {
            "DATABASE_URL": f"postgres://{OWNER}@{address}",
            "WEB_DATABASE_URL": f"postgres://{WEB}@{address}",
            "SERVES_PEOPLE": "1",
        }
        command = [sys.executable, "-m", "bench.worker_jobs", str(HEARTBEAT)]
        with self.log.open("ab") as log:
            self._worker = subprocess.Popen(command, cwd=CLONE, env=environment, stderr=log)

    def stop_worker(self) -> int:
        """Ask the worker to end; returns its exit code."""
        self.worker.terminate()
        return self.worker.wait(SECONDS_TO_RECOVER)

    def ask(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """The rows of a statement of the superuser's."""
        host = self.cluster.socket_folder
        with psycopg.connect(host=host, user=SUPERUSER, dbname=OWNER, autocommit=True) as superuser:
            cursor = superuser.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def defer(self, seconds: float = SECONDS_OF_A_JOB) -> int:
        """Put a job into the queue; returns its id."""
        self.jobs += 1
        return int(str(self.ask(DEFER, TASK, self.jobs, seconds)[0][0]))

    def wait_until(self, is_so: Callable[[], bool], what: str) -> float:
        """Return after how many seconds it is so.

        Raises:
            Violation: it is not within a time that is ample, or the worker has ended.
        """
        began = time.monotonic()
        while not is_so():
            if self.worker.poll() is not None:
                raise Violation(f"the worker has ended with {self.worker.returncode}, and {what}")
            if time.monotonic() - began > SECONDS_TO_RECOVER:
                raise Violation(f"after {SECONDS_TO_RECOVER} seconds {what}")
            time.sleep(0.02)
        return time.monotonic() - began

    def wait_until_done(self) -> float:
        """Return after how many seconds every job is done, each exactly once."""
        took = self.wait_until(lambda: self.ask(UNFINISHED) == [(0,)], "a job is not done")
        if wrong := self.ask(NOT_ONCE, self.jobs):
            raise Violation(f"not done once: {wrong}")
        return took

    def wait_until_running(self, job: int) -> None:
        """Return when the worker runs the job."""
        status = "SELECT status::text FROM procrastinate_jobs WHERE id = %s"
        self.wait_until(lambda: self.ask(status, job) != [("todo",)], "a job is not taken")

    def lines(self) -> list[str]:
        """What the workers wrote into their log."""
        return self.log.read_text().splitlines()


def cut(bench: Bench) -> float:
    """End every connection of the worker at a random moment of a job; returns the seconds until all is done."""
    bench.wait_until_running(bench.defer())
    time.sleep(random.uniform(0, SECONDS_OF_A_JOB * 1.2))
    bench.ask(CUT, WEB)
    bench.defer(0)
    return bench.wait_until_done()


def kill(bench: Bench) -> float:
    """Kill the worker in the middle of a job and start another one; returns the seconds until all is done."""
    bench.wait_until_running(bench.defer())
    time.sleep(random.uniform(0, SECONDS_OF_A_JOB * 1.2))
    bench.worker.send_signal(signal.SIGKILL)
    bench.worker.wait()
    bench.start_worker()
    return bench.wait_until_done()


def stop_server(bench: Bench, seconds: float = 2) -> float:
    """Stop the server in the middle of a job, and start it later; returns the seconds from then until all is done."""
    bench.wait_until_running(bench.defer())
    time.sleep(random.uniform(0, SECONDS_OF_A_JOB * 1.2))
    bench.cluster.server.stop()
    time.sleep(seconds)
    bench.cluster.server.bring_up()
    bench.defer(0)
    return bench.wait_until_done()


@contextmanager
def benched() -> Iterator[Bench]:
    """A worker on a server of its own; both are ended and removed at the end."""
    cluster = cluster_named(CLUSTER)
    cluster.wipe()
    connection.close()
    settings_before = dict(connection.settings_dict)
    connection.settings_dict |= {"ENGINE": "config.postgres", "NAME": OWNER, "CLUSTER": CLUSTER}
    try:
        cluster.hold()
        call_command("migrate", verbosity=0)
        connection.close()
        with TemporaryDirectory() as folder:
            bench = Bench(cluster, Path(folder))
            bench.ask("CREATE TABLE bench_mark (number int, kind text)")
            bench.ask(f"GRANT ALL ON bench_mark TO {WEB}")
            bench.start_worker()
            try:
                yield bench
            finally:
                with suppress(ProcessLookupError):
                    bench.worker.kill()
                bench.worker.wait()
    finally:
        connection.close()
        connection.settings_dict.clear()
        connection.settings_dict |= settings_before
        cluster.release()
        cluster.wipe()


def main() -> None:
    """Do so many of each; exit 1 where anything was that must not be."""
    parser = argparse.ArgumentParser(prog="python -m bench.worker", description=__doc__)
    parser.add_argument("--cuts", type=int, default=50, metavar="N", help="how often its connections are cut (50)")
    parser.add_argument("--kills", type=int, default=50, metavar="N", help="how often it is killed in a job (50)")
    parser.add_argument("--stops", type=int, default=10, metavar="N", help="how often the server is stopped (10)")
    parser.add_argument("--outage", type=float, default=2, metavar="S", help="for how many seconds (2)")
    options = parser.parse_args()
    say: Callable[[str], object] = lambda text: print(text, flush=True)  # noqa: E731
    with benched() as bench:
        process = bench.worker.pid
        for name, times, strike in (
            ("connections cut", options.cuts, cut),
            ("server stopped", options.stops, lambda bench: stop_server(bench, options.outage)),
            ("worker killed", options.kills, kill),
        ):
            if name == "worker killed" and bench.worker.pid != process:
                raise Violation("it was another worker")
            took = sorted(strike(bench) for _ in range(times))
            if took:
                say(
                    f"{name}: {times} times; done after {took[len(took) // 2]:.1f} s (median), {took[-1]:.1f} s at most"
                )
        code = bench.stop_worker()
        say(f"{bench.jobs} jobs, each done once; asked to stop, the worker ended with {code}")
        say(f"{len(bench.lines())} lines of log, such as")
        for line in bench.lines()[:8]:
            say(f"    {line}")


if __name__ == "__main__":
    main()
