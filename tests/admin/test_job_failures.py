"""Staff see above a list that a job fails in their account, and platform operators see why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apps.accounts.models import Account, JobFailure
from tests.admin.people import browser, everything, staff
from tests.factories import Cast, OperatorFactory, make_cast

pytestmark = pytest.mark.django_db

LISTS = {
    "billing": ("/admin/billing/invoice/", "Billing failed in this account."),
    "close_accounts": ("/admin/accounts/branch/", "Closing failed in this account."),
    "verify_access": ("/admin/audit/operation/", "Verification of access failed in this account."),
    "verify_chains": ("/admin/audit/operation/", "Verification of the audit log failed in this account."),
    "warn_of_ends": ("/admin/access/override/", "Warnings of overrides that end failed in this account."),
}
CAUSE = "RuntimeError: no <wheel>"


def fails(account: Account, job: str) -> JobFailure:
    return JobFailure.objects.create(
        account=account,
        job=job,
        failing_since=datetime(2026, 3, 5, 8, 30, tzinfo=UTC),
        failed_at=datetime(2026, 3, 6, 9, 45, tzinfo=UTC),
        cause=CAUSE,
    )


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.mark.parametrize("job", LISTS)
def test_staff_see_what_failed_and_since_when(cast: Cast, job: str) -> None:
    address, sentence = LISTS[job]
    failure = fails(cast.account, job)
    client = browser(staff(cast.branch, everything()))
    page = client.get(address).content.decode()
    assert sentence in page
    assert "It has failed since 5 Mar 2026, 08:30" in page
    assert "most recently on 6 Mar 2026, 09:45" in page
    assert "wheel" not in page
    failure.delete()
    assert sentence not in client.get(address).content.decode()


def test_an_operator_sees_the_cause(cast: Cast) -> None:
    fails(cast.account, "billing")
    client = browser(OperatorFactory())
    client.post("/account/acme/")
    assert "Cause: RuntimeError: no &lt;wheel&gt;" in client.get("/admin/billing/invoice/").content.decode()


def test_the_failures_of_other_accounts_and_other_jobs_are_not_shown(cast: Cast) -> None:
    fails(cast.elsewhere.account, "billing")
    fails(cast.account, "verify_chains")
    page = browser(staff(cast.branch, everything())).get("/admin/billing/invoice/").content.decode()
    assert "failed in this account" not in page
