"""The operator's page, the banner, and what a superuser sees outside of a session."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.access.models import OperatorSession
from apps.access.operators import current_session, end_session, open_session
from apps.accounts.models import Account
from apps.audit.models import Entry
from apps.crm.models import Lead
from tests.admin.people import browser, everything, form_of, make, staff, url
from tests.factories import PASSWORD, Cast, OperatorFactory, make_cast
from tests.signin.people import digits, operator_browser, sign_in, somebody, with_app, with_codes

pytestmark = pytest.mark.django_db
PAGE, END = "/admin/operator/", "/admin/operator/end/"
WHY = "Ticket 4711: <b>help</b>"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def text(client: Client, address: str) -> str:
    return client.get(address, follow=True).content.decode()


def test_the_first_page_of_a_new_superuser_says_why_and_leads_to_the_session_in_one_click(cast: Cast) -> None:
    client = browser(OperatorFactory(session=False))
    page = text(client, "/admin/")
    assert "You have no open operator session" in page
    assert f'href="{PAGE}?next=%2Fadmin%2F"' in page
    assert cast.account.name not in page
    assert "You aren’t a member of an account" not in page


def test_opening_one_leads_on_to_where_they_wanted_to_go(cast: Cast) -> None:
    olive = OperatorFactory(session=False)
    lead = make("lead", cast.branch)
    client = operator_browser(olive)
    assert client.get(url(lead)).status_code == 404
    refused = client.get(url("lead", "changelist"))
    assert refused.status_code == 403
    assert "?next=%2Fadmin%2Fcrm%2Flead%2F" in refused.content.decode()
    assert 'value="/admin/crm/lead/"' in text(client, f"{PAGE}?next=/admin/crm/lead/")
    answer = client.post(PAGE, {"reason": WHY, "minutes": "30", "next": url(lead)})
    assert (answer.status_code, answer.headers["Location"]) == (302, url(lead))
    assert client.get(url(lead)).status_code == 200
    session = OperatorSession.objects.get(user=olive)
    assert (session.reason, session.expires_at - session.opened_at) == (WHY, timedelta(minutes=30))
    entry = Entry.objects.get(operation__verb="access.operator_session.opened")
    assert (entry.operation.actor_id, entry.operation.ip) == (olive.pk, "127.0.0.1")


def test_without_a_second_factor_the_page_says_so_and_opens_none(cast: Cast) -> None:
    olive = OperatorFactory(session=False)
    client = browser(olive)
    for answer in (client.get(PAGE), client.post(PAGE, {"reason": WHY, "minutes": "30"})):
        shown = answer.content.decode()
        assert "Operator sessions require two-factor authentication" in shown
        assert 'href="/mfa/"' in shown
        assert 'name="reason"' not in shown
        assert answer.status_code == (200 if answer.request["REQUEST_METHOD"] == "GET" else 403)
    assert not OperatorSession.objects.exists()


def test_recovery_codes_are_no_second_factor_of_an_operator(cast: Cast) -> None:
    olive = OperatorFactory(session=False)
    with_codes(olive)
    assert browser(olive).post(PAGE, {"reason": WHY, "minutes": "30"}).status_code == 403
    assert not OperatorSession.objects.exists()


def test_a_second_factor_that_was_set_up_after_signing_in_opens_none(cast: Cast) -> None:
    olive = somebody(is_superuser=True, is_staff=True)
    client = sign_in(olive).client
    secret = with_app(olive)
    client.post("/login/again/", {"password": PASSWORD})
    client.post("/mfa/reauthenticate/", {"code": digits(secret)})
    answer = client.post(PAGE, {"reason": WHY, "minutes": "30"})
    assert answer.status_code == 403
    assert "You signed in before you set up two-factor authentication." in answer.content.decode()
    assert not OperatorSession.objects.exists()


def test_it_is_opened_after_showing_again_who_one_is(cast: Cast) -> None:
    olive = somebody(is_superuser=True, is_staff=True)
    secret = with_app(olive)
    client = sign_in(olive).client
    client.post("/mfa/authenticate/", {"code": digits(secret)})
    assert 'name="reason"' in text(client, PAGE)
    lead = make("lead", cast.branch)
    answer = client.post(PAGE, {"reason": WHY, "minutes": "30", "next": url(lead)})
    assert answer.headers["Location"] == f"/login/again/?next={PAGE.replace('/', '%2F')}"
    assert not OperatorSession.objects.exists()
    wrong = client.post(answer.headers["Location"], {"password": "a guess of a stranger", "next": PAGE})
    assert wrong.status_code == 200
    assert not OperatorSession.objects.exists()
    # What was sent before is not asked for again.
    answer = client.post("/login/again/", {"password": PASSWORD, "next": PAGE})
    assert answer.headers["Location"] == url(lead)
    assert OperatorSession.objects.get(user=olive).reason == WHY
    assert client.get(url(lead)).status_code == 200


def test_showing_who_one_is_holds_for_minutes(cast: Cast) -> None:
    client = operator_browser(OperatorFactory(session=False))
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        answer = client.post(PAGE, {"reason": WHY, "minutes": "30"})
        assert answer.headers["Location"].startswith("/login/again/")
    assert not OperatorSession.objects.exists()


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_it_leads_nowhere_else(cast: Cast, elsewhere: str) -> None:
    answer = operator_browser(OperatorFactory(session=False)).post(
        PAGE, {"reason": WHY, "minutes": "60", "next": elsewhere}
    )
    assert answer.headers["Location"] == "/admin/"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"reason": "  ", "minutes": "60"}, "Enter a reason for the session."),
        ({"minutes": "60"}, "Enter a reason for the session."),
        ({"reason": WHY, "minutes": "600"}, "Select a valid choice"),
        ({"reason": WHY + "\0", "minutes": "60"}, "Null characters are not allowed."),
    ],
)
def test_what_is_off_is_told_in_the_form(cast: Cast, sent: dict[str, str], told: str) -> None:
    answer = operator_browser(OperatorFactory(session=False)).post(PAGE, {**sent, "next": "/admin/crm/lead/"})
    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert 'value="/admin/crm/lead/"' in answer.content.decode()
    assert not OperatorSession.objects.exists()


def test_a_second_one_is_refused_on_the_page(cast: Cast) -> None:
    client = operator_browser(OperatorFactory())
    answer = client.post(PAGE, {"reason": WHY, "minutes": "60"})
    assert answer.status_code == 200
    assert OperatorSession.objects.count() == 1


def test_every_page_shows_who_why_until_when_and_how_to_end_it(cast: Cast) -> None:
    olive = OperatorFactory(session=False, name="Olive Operator")
    session = open_session(olive, reason=WHY)
    lead = make("lead", cast.branch)
    client = browser(olive)
    pages = ["/admin/", PAGE, url("lead", "changelist"), url("lead", "add"), url(lead), url(lead, "delete")]
    pages += [url(lead, "history"), url(lead, "rights")]
    for page in pages:
        shown = text(client, page)
        assert "Olive Operator is a platform operator" in shown, page
        assert f"{session.expires_at:%H:%M}</time>" in shown, page
        assert "Ticket 4711: &lt;b&gt;help&lt;/b&gt;" in shown, page
        assert f'action="{END}"' in shown, page


def test_nobody_else_is_shown_a_banner(cast: Cast) -> None:
    OperatorFactory()
    for user in (staff(cast.branch, everything()), OperatorFactory(session=False)):
        shown = text(browser(user), "/admin/")
        assert "m-operator" not in shown
        assert "platform operator</strong>" not in shown


def test_ending_it_takes_everything_away_at_once(cast: Cast) -> None:
    olive = OperatorFactory()
    lead = make("lead", cast.branch)
    client = browser(olive)
    assert client.get(url(lead)).status_code == 200
    assert client.get(END).status_code == 405
    answer = client.post(END)
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    shown = text(client, PAGE)
    assert "Session ended." in shown
    assert "ended by you" in shown
    assert client.get(url(lead)).status_code == 404
    assert cast.account.name not in text(client, "/admin/")
    assert "had already ended" in client.post(END, follow=True).content.decode()


def test_one_that_was_ended_elsewhere_or_ran_its_time_is_over_at_the_next_request(cast: Cast) -> None:
    olive = OperatorFactory()
    lead = make("lead", cast.branch)
    client = browser(olive)
    assert client.get(url(lead)).status_code == 200
    end_session(olive)
    assert client.get(url(lead)).status_code == 404
    end = open_session(olive, reason=WHY).expires_at
    with time_machine.travel(end - timedelta(seconds=1), tick=False):
        assert client.get(url(lead)).status_code == 200
    with time_machine.travel(end, tick=False):
        assert client.get(url(lead)).status_code == 404
        assert client.post(url(lead), {"name": "Mine"}).status_code == 404
        assert "expired" in text(client, PAGE)


def test_each_write_through_a_page_is_logged_in_the_accounts_chain(cast: Cast) -> None:
    client = browser(OperatorFactory())
    lead = make("lead", cast.branch)
    client.post(f"/account/{cast.account.slug}/")
    assert client.post(url(lead), form_of(client, url(lead), name="Changed")).status_code == 302
    assert client.post(url(lead, "delete"), {"post": "yes"}).status_code == 302
    assert not Lead.objects.filter(pk=lead.pk).exists()
    found = Entry.objects.filter(operation__verb="access.operator.wrote").order_by("pk")
    assert [(e.account_id, e.target_text, e.after) for e in found] == [
        (cast.account.pk, lead.reference, {"action": "changed"}),
        (cast.account.pk, lead.reference, {"action": "deleted"}),
    ]


def test_to_everybody_else_the_page_is_not_there(cast: Cast) -> None:
    person = browser(staff(cast.branch, everything()))
    nothing = person.get("/admin/nothing/")
    for address in (PAGE, END):
        for answer in (person.get(address), person.post(address, {"reason": WHY, "minutes": "60"})):
            assert (answer.status_code, answer.content) == (404, nothing.content)
        assert browser(None).post(address).status_code == 302
    assert not OperatorSession.objects.exists()
    assert "Operator session" not in text(person, "/admin/")


def test_a_superuser_with_an_account_works_in_it_and_finds_the_page_in_the_menu(cast: Cast) -> None:
    person = staff(cast.branch, everything(), is_superuser=True)
    shown = text(browser(person), "/admin/")
    assert cast.account.name in shown
    assert f'href="{PAGE}"' in shown
    assert "My tasks" in shown


def test_a_refusal_offers_a_superuser_the_session_and_does_not_tell_them_to_ask_themselves(cast: Cast) -> None:
    person = staff(cast.branch, ["view_lead"], is_superuser=True, name="Olive Operator")
    lead = make("lead", cast.branch)
    answer = browser(person).post(url(lead, "delete"))
    shown = answer.content.decode()
    assert answer.status_code == 403
    assert "without an open session" in shown
    assert f"{PAGE}?next=" in shown
    assert "Ask Olive Operator" not in shown


def test_in_a_session_before_there_is_any_account_the_page_says_where_they_come_from() -> None:
    assert not Account.objects.exists()
    client = browser(OperatorFactory())
    shown = text(client, "/admin/")
    assert "No accounts yet" in shown
    assert f'action="{END}"' in shown


def test_a_session_belongs_to_its_user_alone(cast: Cast) -> None:
    olive, other = OperatorFactory(), OperatorFactory(session=False)
    client = browser(other)
    assert "A customer asked for help" not in text(client, PAGE)
    client.post(END)
    assert current_session(olive) is not None
    assert timezone.now() < OperatorSession.objects.get(user=olive).expires_at
