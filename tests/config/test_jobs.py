"""The queue heals itself after a worker that was killed."""

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from config.jobs import retry_stalled_jobs


def job_of_a_worker(*, seconds_since_heartbeat: int) -> int:
    """The id of a running job whose worker was last heard of some time ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH worker AS ("
            "  INSERT INTO procrastinate_workers (last_heartbeat)"
            "  VALUES (now() - make_interval(secs => %s)) RETURNING id"
            ") INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id)"
            "  SELECT 'default', 'a task', 'doing', id FROM worker RETURNING id",
            [seconds_since_heartbeat],
        )
        return int(cursor.fetchone()[0])


def status(job: int) -> str:
    return str(ProcrastinateJob.objects.get(pk=job).status)


def test_the_worker_finds_the_sweep_and_runs_it_every_minute() -> None:
    assert retry_stalled_jobs.func.__module__ in app.import_paths
    times = {periodic.task.name: periodic.cron for periodic in app.periodic_registry.periodic_tasks.values()}
    assert times["config.jobs.retry_stalled_jobs"] == "* * * * *"
    assert times["apps.access.jobs.close_accounts"] == "*/10 * * * *"
    assert times["apps.access.jobs.verify_chains"] == "*/10 * * * *"


@pytest.mark.django_db
def test_the_job_of_a_killed_worker_is_put_back_into_the_queue() -> None:
    stalled = job_of_a_worker(seconds_since_heartbeat=120)

    assert async_to_sync(retry_stalled_jobs.func)(timestamp=0) == 1

    assert status(stalled) == "todo"


@pytest.mark.django_db
def test_the_job_of_a_living_worker_is_left_alone() -> None:
    running = job_of_a_worker(seconds_since_heartbeat=1)

    assert async_to_sync(retry_stalled_jobs.func)(timestamp=0) == 0

    assert status(running) == "doing"
