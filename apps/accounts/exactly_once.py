"""Jobs whose effect happens once, however often their worker is killed."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from procrastinate.job_context import JobContext
from procrastinate.middleware import SyncCallNext
from procrastinate.worker import Worker

# The job counts as done in the same commit as its effect. It stays undone where another worker has taken it up.
_DONE = """
UPDATE procrastinate_jobs SET status = 'succeeded', attempts = attempts + 1, abort_requested = false
WHERE id = %s AND status = 'doing' AND worker_id = %s
"""


class TakenUpElsewhere(Exception):
    """This worker was silent for so long that another one has taken up its job; nothing of it is kept here."""


def once(call_next: SyncCallNext, context: JobContext, worker: Worker) -> Any:
    """Run a job in one transaction, which also notes that the job is done: a task's middleware.

    So a worker that is killed leaves either all of it, which no worker repeats, or nothing.

    Raises:
        TakenUpElsewhere: the job is not this worker's any more.
    """
    with transaction.atomic(durable=True):
        result = call_next()
        with connection.cursor() as cursor:
            cursor.execute(_DONE, [context.job.id, context.job.worker_id])
            if cursor.rowcount != 1:
                raise TakenUpElsewhere
    return result
