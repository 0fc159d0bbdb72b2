"""What the queue does for billing by itself, as the web role: in one account after the other."""

from procrastinate.contrib.django import app

from apps.billing.running import run_billing


@app.periodic(cron="17 * * * *")
@app.task(queueing_lock="run_billing")
def bill(timestamp: int) -> int:
    """The day's work, hourly, so that what failed is made up for; returns how many invoices were issued.

    Raises:
        AccountsFailed: it failed in some accounts, and is done in the others.
    """
    run = run_billing()
    run.check()
    return len(run.invoices)
