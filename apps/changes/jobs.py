"""The scheduled jobs of access."""

from procrastinate.contrib.django import app

from apps.accounts.chains import verify_due_chains
from apps.changes.accounts import close_due_accounts
from apps.changes.expiry_emails import warn_of_ends
from apps.changes.previews.queued import compute, forget_old
from apps.changes.request_emails import request_decided, request_made

__all__ = [
    "close_accounts",
    "compute_preview",
    "forget_previews",
    "request_decided",
    "request_made",
    "verify_chains",
    "warn",
]


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="close_accounts")
def close_accounts(timestamp: int) -> int:
    """Close the accounts whose waiting period is over and return how many."""
    return close_due_accounts()


@app.task
def compute_preview(account_id: int, user_id: int, queued_id: int) -> None:
    """Compute a preview that a page waits for."""
    compute(queued_id, account_id=account_id, user_id=user_id)


@app.periodic(cron="17 * * * *")
@app.task(queueing_lock="forget_previews")
def forget_previews(timestamp: int) -> int:
    """Delete old previews and return how many."""
    return forget_old()


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="verify_chains")
def verify_chains(timestamp: int) -> int:
    """Verify the audit logs that were not verified for a day and return how many."""
    return verify_due_chains()


@app.periodic(cron="7 * * * *")
@app.task(queueing_lock="warn_of_ends")
def warn(timestamp: int) -> int:
    """Warn of overrides that end soon and return how many."""
    return warn_of_ends()
