"""Jobs that keep the queue itself healthy."""

from procrastinate.contrib.django import app


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="retry_stalled_jobs")
async def retry_stalled_jobs(timestamp: int) -> int:
    """Put the jobs of workers that died back into the queue; returns how many there were.

    A worker that is killed leaves its jobs marked as running for ever; that its heartbeat stopped is what tells.
    """
    stalled = list(await app.job_manager.get_stalled_jobs())
    for job in stalled:
        await app.job_manager.retry_job(job)
    return len(stalled)
