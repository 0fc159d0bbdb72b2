"""Billing in a real browser: upgrade, pay, take the PDF along, and downgrade after seeing what is lost."""

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.billing.pdf import invoice_pdf
from apps.billing.subscription_state import today
from tests.billing.cases import begin, invoices, pay
from tests.browser.driving import faults, go, sideways, sign_in, take
from tests.factories import Cast


def test_an_owner_upgrades_pays_and_downgrades(live_server: LiveServer, page: Page, cast: Cast) -> None:
    begin(cast.account, day=today())
    sign_in(page, live_server, cast.owner)
    found = faults(page)
    go(page, live_server, "/a/acme/billing/")
    take(page, "billing")

    page.get_by_role("link", name="Change plan").click()
    expect(page).to_have_url(re.compile("/billing/plan/"))
    page.get_by_label("Business").check()
    page.get_by_label("Seats").fill("6")
    page.get_by_label("Reason").fill("We need roles of our own")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("From today: Business, 6 seats, €294.00 a month.")).to_be_visible()
    expect(page.get_by_text("Added: Custom roles.")).to_be_visible()
    page.get_by_role("button", name="Change plan").click()
    expect(page).to_have_url(f"{live_server.url}/a/acme/billing/")
    expect(page.get_by_text("2 of 6 in use")).to_be_visible()

    first, second = invoices(cast.account)
    row = page.get_by_role("row", name=second.reference)
    expect(row).to_contain_text("Unpaid")
    page.get_by_role("link", name=second.reference).click()
    expect(page).to_have_url(re.compile(f"/invoices/{second.reference}/"))
    with page.expect_download() as waiting:
        page.get_by_role("link", name="PDF").click()
    assert waiting.value.suggested_filename == f"invoice-{second.reference}.pdf"
    assert waiting.value.path().read_bytes() == invoice_pdf(second)
    for invoice in (first, second):
        pay(invoice)
    page.reload()
    expect(page.get_by_role("row", name="Amount due")).to_contain_text("€0.00")

    go(page, live_server, "/a/acme/billing/plan/")
    page.get_by_label("Starter").check()
    page.get_by_label("Reason").fill("It was too much")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("Removed: Several branches, Automation, Custom roles.")).to_be_visible()
    page.get_by_role("button", name="Change plan").click()
    expect(page).to_have_url(f"{live_server.url}/a/acme/billing/")
    expect(page.get_by_text(re.compile("Starter with 6 seats, from"))).to_be_visible()
    assert found == []


@pytest.mark.parametrize("path", ["", "plan/", "invoices/", "how/"])
def test_it_fits_a_phone(live_server: LiveServer, phone: Page, cast: Cast, path: str) -> None:
    begin(cast.account, day=today(), name="A company with a name that is longer than any phone is wide, and then some")
    sign_in(phone, live_server, cast.owner)
    go(phone, live_server, f"/a/acme/billing/{path}")
    assert sideways(phone) == 0
