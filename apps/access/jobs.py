"""What the queue does for access by itself."""

from procrastinate.contrib.django import app

from apps.access.changes.accounts import close_due_accounts


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="close_accounts")
def close_accounts(timestamp: int) -> int:
    """Close the accounts whose waiting period is over; returns how many."""
    return close_due_accounts()
