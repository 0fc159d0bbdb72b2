"""Jobs that keep the queue itself healthy."""

from procrastinate import JobContext
from procrastinate.contrib.django import app


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="retry_stalled_jobs", pass_context=True)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> int:
    """Put the jobs of workers that died back into the queue; returns how many there were.

    A worker that is killed leaves its jobs marked as running for ever: its heartbeat is what tells.
    """
    stalled = await context.app.job_manager.get_stalled_jobs()
    jobs = list(stalled)
    for job in jobs:
        await context.app.job_manager.retry_job(job)
    return len(jobs)
