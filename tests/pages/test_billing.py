"""The pages of billing: what people see of the bills, and what they change."""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import zeal
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.access.models import QueuedPreview
from apps.accounts.models import User
from apps.audit.models import Operation
from apps.billing import subscribing
from apps.billing.models import Invoice, Payer, Term
from apps.billing.running import run_account
from apps.billing.subscription_state import SubscriptionState
from apps.changes.previews import queued
from tests.admin.people import browser
from tests.billing.cases import START, begin, invoices, on
from tests.factories import Cast, ParentMembershipFactory, UserFactory, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def several_acts() -> Iterator[None]:
    """A page that tries something, and then shows whose rights it changes, locks the account more than once."""
    with zeal.zeal_ignore():
        yield


FEBRUARY = date(2026, 2, 10)


def address(name: str, *rest: Any) -> str:
    return reverse(f"billing:{name}", args=["acme", *rest])


def by_branch(cast: Cast) -> tuple[Invoice, Invoice]:
    """An account whose branches pay for themselves; an invoice of North, and one of South."""
    south = cast.branch_beside()
    begin(cast.account)
    with on(date(2026, 1, 20)):
        subscribing.bill_by(cast.account.pk, branches=True, actor=cast.owner, reason="Two budgets")
    with on(date(2026, 2, 1)):
        run_account(cast.account.pk)
    first = Invoice.objects.get(account=cast.account, branch=cast.branch)
    second = Invoice.objects.get(account=cast.account, branch=south)
    return first, second


def test_the_overview_shows_plan_seats_invoices_and_what_comes() -> None:
    cast = make_cast()
    begin(cast.account)
    with on(date(2026, 1, 10)):
        page = browser(cast.owner).get(address("overview")).content.decode()
    for words in ("Professional", "2 of 5 in use", "M-0", "€142.80", "Upcoming on 1 Feb 2026", "By bank transfer"):
        assert words in page
    # The last day of a period, as the invoice says it, and not the day on which the next one begins.
    assert "1 Jan 2026 – 31 Jan 2026" in page


def test_it_asks_little_of_the_database_however_many_branches_pay(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    cast = make_cast()
    for number in range(6):
        cast.join(branch=cast.branch_beside(f"South{number}"))
    by_branch(cast)
    client = browser(cast.owner)
    client.get(address("overview"))
    for name in ("overview", "invoices", "plan"):
        with on(FEBRUARY), django_assert_max_num_queries(15):
            assert client.get(address(name)).status_code == 200


def test_an_account_without_a_subscription_says_so() -> None:
    cast = make_cast()
    client = browser(cast.owner)
    assert "No subscription" in client.get(address("overview")).content.decode()
    assert "Professional is free for 14 days." in client.post(address("begin"), {"reason": "A"}).content.decode()
    client.post(address("begin"), {"reason": "We try it", "confirmed": "yes"})
    assert "free until" in client.get(address("overview")).content.decode()
    assert client.get(address("begin")).status_code == 404


def test_another_branchs_invoice_is_not_there_and_its_pdf_neither() -> None:
    cast = make_cast()
    north, south = by_branch(cast)
    admin = cast.join("admin", branch=south.branch)
    client = browser(admin)
    shown = client.get(address("invoice", south.reference))
    assert shown.status_code == 200
    assert "Tax, 19 %" in shown.content.decode()
    assert client.get(address("pdf", south.reference)).content.startswith(b"%PDF")
    for reference in (north.reference, invoices(cast.account)[0].reference):
        assert client.get(address("invoice", reference)).status_code == 404
        assert client.get(address("pdf", reference)).status_code == 404
    listed = client.get(address("invoices")).content.decode()
    assert south.reference in listed
    assert north.reference not in listed
    payer = Payer.objects.get(branch=north.branch)
    assert client.get(address("payer", payer.pk)).status_code == 404


def test_the_billing_admin_sees_every_branch_and_changes_nothing() -> None:
    cast = make_cast()
    north, south = by_branch(cast)
    clerk = UserFactory()
    ParentMembershipFactory(account=cast.account, user=clerk, role="billing_admin")
    client = browser(clerk)
    for invoice in invoices(cast.account):
        assert client.get(address("invoice", invoice.reference)).status_code == 200
    listed = client.get(address("invoices"), {"branch": str(south.branch_id)}).content.decode()
    assert south.reference in listed
    assert north.reference not in listed
    assert client.get(address("plan")).status_code == 403
    assert client.get(address("payer", north.payer_id)).status_code == 403
    assert "disabled" in client.get(address("overview")).content.decode()


def test_in_atmos_billing_is_the_admins_alone() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    assert browser(cast.owner).get(address("overview")).status_code == 200
    for role in ("super_user", "user", "restricted_user"):
        assert browser(cast.join(role)).get(address("overview")).status_code == 403


def choice(cast: Cast, plan: str, seats: int, **more: str) -> dict[str, str]:
    (payer,) = Payer.objects.filter(account=cast.account)
    return {"plan": plan, "interval": "month", f"seats_{payer.pk}": str(seats), "reason": "We have grown", **more}


def test_an_upgrade_shows_what_it_costs_and_is_billed_when_it_is_confirmed() -> None:
    cast = make_cast()
    begin(cast.account)
    client = browser(cast.owner)
    with on(date(2026, 1, 21)):
        shown = client.post(address("plan"), choice(cast, "business", 6)).content.decode()
        assert "From today: Business, 6 seats, €294.00 a month." in shown
        assert "An invoice for €73.47, including €11.73 tax, is sent immediately." in shown
        assert "Added: Custom roles." in shown
        assert len(invoices(cast.account)) == 1
        assert Term.objects.filter(account=cast.account).count() == 1
        done = client.post(address("plan"), choice(cast, "business", 6, confirmed="yes"))
        assert done.headers["Location"] == address("overview")
    assert f"{invoices(cast.account)[1].total:.2f}" == "73.47"
    assert Operation.objects.get(verb="billing.plan.chosen").reason == "We have grown"


def test_whose_rights_a_plan_changes_is_computed_in_the_queue_where_it_is_those_of_many() -> None:
    cast = make_cast()
    begin(cast.account, seats=70)
    for _ in range(60):
        cast.join()
    client = browser(cast.owner)
    with on(date(2026, 1, 21)):
        answered = client.post(address("plan"), choice(cast, "business", 70))
        assert answered.status_code == 302
        assert "Calculating the preview" in client.get(answered.headers["Location"]).content.decode()
        asked = QueuedPreview.objects.get()
        queued.compute(asked.pk, account_id=cast.account.pk, user_id=cast.owner.pk)
        shown = client.get(answered.headers["Location"]).content.decode()
        assert "From today: Business, 70 seats" in shown
        assert "Added: Custom roles." in shown
        assert "affected" in shown
        client.post(answered.headers["Location"], choice(cast, "business", 70, confirmed="yes"))
    assert Term.objects.filter(account=cast.account, plan="business").exists()


def test_a_downgrade_says_when_it_holds_and_what_is_lost() -> None:
    cast = make_cast()
    begin(cast.account)
    with on(date(2026, 1, 21)):
        shown = browser(cast.owner).post(address("plan"), choice(cast, "starter", 4)).content.decode()
    assert "From 1 February 2026: Starter, 4 seats, €36.00 a month." in shown
    assert "Removed: Several branches, Automation." in shown


def test_what_cannot_be_chosen_is_said_beside_the_form() -> None:
    cast = make_cast()
    begin(cast.account)
    client = browser(cast.owner)
    with on(date(2026, 1, 21)):
        assert "needs more than 1 seats" in client.post(address("plan"), choice(cast, "starter", 1)).content.decode()
        assert (
            "Enter a reason." in client.post(address("plan"), choice(cast, "starter", 5, reason=" ")).content.decode()
        )


def test_details_are_changed_with_a_preview_of_the_tax() -> None:
    cast = make_cast()
    payer = begin(cast.account)
    client = browser(cast.owner)
    sent = {
        "name": "Acme SARL",
        "address": "1 Rue Principale",
        "country": "fr",
        "vat_number": "FR61244673075",
        "email": "factures@acme.example",
        "currency": "EUR",
        "reason": "We moved",
    }
    shown = client.post(address("payer", payer.pk), sent).content.decode()
    assert "Tax: 0 percent. Reverse charge" in shown
    client.post(address("payer", payer.pk), sent | {"confirmed": "yes"})
    payer.refresh_from_db()
    assert (payer.name, payer.country) == ("Acme SARL", "FR")


def test_a_subscription_is_cancelled_and_kept() -> None:
    cast = make_cast()
    begin(cast.account)
    client = browser(cast.owner)
    with on(date(2026, 1, 21)):
        sent = {"reason": "Too little used"}
        assert "From 1 February 2026, the account is read-only" in client.post(address("cancel"), sent).content.decode()
        client.post(address("cancel"), sent | {"confirmed": "yes"})
        assert SubscriptionState(cast.account).agreed.ends_on == date(2026, 2, 1)
        assert "Keep subscription" in client.get(address("overview")).content.decode()
        client.post(address("cancel"), {"reason": "We stay", "confirmed": "yes"})
        assert SubscriptionState(cast.account).agreed.ends_on is None


def test_who_pays_is_changed_for_the_end_of_the_period() -> None:
    cast = make_cast()
    begin(cast.account)
    client = browser(cast.owner)
    sent = {"payers": "branches", "grows": "on", "reason": "Two budgets"}
    with on(date(2026, 1, 21)):
        shown = client.post(address("how"), sent).content.decode()
        assert "each branch has its own seats and invoices" in shown
        client.post(address("how"), sent | {"confirmed": "yes"})
    book = SubscriptionState(cast.account)
    assert book.agreed.grows
    assert book.by_branch(date(2026, 2, 1))


def test_invoices_are_filtered_and_paged_by_their_number() -> None:
    cast = make_cast()
    begin(cast.account)
    with on(FEBRUARY):
        run_account(cast.account.pk)
        first, second = invoices(cast.account)
        client = browser(cast.owner)
        late = client.get(address("invoices"), {"state": "overdue"}).content.decode()
        assert first.reference in late
        assert second.reference not in late
        earlier = client.get(address("invoices"), {"before": str(second.number)}).content.decode()
        assert second.reference not in earlier
        assert "Clear a filter" in client.get(address("invoices"), {"q": "nothing"}).content.decode()


def test_a_read_only_account_says_so_and_can_still_be_paid_for() -> None:
    cast = make_cast()
    begin(cast.account)
    with on(date(2026, 1, 5)):
        subscribing.cancel(cast.account.pk, actor=cast.owner, reason="We go")
    with on(FEBRUARY):
        run_account(cast.account.pk)
        User.objects.filter(pk=cast.owner.pk).update(is_staff=True)
        client = browser(cast.owner)
        for path in ("/a/acme/", "/a/acme/members/", address("overview"), "/admin/"):
            shown = client.get(path).content.decode()
            assert "Acme is read-only until its subscription is paid." in shown
            assert "complete the billing details or choose a plan" in shown
        other = browser(cast.member)
        assert "These people can end this: " in (shown := other.get("/a/acme/").content.decode())
        assert str(cast.owner) in shown
        refused = client.get("/a/acme/invitations/new/")
        assert refused.status_code == 403
        assert "Acme is read-only until its subscription is paid. “Invite team members” would change data." in (
            html.unescape(refused.content.decode())
        )
        client.post(address("plan"), choice(cast, "starter", 5, confirmed="yes"))
        for path in ("/a/acme/", "/admin/"):
            assert "is read-only" not in client.get(path).content.decode()


def test_who_may_invite_sees_how_many_seats_are_left_and_where_they_invite_what_one_more_costs() -> None:
    cast = make_cast()
    begin(cast.account, seats=2)
    told = "Acme: 2 of 2 seats taken."
    with on(START):
        client = browser(cast.owner)
        for path in ("/a/acme/", "/a/acme/members/", "/a/acme/invitations/new/"):
            shown = client.get(path).content.decode()
            assert told in shown
            assert "More seats" in shown
            more = "Another seat costs €24.00 a month. Ask a member who manages the subscription to add it." in shown
            assert more == path.endswith("new/")
        subscribing.set_growth(cast.account.pk, grows=True, actor=cast.owner, reason="We grow")
        shown = client.get("/a/acme/invitations/new/").content.decode()
        assert "Another seat costs €24.00 a month and is added with the invitation." in shown
        assert "seats taken" not in browser(cast.member).get("/a/acme/").content.decode()
