"""What a worker notes about the jobs that it has taken, so that none is lost and none is done for another worker.

A job whose worker died is put back into the queue. One that the database itself broke off is tried again, whatever its
task says of retries: nothing is wrong with the job.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from procrastinate.connector import BaseAsyncConnector, BaseConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.tasks import Task

from apps.accounts.database_faults import database_fault

FIRST_WAIT, LONGEST_WAIT, GROWTH = 0.5, 30.0, 2.0
# A job that has killed its worker, or was broken off by the database, so often is given up.
MOST_ATTEMPTS = 20
# The longest wait, in seconds, before a job is tried again that the database broke off.
LONGEST_RETRY = 600

logger = logging.getLogger(__name__)

# In one statement, so that of two workers which look at the same moment one takes up the job. A successor that waits
# under the same queueing lock does the work instead.
_TAKE_UP = """
WITH stalled AS (
    SELECT id, queueing_lock FROM procrastinate_jobs job
    WHERE status = 'doing' AND NOT EXISTS (
        SELECT FROM procrastinate_workers worker
        WHERE worker.id = job.worker_id AND last_heartbeat >= now() - make_interval(secs => %(seconds)s)
    )
    FOR UPDATE SKIP LOCKED
), decided AS (
    SELECT id, EXISTS (
        SELECT FROM procrastinate_jobs waiting
        WHERE waiting.status = 'todo' AND waiting.queueing_lock = stalled.queueing_lock
    ) OR EXISTS (
        SELECT FROM stalled other WHERE other.queueing_lock = stalled.queueing_lock AND other.id > stalled.id
    ) AS is_replaced FROM stalled
)
UPDATE procrastinate_jobs job
SET attempts = attempts + 1, worker_id = NULL, abort_requested = false, status = (CASE
    WHEN abort_requested OR is_replaced THEN 'aborted'
    WHEN attempts + 1 >= %(most)s THEN 'failed'
    ELSE 'todo' END)::procrastinate_job_status
FROM decided WHERE job.id = decided.id
RETURNING job.id, job.task_name, job.status::text
"""
# Only what is still this worker's: another one may have taken the job up since.
_FINISH = """
SELECT procrastinate_finish_job_v1(id, %(status)s::procrastinate_job_status, %(delete_job)s)
FROM (
    SELECT id FROM procrastinate_jobs
    WHERE id = %(job_id)s AND status = 'doing' AND worker_id = %(worker_id)s FOR UPDATE
) AS own
"""
_RETRY = """
SELECT procrastinate_retry_job_v2(id, %(retry_at)s, %(priority)s, %(queue)s, %(lock)s)
FROM (
    SELECT id FROM procrastinate_jobs
    WHERE id = %(job_id)s AND status = 'doing' AND worker_id = %(worker_id)s FOR UPDATE
) AS own
"""


class Waits:
    """How long to wait before each next try: twice as long each time up to a limit, and never quite the same."""

    def __init__(self) -> None:
        self._next = FIRST_WAIT

    def next(self) -> float:
        """Return the seconds to wait now, between half of the limit so far and all of it."""
        limit, self._next = self._next, min(LONGEST_WAIT, self._next * GROWTH)
        return random.uniform(limit / 2, limit)  # noqa: S311 - keeps workers from trying all at once

    def start_over(self) -> None:
        """The next wait is the first one again."""
        self._next = FIRST_WAIT


class OwnJobs(JobManager):
    """The jobs of one life. What became of a job is noted even if the database comes back only after hours."""

    def __init__(self, connector: BaseAsyncConnector, stopping: asyncio.Event) -> None:
        super().__init__(connector)
        self._stopping = stopping

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Note that the job has ended; nothing where it is not this worker's any more, or is noted already."""
        await self._note(_FINISH, job, status=status.value, delete_job=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Have the job tried again; nothing where it is not this worker's any more."""
        try:
            await self._note(_RETRY, job, retry_at=retry_at, priority=priority, queue=queue, lock=lock)
        except UniqueViolation:
            # A successor waits under the same queueing lock, and does the work.
            await self.finish_job(job, Status.ABORTED, delete_job=False)

    async def _note(self, statement: Any, job: Job, **arguments: Any) -> None:
        """Try until the database has taken it, or the process has to stop: then another worker takes the job up."""
        waits = Waits()
        while True:
            try:
                await self.connector.execute_query_all_async(
                    statement, job_id=job.id, worker_id=job.worker_id, **arguments
                )
            except ConnectorException as error:
                if database_fault(error) is None or self._stopping.is_set():
                    raise
                await sleep(waits.next(), self._stopping)
            else:
                return


class AfterFaults(BaseRetryStrategy):
    """Tries a job again that the database broke off; asks the task's own strategy about all else."""

    def __init__(self, own: BaseRetryStrategy | None) -> None:
        self.own = own

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when to try again; None where the job has failed for good."""
        if database_fault(exception) is not None and job.attempts + 1 < MOST_ATTEMPTS:
            return RetryDecision(retry_in={"seconds": min(2**job.attempts, LONGEST_RETRY)})
        return None if self.own is None else self.own.get_retry_decision(exception=exception, job=job)


def with_retries(tasks: Mapping[str, Task[Any, Any, Any]]) -> dict[str, Task[Any, Any, Any]]:
    """Return the tasks, each of which is tried again where the database broke it off."""
    for task in tasks.values():
        if not isinstance(task.retry_strategy, AfterFaults):
            task.retry_strategy = AfterFaults(task.retry_strategy)
    return dict(tasks)


async def take_up_stalled(connector: BaseConnector, *, seconds: float) -> None:
    """Put the jobs of workers that were silent for so many seconds back into the queue, and log each of them."""
    try:
        rows = await connector.execute_query_all_async(_TAKE_UP, seconds=seconds, most=MOST_ATTEMPTS)
    except UniqueViolation:
        # A successor was put into the queue at the same moment; the next look finds it.
        return
    for row in rows:
        job, task = row["id"], row["task_name"]
        if row["status"] == "failed":
            logger.error("Job %s (%s) has lost its worker %s times and is given up.", job, task, MOST_ATTEMPTS)
        elif row["status"] == "todo":
            logger.warning("Job %s (%s) has lost its worker and is tried again.", job, task)


async def sleep(seconds: float, stopping: asyncio.Event) -> None:
    """Return after so many seconds, or as soon as the process has to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
