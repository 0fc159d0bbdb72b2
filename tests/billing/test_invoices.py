"""Invoices: their numbers, their sums, what the database refuses, credit notes, and what is paid."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.access.policy import may
from apps.billing import invoicing, payments
from apps.billing.details import change_details
from apps.billing.invoicing import credit, upcoming
from apps.billing.models import Invoice, Mailing, Payment, Seller
from apps.billing.refusals import BillingRefused
from apps.billing.running import run_account
from apps.billing.sellers import seller
from apps.billing.subscription_state import SubscriptionState, SubscriptionStatus
from apps.changes.refusals import OperatorOnly
from tests.audit.chains import report
from tests.billing.cases import START, begin, choose, invoices, on, pay, totals
from tests.factories import CompanyFactory, LeadFactory, OperatorFactory, TaskFactory, make_cast

pytestmark = pytest.mark.django_db


def refused(statement: str, parameters: Any = None) -> str:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        _carry_out(statement, parameters)
    return str(caught.value)


def _carry_out(statement: str, parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_an_invoice_says_all_that_it_has_to() -> None:
    cast = make_cast()
    begin(cast.account, country="FR", vat_number="FR 61 244673075")
    invoice = invoices(cast.account)[0]
    assert invoice.reference == f"M-{invoice.number:06}"
    assert (invoice.issued_on, invoice.due_on) == (START, date(2026, 1, 15))
    assert (invoice.net, invoice.tax, invoice.total) == (120, 0, 120)
    assert "Reverse charge" in invoice.note
    assert invoice.buyer_details["vat_number"] == "FR61244673075"
    assert invoice.seller_details["iban"]
    assert [line.text for line in invoice.lines.all()] == [
        "Professional, 5 seats, 1 January 2026 – 31 January 2026, monthly"
    ]


def test_it_keeps_what_its_buyer_was_called() -> None:
    cast = make_cast()
    payer = begin(cast.account)
    change_details(cast.account.pk, payer.pk, {"name": "Acme Group"}, actor=cast.owner, reason="A new name")
    assert invoices(cast.account)[0].buyer_details["name"] == "Acme Ltd"


def test_tax_of_ones_own_country_is_added() -> None:
    cast = make_cast()
    begin(cast.account, seats=7)
    invoice = invoices(cast.account)[0]
    assert (f"{invoice.net:.2f}", f"{invoice.tax:.2f}", f"{invoice.total:.2f}") == ("168.00", "31.92", "199.92")


def test_doing_it_again_makes_nothing() -> None:
    cast = make_cast()
    begin(cast.account)
    with on(START):
        for _ in range(3):
            run_account(cast.account.pk)
    assert len(invoices(cast.account)) == 1
    with on(date(2026, 2, 1)):
        assert run_account(cast.account.pk, dry_run=True).invoices
        assert len(invoices(cast.account)) == 1
        assert run_account(cast.account.pk).invoices
        assert not run_account(cast.account.pk).invoices


def test_days_on_which_nothing_ran_are_made_up_for() -> None:
    cast = make_cast()
    begin(cast.account)
    with on(date(2026, 4, 20)):
        run_account(cast.account.pk)
    assert totals(cast.account) == ["120.00", "360.00"]
    assert invoices(cast.account)[1].lines.count() == 3


def test_numbers_have_no_gap_when_an_invoice_is_taken_back() -> None:
    casts = [make_cast("atlas")]
    begin(casts[0].account)
    first = invoices(casts[0].account)[0].number
    with on(date(2026, 2, 1)):
        run_account(casts[0].account.pk, dry_run=True)
        run_account(casts[0].account.pk)
    assert [each.number for each in invoices(casts[0].account)] == [first, first + 1]
    assert Seller.objects.get().last_number == first + 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_invoice SET total = 1",
        "DELETE FROM billing_invoice",
        "TRUNCATE billing_invoice CASCADE",
        "UPDATE billing_invoiceline SET text = 'Another'",
        "DELETE FROM billing_invoiceline",
        "UPDATE billing_payment SET amount = 1",
        "DELETE FROM billing_payment",
    ],
)
def test_the_database_refuses_to_alter_what_was_issued(statement: str) -> None:
    cast = make_cast()
    begin(cast.account)
    assert refused(statement)
    assert totals(cast.account) == ["120.00"]


def test_an_invoice_whose_lines_do_not_sum_to_it_is_refused() -> None:
    cast = make_cast()
    begin(cast.account)
    told = refused(
        "INSERT INTO billing_invoice (account_id, payer_id, seller_id, kind, issued_on, due_on, currency, tax_rate,"
        " treatment, net, tax, total, seller_details, buyer_details, note) SELECT account_id, payer_id, seller_id,"
        " kind, issued_on, due_on, currency, tax_rate, treatment, net, tax, total, seller_details, buyer_details, note"
        " FROM billing_invoice"
    )
    assert "the lines of an invoice sum to its amounts" in told


def test_a_seller_counts_on_one_by_one() -> None:
    assert "one by one" in refused("UPDATE billing_seller SET last_number = last_number + 7")


def test_a_number_stated_by_hand_is_not_taken() -> None:
    cast = make_cast()
    begin(cast.account)
    with on(date(2026, 2, 1)):
        run_account(cast.account.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.filter(account=cast.account).update(number=7)


def test_a_credit_note_takes_back_what_an_invoice_asked_for() -> None:
    cast = make_cast()
    begin(cast.account)
    invoice = invoices(cast.account)[0]
    with on(date(2026, 1, 5)):
        note = credit(invoice.pk, cast.account.pk, actor=None, reason="They were promised a free month")
        assert payments.balance(invoice) == 0
        run_account(cast.account.pk)
    assert note.number == invoice.number + 1
    assert note.total == -invoice.total
    assert len(invoices(cast.account)) == 2
    with pytest.raises(BillingRefused, match="You can credit at most"):
        credit(invoice.pk, cast.account.pk, actor=None, reason="Again")
    with pytest.raises(BillingRefused, match="is a credit note"):
        credit(note.pk, cast.account.pk, actor=None, reason="Back")


def test_parts_of_an_invoice_can_be_credited_up_to_all_of_it() -> None:
    cast = make_cast()
    begin(cast.account)
    invoice = invoices(cast.account)[0]
    for _ in range(3):
        credit(invoice.pk, cast.account.pk, net=Decimal("33.33"), actor=None, reason="An outage")
    last = credit(invoice.pk, cast.account.pk, actor=None, reason="All of it")
    assert last.net == Decimal("-20.01")
    assert payments.balance(invoice) == 0


def test_what_is_credited_to_be_billed_again_goes_to_whom_the_details_name_now() -> None:
    cast = make_cast()
    payer = begin(cast.account)
    invoice = invoices(cast.account)[0]
    with on(date(2026, 1, 5)):
        details = {"vat_number": "FR61244673075", "country": "FR"}
        change_details(cast.account.pk, payer.pk, details, actor=cast.owner, reason="We had forgotten it")
        credit(invoice.pk, cast.account.pk, again=True, actor=None, reason="Without the VAT number")
        run_account(cast.account.pk)
    assert [f"{each.total:.2f}" for each in invoices(cast.account)] == ["142.80", "-142.80", "120.00"]


def test_credit_notes_and_payments_are_an_operators() -> None:
    cast = make_cast()
    begin(cast.account)
    invoice = invoices(cast.account)[0]
    with pytest.raises(OperatorOnly):
        credit(invoice.pk, cast.account.pk, actor=cast.owner, reason="For me")
    with pytest.raises(OperatorOnly):
        _enter(invoice, cast.owner)
    _enter(invoice, OperatorFactory())
    assert Payment.objects.count() == 1


def _enter(invoice: Invoice, actor: Any, reference: str = "A1", amount: str = "142.80") -> None:
    payments.enter(
        invoice.account_id,
        invoice.pk,
        amount=Decimal(amount),
        received_on=START,
        external_id=reference,
        actor=actor,
        reason="It came",
    )


def test_a_payment_is_entered_once() -> None:
    cast = make_cast()
    begin(cast.account)
    invoice = invoices(cast.account)[0]
    _enter(invoice, None)
    _enter(invoice, None)
    assert payments.balance(invoice) == 0
    for reference, amount, words in (
        ("A1", "5", "is already recorded"),
        (" ", "5", "a reference"),
        ("B", "0", "an amount"),
    ):
        with pytest.raises(BillingRefused, match=words):
            _enter(invoice, None, reference, amount)


def test_what_is_late_is_reminded_of_and_then_the_account_is_to_be_read_alone() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    invoice = invoices(cast.account)[0]
    task = TaskFactory(branch=cast.branch, responsible=cast.member)
    for day in range(1, 60):
        with on(date.fromordinal(START.toordinal() + day)):
            run_account(cast.account.pk)
    sent = dict(Mailing.objects.filter(invoice=invoice).values_list("kind", "made_on"))
    assert sent == {
        "issued": START,
        "reminder_1": date(2026, 1, 18),
        "reminder_2": date(2026, 1, 25),
        "reminder_3": date(2026, 2, 1),
        "suspended": date(2026, 2, 14),
    }
    with on(date(2026, 3, 1)):
        assert SubscriptionState(cast.account).state is SubscriptionStatus.SUSPENDED
        assert may(cast.owner, "view_lead", LeadFactory(branch=cast.branch))
        assert may(cast.owner, "export_company", CompanyFactory(branch=cast.branch))
        assert not may(cast.owner, "add_lead", cast.branch)
        assert not may(cast.owner, "change_roles", cast.branch)
        assert may(cast.owner, "manage_billing", cast.branch)
        assert not may(cast.member, "change_task", task)
        for each in invoices(cast.account):
            pay(each)
        assert SubscriptionState(cast.account).state is SubscriptionStatus.ACTIVE
        assert may(cast.owner, "add_lead", cast.branch)
    assert report(cast.account.pk).sound


def test_a_promise_is_not_a_payment() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    invoice = invoices(cast.account)[0]
    for day in (20, 35, 50):
        with on(date.fromordinal(START.toordinal() + day)):
            run_account(cast.account.pk)
    with on(date(2026, 2, 20)):
        pay(invoice, Decimal(1), "a part")
        assert SubscriptionState(cast.account).state is SubscriptionStatus.SUSPENDED
        for each in invoices(cast.account):
            pay(each)
        assert SubscriptionState(cast.account).state is SubscriptionStatus.ACTIVE


def test_upcoming_fees_are_what_the_next_period_will_cost() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    with on(date(2026, 1, 20)):
        choose(cast.account, "starter", 4)
        starts_on, drafts = upcoming(SubscriptionState(cast.account), seller())
        assert starts_on == date(2026, 2, 1)
        assert [draft.total for draft in drafts] == [Decimal("42.84")]
    with on(date(2026, 2, 1)):
        run_account(cast.account.pk)
    assert invoices(cast.account)[-1].total == Decimal("42.84")


def test_lines_belong_to_their_invoices_account() -> None:
    cast = make_cast()
    begin(cast.account)
    invoice = invoices(cast.account)[0]
    with pytest.raises(BillingRefused, match="That invoice doesn't exist"):
        invoicing.find(cast.elsewhere.account_id, invoice.pk)
