"""Every job and command that goes over accounts, with what is due in an account and how to tell that it was done.

A periodic task or a command that is missing here fails a test.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

import time_machine
from django.utils import timezone

from apps.access.history.replay import VERIFYING as VERIFYING_ACCESS
from apps.access.models import EndingWarning
from apps.accounts.chains import VERIFYING as VERIFYING_CHAINS
from apps.accounts.isolation import Job
from apps.accounts.models import Account
from apps.audit.models import Link, Operation, Verification
from apps.billing.models import Invoice
from apps.billing.running import BILLING, run_account
from apps.changes.accounts import CLOSING, CloseAccount
from apps.changes.expiry_emails import WARNING
from tests.billing.cases import begin, on
from tests.factories import BranchFactory, MembershipFactory, OverrideFactory, UserFactory

# When the second period of every subscription has begun.
BILLED_ON = date(2026, 2, 1)
SOON = timedelta(days=8)


@dataclass(frozen=True)
class Loop:
    """A job over accounts by the name of its periodic task or command.

    `done` counts what it did in an account. `work` is the function that it calls for each account, and `writes` a table
    that it writes then, with the column that names the account.
    """

    name: str
    job: Job
    prepare: Callable[[Account], None]
    done: Callable[[Account], int]
    work: str
    writes: tuple[str, str]
    when: Callable[[], AbstractContextManager[object]] = nullcontext


def subscribe(account: Account) -> None:
    """A month that is paid in advance, of which the second one is to be billed."""
    begin(account)


def owe(account: Account) -> None:
    """A month that has begun and is not billed, as after a run that was killed in between."""
    begin(account)
    with on(BILLED_ON), patch("apps.billing.running.issue_now", return_value=[]):
        run_account(account.pk)


def invoices_of_the_day(account: Account) -> int:
    return Invoice.objects.filter(account=account, issued_on=BILLED_ON).count()


def on_the_day() -> AbstractContextManager[object]:
    return on(BILLED_ON)


def is_to_close(account: Account) -> None:
    CloseAccount(account_id=account.pk, waiting=timedelta(0)).apply(actor=None, reason="We go")


def closings(account: Account) -> int:
    return Operation.objects.of_account(account.pk).filter(verb="access.account.closed").count()


def has_an_end(account: Account) -> None:
    """An override that was set today for ten days."""
    branch = account.branches.get()
    user = UserFactory()
    MembershipFactory(branch=branch, user=user, role="member")
    OverrideFactory(branch=branch, user=user, expires_at=timezone.now() + timedelta(days=10))


def warnings(account: Account) -> int:
    return EndingWarning.objects.filter(account=account).count()


def shortly_before_the_end() -> AbstractContextManager[object]:
    return time_machine.travel(datetime.now(UTC) + SOON, tick=False)


def has_a_chain(account: Account) -> None:
    assert Link.objects.filter(account_id=account.pk).exists()


def verifications(account: Account) -> int:
    return Verification.objects.filter(account_id=account.pk).count()


def subscription_loop(name: str, prepare: Callable[[Account], None] = subscribe) -> Loop:
    return Loop(
        name,
        BILLING,
        prepare,
        invoices_of_the_day,
        "apps.billing.running.run_account",
        ("billing_invoice", "account_id"),
        on_the_day,
    )


TASKS = [
    subscription_loop("apps.billing.jobs.bill"),
    Loop(
        "apps.changes.jobs.close_accounts",
        CLOSING,
        is_to_close,
        closings,
        "apps.changes.accounts._finish_closing",
        ("accounts_account", "id"),
    ),
    Loop(
        "apps.changes.jobs.warn",
        WARNING,
        has_an_end,
        warnings,
        "apps.changes.expiry_emails._due",
        ("access_endingwarning", "account_id"),
        shortly_before_the_end,
    ),
    Loop(
        "apps.changes.jobs.verify_chains",
        VERIFYING_CHAINS,
        has_a_chain,
        verifications,
        "apps.accounts.chains.verify",
        ("audit_verification", "account_id"),
    ),
]
COMMANDS = [
    subscription_loop("run_billing"),
    subscription_loop("issue_invoices", owe),
]
# It writes nothing, so its output is what tells what was done.
READING = Loop(
    "verify_access",
    VERIFYING_ACCESS,
    has_a_chain,
    lambda account: 0,
    "apps.console.management.commands.verify_access.differences",
    ("", ""),
)

# Tasks that do not go over accounts, and why.
OTHER_TASKS = {
    "apps.changes.jobs.forget_previews": "one statement for all accounts",
    "apps.accounts.jobs.clear_away": "sessions, tries and mails belong to no account",
}
ONE = "works in the account that it is given"
OTHER_COMMANDS = {
    "access_matrix": ONE,
    "audit_heads": "one statement for all chains, which it prints",
    "change_roles": ONE,
    "check_access": ONE,
    "demo": "creates the demo accounts in one transaction, all or nothing",
    "export_org": ONE,
    "generate": ONE,
    "import_org": ONE,
    "makemessages": "works on files",
    "operator_session": "belongs to no account",
    "reassign": ONE,
    "remove_member": ONE,
    "restore_member": ONE,
    "run_worker": "runs jobs, each of which is here",
    "set_overrides": ONE,
    "show_scheme": "shows what is the same for all accounts",
    "sign_out": "ends sessions of people in one transaction, all or nothing",
    "switch_scheme": ONE,
    "transfer_account": ONE,
    "verify_audit": "one statement for all chains, each of which has a report of its own",
    "visible": ONE,
    "who_may": ONE,
}
# Loops over accounts outside of `in_each_account`, and why.
OTHER_LOOPS = {
    "apps/changes/details.py": "one change of one person in all of their accounts, all or nothing",
    "apps/crm/views/work.py": "a page shows its reader's own accounts, and nothing is done there",
}


def three_accounts(loop: Loop) -> list[Account]:
    """Accounts in which the job is due, in the order in which it comes to them."""
    accounts = []
    for slug in ("first", "middle", "third"):
        branch = BranchFactory(account__slug=slug, account__name=slug.title(), account__lists=False)
        loop.prepare(branch.account)
        accounts.append(branch.account)
    return accounts
