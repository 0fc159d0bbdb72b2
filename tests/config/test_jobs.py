"""What the queue does by itself, and jobs whose worker has died."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.accounts.own_jobs import MOST_ATTEMPTS, take_up_stalled


def test_the_worker_knows_what_is_due_by_itself() -> None:
    times = {periodic.task.name: periodic.cron for periodic in app.periodic_registry.periodic_tasks.values()}
    assert times["apps.changes.jobs.close_accounts"] == "*/10 * * * *"
    assert times["apps.changes.jobs.verify_chains"] == "*/10 * * * *"


def job_of_a_worker(*, silent: int, queueing_lock: str | None = None, attempts: int = 0, abort: bool = False) -> int:
    """The id of a running job whose worker was last heard of so many seconds ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH worker AS ("
            "  INSERT INTO procrastinate_workers (last_heartbeat)"
            "  VALUES (now() - make_interval(secs => %s)) RETURNING id"
            ") INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id, queueing_lock, attempts,"
            "    abort_requested)"
            "  SELECT 'default', 'a task', 'doing', id, %s, %s, %s FROM worker RETURNING id",
            [silent, queueing_lock, attempts, abort],
        )
        return int(cursor.fetchone()[0])


def waiting_job(queueing_lock: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock) VALUES ('default', 'a task', %s)"
            " RETURNING id",
            [queueing_lock],
        )
        return int(cursor.fetchone()[0])


def status(job: int) -> str:
    return str(ProcrastinateJob.objects.get(pk=job).status)


def look() -> None:
    async_to_sync(take_up_stalled)(app.connector, seconds=30)


@pytest.mark.django_db
def test_the_job_of_a_dead_worker_is_put_back_into_the_queue() -> None:
    stalled = job_of_a_worker(silent=120)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_workers")
    another = job_of_a_worker(silent=120)
    look()
    assert (status(stalled), status(another)) == ("todo", "todo")
    assert ProcrastinateJob.objects.get(pk=stalled).attempts == 1


@pytest.mark.django_db
def test_the_job_of_a_living_worker_is_left_alone() -> None:
    running = job_of_a_worker(silent=1)
    look()
    assert status(running) == "doing"


@pytest.mark.django_db
def test_a_successor_under_the_same_lock_does_not_keep_others_from_being_taken_up() -> None:
    replaced = job_of_a_worker(silent=120, queueing_lock="daily")
    other = job_of_a_worker(silent=120, queueing_lock="hourly")
    successor = waiting_job("daily")
    look()
    assert (status(replaced), status(other), status(successor)) == ("aborted", "todo", "todo")


@pytest.mark.django_db
def test_of_two_stalled_jobs_under_one_lock_the_later_one_is_done() -> None:
    first, second = (job_of_a_worker(silent=120, queueing_lock="daily") for _ in range(2))
    look()
    assert (status(first), status(second)) == ("aborted", "todo")


@pytest.mark.django_db
def test_a_job_that_ends_its_worker_again_and_again_is_given_up() -> None:
    deadly = job_of_a_worker(silent=120, attempts=MOST_ATTEMPTS - 1)
    look()
    assert status(deadly) == "failed"


@pytest.mark.django_db
def test_a_job_that_was_asked_to_stop_is_not_started_again() -> None:
    stopped = job_of_a_worker(silent=120, abort=True)
    look()
    assert status(stopped) == "aborted"
