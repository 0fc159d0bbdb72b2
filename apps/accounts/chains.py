"""The accounts' chains of the log, verified by the queue one account at a time, since the database shows it no more."""

from __future__ import annotations

import logging

from django.utils.translation import gettext_lazy

from apps.accounts.isolation import Job, due_accounts, in_each_account
from apps.audit.verification import verify
from apps.audit.verified import keep

logger = logging.getLogger(__name__)
VERIFYING = Job("verify_chains", gettext_lazy("Verification of the audit log"))


def verify_due_chains() -> int:
    """Verify every chain that was not verified within the last day, and keep what was found; returns how many.

    A chain that does not fit is an error in the server's log, too.

    Raises:
        AccountsFailed: some could not be verified, and the others are.
    """
    finished = in_each_account(VERIFYING, due_accounts(VERIFYING, "SELECT accounts_due_to_verify()"), _verify)
    finished.check()
    return len(finished.results)


def _verify(account_id: int) -> None:
    reports = verify(account_id)
    keep(reports)
    for report in reports:
        if report.fault is not None:
            logger.error("The audit log of account %s does not fit: %s.", account_id, report.fault.sentence)
