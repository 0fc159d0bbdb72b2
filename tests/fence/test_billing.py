"""The day's work of billing as the web role: it does what it has to, and alters nothing that stands."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.accounts.fence import tell, tenant
from apps.billing import payments, subscribing
from apps.billing.models import Invoice, Seller
from apps.billing.plans import Interval
from apps.billing.running import run_account, subscribed_accounts
from apps.billing.subscribing import PlanChoice
from tests.billing.cases import on
from tests.fence.world import World, rows, run

pytestmark = pytest.mark.django_db


def test_it_bills_one_account_after_the_other(web: BaseDatabaseWrapper, world: World) -> None:
    tell(None, None)
    accounts = subscribed_accounts()
    assert set(accounts) == {world.here.account.pk, world.there.account.pk}
    before = Seller.objects.get().last_number
    with on(date(2026, 2, 1)):
        issued = []
        for account_id in accounts:
            with tenant(account_id):
                issued += run_account(account_id).invoices
                assert set(Invoice.objects.values_list("account", flat=True)) == {account_id}
    assert len(issued) == 2
    assert Seller.objects.get().last_number == before + 2


def test_people_choose_a_plan_and_payments_are_entered(web: BaseDatabaseWrapper, world: World) -> None:
    account = world.here.account
    tell(account.pk, world.here.staff.pk)
    with on(date(2026, 2, 1)):
        run_account(account.pk)
        (payer_id,) = [pk for (pk,) in rows("SELECT id FROM billing_payer")]
        choice = PlanChoice("business", Interval.MONTH, {payer_id: 7})
        subscribing.choose(account.pk, choice, actor=world.here.staff, reason="We have grown")
        invoice = payments.open_invoices(account.pk)[-1]
        payments.enter(
            account.pk,
            invoice.pk,
            amount=payments.balance(invoice),
            received_on=date(2026, 2, 1),
            external_id="A7",
            actor=None,
            reason="It came",
        )
    assert payments.balance(invoice) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_seller SET last_number = 0",
        "UPDATE billing_seller SET iban = 'mine'",
        "DELETE FROM billing_invoice",
        "UPDATE billing_invoice SET total = 0",
        "UPDATE billing_payment SET amount = 1",
    ],
)
def test_it_may_not(web: BaseDatabaseWrapper, world: World, statement: str) -> None:
    tell(world.here.account.pk, world.here.staff.pk)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        run(statement)
