"""Invoices in the admin: operators enter payments and write credit notes, others look."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import zeal

from apps.audit.models import Operation
from apps.billing.models import Invoice, Payment
from apps.billing.payments import balance
from tests.admin.people import browser, everything, staff
from tests.billing.cases import begin, invoices
from tests.factories import Cast, OperatorFactory, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def several_acts() -> Iterator[None]:
    """A form tries its change, and then shows it: the account is locked more than once."""
    with zeal.zeal_ignore():
        yield


def billed() -> tuple[Cast, Invoice, str]:
    cast = make_cast()
    begin(cast.account)
    invoice = invoices(cast.account)[0]
    return cast, invoice, f"/admin/billing/invoice/{invoice.pk}/change/"


def send(address: str, user: object, act: str, **fields: str) -> str:
    """Fill in the form of an act and confirm it; returns the page that comes of it."""
    client = browser(user)  # type: ignore[arg-type] # a user
    client.post("/account/acme/")
    page = client.get(f"{address}?do={act}")
    assert page.status_code == 200, page.content[:300]
    sent = {"reason": "Found on the bank statement", "seen": page.context["form"]["seen"].value(), **fields}
    client.post(f"{address}?do={act}", sent)
    return client.post(f"{address}?do={act}", {**sent, "confirmed": "yes"}, follow=True).content.decode()


def test_an_operator_enters_a_payment() -> None:
    _, invoice, address = billed()
    operator = OperatorFactory()
    fields = {"amount": "142.80", "received_on": "2026-01-03", "external_id": "TRX 7"}
    assert "No payments yet" not in send(address, operator, "payment", **fields)
    assert balance(invoice) == 0
    assert Operation.objects.filter(verb="billing.payment.entered", actor_id=operator.pk).exists()


def test_an_operator_writes_a_credit_note() -> None:
    cast, invoice, address = billed()
    send(address, OperatorFactory(), "credit", net="20")
    assert invoices(cast.account)[1].net == Decimal(-20)
    assert balance(invoice) == Decimal("119.00")


def test_others_look_and_are_told_who_may() -> None:
    cast, _, address = billed()
    looker = staff(cast.branch, everything())
    page = browser(looker).get(address).content.decode()
    assert "Only a platform operator with an open session can do this." in page
    fields = {"amount": "142.80", "received_on": "2026-01-03", "external_id": "TRX 7"}
    assert "Only a platform operator can do this." in send(address, looker, "payment", **fields)
    assert not Payment.objects.exists()
