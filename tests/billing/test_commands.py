"""run_billing and issue_invoices on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import pytest

from apps.billing.models import Invoice
from tests.billing.cases import begin, on
from tests.commands.conftest import Result, run
from tests.factories import make_cast

pytestmark = pytest.mark.django_db
__all__ = ["run"]

Run = Callable[..., Result]


def test_a_trial_run_writes_nothing_and_a_run_says_what_it_did(run: Run) -> None:
    cast = make_cast()
    begin(cast.account)
    with on(date(2026, 2, 1)):
        tried = run("run_billing", "--dry-run")
        assert (tried.code, tried.lines[0]) == (0, "Would issue 1 invoice in 1 account.")
        assert Invoice.objects.count() == 1
        done = json.loads(run("run_billing", "acme", "--json").out)
        assert done["periods"] == 1
        assert done["invoices"] == [Invoice.objects.order_by("-number")[0].reference]
        assert done["messages"] == 3  # two invoices and a reminder
        again = run("issue_invoices")
        assert again.lines == ["Issued 0 invoices in 1 account."]


def test_an_unknown_account_is_refused_in_words(run: Run) -> None:
    ended = run("run_billing", "nobody")
    assert ended.code == 1
    assert "nobody" in ended.err
    assert run("issue_invoices", "--never").code == 2


def test_a_named_account_without_a_subscription_is_refused_in_words(run: Run) -> None:
    make_cast()
    ended = run("run_billing", "acme")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("acme has no subscription, so there is nothing to bill.")
