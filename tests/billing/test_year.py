"""A year of an account's life, against a ledger that somebody else keeps in another style."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from apps.billing import subscribing
from apps.billing.models import Invoice
from apps.billing.payments import open_invoices
from apps.billing.plans import Interval
from apps.billing.running import run_account
from apps.billing.subscription_state import SubscriptionState, SubscriptionStatus
from tests.billing.cases import START, begin, choose, invoices, on, pay
from tests.billing.ledger import RANKS, Clerk, Sheet
from tests.factories import make_cast

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", [0, 3])
def test_a_year_comes_to_what_the_second_ledger_says(seed: int) -> None:
    rng = random.Random(seed)
    cast = make_cast("amocrm")
    begin(cast.account, seats=5)
    clerk = Clerk(START, ("professional", "month", 5), [Sheet(START, date(2026, 2, 1), 31, "month")], anchor=START)
    clerk.night()
    for offset in range(1, 366):
        day = START + timedelta(days=offset)
        # On most days nobody does anything; what ran late is made up for in the books of both.
        acted = rng.random() < 0.06
        with on(day):
            if acted:
                _act(rng, cast.account, clerk)
            if acted or offset % 4 == 0 or day.day == 1 or clerk.sheets[-1].until == day:
                run_account(cast.account.pk)
                clerk.night()
                assert _issued(cast.account) == clerk.out, (seed, day)
                state = SubscriptionState(cast.account).state
                assert (state is SubscriptionStatus.SUSPENDED) == (
                    clerk.closed_since is not None and (clerk.quits is None or clerk.quits > day)
                ), (seed, day)
            clerk.today = day + timedelta(days=1)
    assert len(invoices(cast.account)) > 3
    owing = sum((each.balance for each in open_invoices(cast.account.pk)), Decimal(0))  # type: ignore[attr-defined]
    assert owing * 100 == sum(cents for _, cents in clerk.open.values())


def _act(rng: random.Random, account: object, clerk: Clerk) -> None:
    book = SubscriptionState(account)  # type: ignore[arg-type]
    what = rng.choice(["choose", "choose", "choose", "pay", "pay", "choose", "pay", "choose", "cancel"])
    if what == "choose":
        plan, seats = rng.choice(RANKS), rng.randint(2, 9)
        interval = rng.choice([*[Interval.MONTH] * 9, Interval.YEAR])
        choose(book.account, plan, seats, interval=interval)
        clerk.wish(plan, str(interval), seats)
    elif what == "pay":
        for invoice in open_invoices(book.account.pk):
            pay(invoice)
        clerk.settle()
    elif book.agreed.ends_on is None:
        subscribing.cancel(book.account.pk, actor=None, reason="They go")
        clerk.quit()


def _issued(account: object) -> list[tuple[date, int, int]]:
    found = Invoice.objects.filter(account=account).order_by("number")  # type: ignore[misc]
    return [(each.issued_on, int(each.net * 100), int(each.tax * 100)) for each in found]
