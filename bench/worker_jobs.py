"""`python -m bench.worker_jobs SECONDS`: `manage.py run_worker` with that heartbeat, and two jobs to be killed in."""

from __future__ import annotations

import sys
import time

from django.core.management import execute_from_command_line
from django.db import connection
from procrastinate.contrib.django import app

from apps.accounts.exactly_once import once


def mark(number: int, kind: str) -> None:
    """Write a row for each time that it is done."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_mark (number, kind) VALUES (%s, %s)", [number, kind])


@app.task(name="bench.work", task_middleware=[once])
def work(number: int, seconds: float) -> None:
    """Leave a mark, ask for another job, and take a while before and after it."""
    time.sleep(seconds / 2)
    mark(number, "work")
    follow.defer(number=number)
    time.sleep(seconds / 2)


@app.task(name="bench.follow", task_middleware=[once])
def follow(number: int) -> None:
    """What the job asked for."""
    mark(number, "follow")


if __name__ == "__main__":
    execute_from_command_line(["manage.py", "run_worker", "--heartbeat", sys.argv[1]])
