"""Texts that people can write never keep an invoice from being printed, and too long ones are refused at input."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.core.checks import Error
from django.core.checks.registry import registry
from django.db import IntegrityError, connection, transaction
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings
from reportlab.lib.pagesizes import A4

from apps.accounts.models import JobFailure
from apps.billing.checks import check_seller
from apps.billing.details import change_details
from apps.billing.forms import DetailsForm
from apps.billing.gateways.base import GatewayError, Outcome
from apps.billing.models import Attempt, Invoice, InvoiceLine, Mailing, Payer, Seller
from apps.billing.models.base import ADDRESS_CHARACTERS, ADDRESS_LINES
from apps.billing.pdf import BODY, invoice_pdf
from apps.billing.refusals import BillingRefused
from apps.billing.running import run_billing
from tests.billing.cases import START, begin, on
from tests.factories import AccountFactory, BranchFactory, make_cast
from tests.mailing import post

BROKEN = "\n".join("a" for _ in range(240))
# What breaks layouts: breaks of every kind, marks, other directions, markup, no place to break at, and much of it.
BREAKS = ["\n", "\r\n", "\u2028", "\t", "\x0b", "\n" * 30, "line\n" * 30]
MARKS = ["\u00ad", "\u200b", "\u202e", "e\u0301", "株", "🙂", "%s", "{}"]
MARKUP = ["<b>", "</para>", "&amp;", "&#0;", "<font size='900'>"]
WORDS = ["a", "W", "word ", "x" * 90, "w " * 90]
PIECES = st.sampled_from([*BREAKS, *MARKS, *MARKUP, *WORDS])
TEXTS = st.builds(lambda pieces, times: "".join(pieces) * times, st.lists(PIECES, max_size=12), st.integers(1, 12))
LINES_ON_A_PAGE = int(A4[1] * 0.7 / BODY.leading)
NARROWEST = 20


def invoice_of(texts: dict[str, str], lines: int = 1) -> Invoice:
    """An invoice that is stored nowhere, with these texts on it."""
    seller = {"bank": "", "iban": "DE02120300000000202051", "bic": "BYLADEM1001", "email": "a@seller.example"}
    invoice = Invoice(
        pk=1,
        reference="M-000001",
        issued_on=date(2026, 1, 1),
        due_on=date(2026, 1, 15),
        currency="EUR",
        tax_rate=Decimal(19),
        net=Decimal(100),
        tax=Decimal(19),
        total=Decimal(119),
        seller_details={**seller, "name": texts.get("seller", "Seller"), "country": "DE", "vat_number": ""}
        | {"address": texts.get("seller_address", "Main Street 1")},
        buyer_details={"name": texts.get("name", "Acme"), "address": texts.get("address", ""), "country": "DE"}
        | {"vat_number": texts.get("vat_number", "")},
        note=texts.get("note", ""),
    )
    rows = InvoiceLine.objects.none()
    rows._result_cache = [InvoiceLine(text=texts.get("line", "Seats"), quantity=1, net=Decimal(100))] * lines
    rows._clone = lambda: rows  # type: ignore[attr-defined] # as what was fetched already
    invoice._prefetched_objects_cache = {"lines": rows}  # type: ignore[attr-defined] # Django's own
    return invoice


def pages_of(content: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", content))


NAMES = ("name", "address", "seller", "seller_address", "vat_number", "note", "line")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, TEXTS)), st.integers(0, 60))
@example({"address": BROKEN}, 1)
@example({"seller_address": BROKEN, "address": BROKEN * 3}, 1)
@example({"name": "W" * 5_000}, 1)
@example({"line": "word " * 5_000}, 3)
@example({"seller": "S" * 3_000, "note": "x" * 20_000}, 1)
def test_an_invoice_is_printed_whatever_is_written_on_it(texts: dict[str, str], lines: int) -> None:
    texts = {name: text[:20_000] for name, text in texts.items()}
    if len(texts.get("line", "")) > 1_000:
        lines = min(lines, 3)
    content = invoice_pdf(invoice_of(texts, lines))
    most = sum(
        (len(text.splitlines()) + len(text) // NARROWEST + 1) * (lines if name == "line" else 1)
        for name, text in texts.items()
    )
    assert 1 <= pages_of(content) <= 3 + (most + 2 * lines) // LINES_ON_A_PAGE
    assert content.rstrip().endswith(b"%%EOF")


def test_an_invoice_with_all_lines_of_both_addresses_is_one_page() -> None:
    address = "\n".join(["Trading Estate North, Building 17, Gate 4"] * ADDRESS_LINES)
    assert len(address) <= ADDRESS_CHARACTERS
    full = {"name": "Acme Works " * 8, "address": address, "seller_address": address, "vat_number": "DE" + "9" * 9}
    assert pages_of(invoice_pdf(invoice_of(full, 3))) == 1


# Input

LONG = "\n".join(f"Line {number}" for number in range(1, ADDRESS_LINES + 2))
FULL = "\r\n".join(f"Line {number}" for number in range(1, ADDRESS_LINES + 1))


def by_form(payer: Payer, address: str) -> str:
    data = {"name": "Acme", "address": address, "country": "DE", "email": "a@acme.example", "currency": "EUR"}
    form = DetailsForm({**data, "reason": "Moved"}, payer=payer, fixed=False)
    return " ".join(map(str, form.errors.get("address", [])))


def by_service(payer: Payer, address: str) -> str:
    try:
        change_details(payer.account_id, payer.pk, {"address": address}, actor=None, reason="Moved")
    except BillingRefused as refused:
        return str(refused)
    return ""


def by_database(payer: Payer, address: str) -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE billing_payer SET address = %s WHERE id = %s", [address, payer.pk])
    except IntegrityError as error:
        return str(error)
    return ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("write", "too_many", "too_long"),
    [
        (by_form, "at most 10 lines; it has 11", "at most 500 characters"),
        (by_service, "at most 10 lines; it has 11", "longer than 500 characters"),
        (by_database, "payer_address_fits_invoice", "payer_address_fits_invoice"),
    ],
)
def test_an_address_has_room_on_the_invoice(write: Callable[[Payer, str], str], too_many: str, too_long: str) -> None:
    payer = begin(make_cast().account)
    assert too_many in write(payer, LONG)
    assert too_long in write(payer, "x" * (ADDRESS_CHARACTERS + 1))
    assert write(payer, FULL) == ""
    assert write(payer, "x" * ADDRESS_CHARACTERS) == ""


@pytest.mark.django_db
def test_the_lines_of_an_address_are_stored_without_empty_ones() -> None:
    payer = begin(make_cast().account)
    assert by_service(payer, " 1 Main Street \r\n\r\n\u2028 10115 Berlin\x0b\n") == ""
    payer.refresh_from_db()
    assert payer.address == "1 Main Street\n10115 Berlin"


def test_a_seller_that_does_not_fit_is_an_error_of_the_settings(settings: Settings) -> None:
    assert check_seller in registry.get_checks()
    assert check_seller(None) == []
    wrong = {**settings.BILLING_SELLER, "address": BROKEN, "name": "x" * 151, "colour": "red"}
    with override_settings(BILLING_SELLER=wrong):
        found = check_seller(None)
    assert all(isinstance(each, Error) for each in found)
    assert {(str(each.id), str(each.msg).split('"')[1]) for each in found} == {
        ("billing.E002", "address"),
        ("billing.E002", "name"),
        ("billing.E001", "colour"),
    }


@pytest.mark.django_db
def test_the_database_refuses_a_seller_that_does_not_fit() -> None:
    with pytest.raises(IntegrityError, match="seller_address_fits_invoice"), transaction.atomic():
        Seller.objects.update(address=BROKEN)


# The run


@contextmanager
def without_limit() -> Iterator[None]:
    """The database takes every address, as before there was a limit."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_payer DROP CONSTRAINT payer_address_fits_invoice")
    yield


@pytest.mark.django_db(transaction=True)
def test_an_address_of_240_lines_holds_up_nobody() -> None:
    payers = []
    for slug in ("first", "middle", "third"):
        branch = BranchFactory(account__slug=slug, account__lists=False)
        payers.append(begin(branch.account, email=f"bills@{slug}.example"))
    with without_limit():
        Payer.objects.filter(pk=payers[1].pk).update(address=BROKEN)
    post()
    with on(date(2026, 2, 1)):
        run = run_billing()
        run.check()
        assert len(run.invoices) == 3
        run_billing().check()
    issued = Invoice.objects.filter(issued_on=date(2026, 2, 1))
    assert sorted(invoice.payer_id for invoice in issued) == sorted(payer.pk for payer in payers)
    attached = [(mail.to[0], pages_of(mail.attachments[0][1])) for mail in post() if "M-" in mail.subject]
    assert [pages for to, pages in attached if to == "bills@middle.example" and pages > 1] == [6]
    assert not JobFailure.objects.exists()
    assert not Mailing.objects.filter(sent_at=None).exists()


class Gateway:
    """A gateway that breaks for one account, and collects from the others."""

    key, collects = "stripe", True

    def __init__(self, account_id: int, error: Exception | None) -> None:
        self.account_id = account_id
        self.error = error
        self.collected: list[str] = []

    def collect(self, attempt: Attempt, payer: Payer, currency: str) -> Outcome:
        if self.error is not None and attempt.account_id == self.account_id:
            raise self.error
        self.collected.append(attempt.key)
        return Outcome(Attempt.State.SUCCEEDED, f"pi_{attempt.pk}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [GatewayError("The line broke."), RuntimeError("no wheel")])
def test_a_gateway_that_breaks_for_one_account_collects_from_the_others(error: Exception) -> None:
    accounts = []
    for slug in ("first", "middle", "third"):
        branch = BranchFactory(account=AccountFactory(slug=slug, lists=False))
        payer = begin(branch.account, email=f"bills@{slug}.example")
        Payer.objects.filter(pk=payer.pk).update(gateway="stripe", customer=f"cus_{slug}", method="pm_1")
        accounts.append(branch.account)
    gateway = Gateway(accounts[1].pk, error)
    with on(START), patch("apps.billing.collecting.gateway_of", return_value=gateway):
        run = run_billing()
        assert [failure.account for failure in run.failed] == ["middle"]
        assert run.collected == 2
        # What can be done in the account itself is done, too.
        assert run.messages == 3
        assert JobFailure.objects.get().account == accounts[1]
        gateway.error = None
        assert run_billing().collected == 1
        assert run_billing().collected == 0
    assert not JobFailure.objects.exists()
    assert len(gateway.collected) == len(set(gateway.collected)) == 3
