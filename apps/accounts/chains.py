"""The accounts' chains of the log, verified by the queue one account at a time, since the database shows it no more."""

from __future__ import annotations

import logging

from django.db import connection

from apps.accounts.fence import tenant
from apps.audit.verification import verify
from apps.audit.verified import keep

logger = logging.getLogger(__name__)


def verify_due_chains() -> int:
    """Verify every chain that was not verified within the last day, and keep what was found; returns how many.

    A chain that does not fit is an error in the server's log, too.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_due_to_verify()")
        due = [account_id for (account_id,) in cursor.fetchall()]
    for account_id in due:
        with tenant(account_id):
            reports = verify(account_id)
            keep(reports)
        for report in reports:
            if report.fault is not None:
                logger.error("The audit log of account %s does not fit: %s.", account_id, report.fault.sentence)
    return len(due)
