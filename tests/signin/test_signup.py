"""Opening an account: nothing is there before the link was followed, and then all of it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
import zeal
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from apps.access.policy import may
from apps.accounts.models import Account, Branch, User
from apps.audit.models import Entry, Operation
from apps.billing.models import Subscription
from apps.changes.opening import OpenAccount
from apps.changes.refusals import NoSuchTarget, ReasonMissing
from apps.crm.models import LeadStatus
from apps.roles.schemes import scheme, scheme_keys
from apps.teams.models import Membership, ParentMembership
from tests.audit.chains import report
from tests.factories import UserFactory, make_cast
from tests.mailing import link_in, post
from tests.signin.people import browser_of, sign_in, somebody
from tests.signin.test_passwords import is_in

pytestmark = pytest.mark.django_db
SECRET = "a heron stands in the rain"
ACCOUNT = {"organisation": "Müller & Söhne", "slug": "", "branch": "Head office", "scheme": "atlas"}
PERSON = {"name": "Mia Müller", "email": "Mia@mueller.example"}
# What the reader of the address fills in where the link leads.
CHOSEN = {"name": "Mia Müller", "password": SECRET}


def send(client: Client, address: str = "/signup/", **data: str) -> Any:
    with zeal.zeal_ignore():
        return client.post(address, data)


def signed_up(**changes: str) -> tuple[Client, str]:
    """A browser in which somebody has signed up, and the link that they got."""
    client = Client()
    answer = send(client, **(ACCOUNT | PERSON | changes))
    assert answer.headers["Location"] == "/login/verify/", answer.content.decode()
    return client, link_in(post()[-1])


def test_the_page_explains_each_system_with_its_roles() -> None:
    page = Client().get("/signup/").content.decode()
    for key in scheme_keys():
        found = scheme(key)
        assert found.name in page
        for role in found.roles.values():
            assert f'<th scope="row">{role.name}</th>' in page


def test_nothing_is_written_before_the_link_is_followed() -> None:
    client, address = signed_up()
    assert not Account.objects.exists()
    assert not User.objects.exists()
    assert not is_in(client)
    page = client.get(address).content.decode()
    assert "Müller &amp; Söhne" in page
    assert "/a/muller-sohne/" in page
    assert not Account.objects.exists(), "A link that is only looked at opens nothing."


def test_the_link_opens_the_account_and_its_first_person_is_in() -> None:
    client, address = signed_up()
    assert send(client, address, **CHOSEN).headers["Location"] == "/a/muller-sohne/"
    assert is_in(client)
    account, user = Account.objects.get(), User.objects.get()
    assert (account.name, account.slug, account.scheme) == ("Müller & Söhne", "muller-sohne", "atlas")
    assert (user.name, user.email, user.is_superuser) == ("Mia Müller", "mia@mueller.example", False)
    assert EmailAddress.objects.get(user=user).verified
    assert [branch.name for branch in Branch.objects.all()] == ["Head office"]
    assert LeadStatus.objects.filter(account=account).exists()
    assert Subscription.objects.filter(account=account).exists()
    operation = Operation.objects.get(verb="access.account.opened")
    assert (operation.actor_id, operation.reason) == (user.pk, "Signed up")
    told = set(Entry.objects.filter(operation=operation).values_list("target_type", flat=True))
    assert told == {"accounts.account", "accounts.branch", "teams.membership", "teams.parentmembership"}
    assert report(account.pk).sound
    assert client.get("/a/muller-sohne/").status_code == 200
    assert client.get("/admin/").status_code == 200
    assert is_in(sign_in(user, SECRET).client)


@pytest.mark.parametrize("key", scheme_keys())
def test_whoever_opens_it_has_the_top_role(key: str) -> None:
    client, address = signed_up(scheme=key)
    send(client, address, **CHOSEN)
    user, account = User.objects.get(), Account.objects.get()
    founder = scheme(key).founder
    assert Membership.objects.get(user=user).role.key == founder["branch"]
    parents = list(ParentMembership.objects.values_list("role__key", flat=True))
    assert parents == ([founder["parent"]] if "parent" in founder else [])
    branch = Branch.objects.get()
    assert may(user, "change_account", account)
    assert may(user, "view_billing", branch)
    assert may(user, "invite_members", branch)


def test_a_link_that_was_used_is_too_old_or_was_changed_leads_nowhere() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client, address = signed_up()
        send(client, address, **CHOSEN)
        for tried in (client.get(address), send(Client(), address, **CHOSEN)):
            assert (tried.status_code, b"was already used" in tried.content) == (410, True)
        _, other = signed_up(email="ola@mueller.example", slug="other")
        assert Client().get(f"{other[:-6]}AAAA=/").status_code == 410
        clock.shift(timedelta(days=3, seconds=1))
        assert send(Client(), other, **CHOSEN).status_code == 410
    assert Account.objects.count() == 1


def test_the_link_tells_nothing_to_who_reads_it() -> None:
    _, address = signed_up()
    assert "mueller" not in address.lower()


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"password": "short"}, "at least 12"),
    ({"password": "mia@mueller.example"}, "too similar"),
    ({"password": ""}, "This field is required"),
    ({"name": " "}, "This field is required"),
])  # fmt: skip
def test_what_is_missing_or_weak_where_the_link_leads_is_said_and_opens_nothing(
    changes: dict[str, str], complaint: str
) -> None:
    client, address = signed_up()
    assert complaint in send(client, address, **(CHOSEN | changes)).content.decode()
    assert not Account.objects.exists()
    assert not User.objects.exists()


def test_a_stranger_who_signs_up_with_an_address_chooses_nothing_for_its_reader() -> None:
    stranger = Client()
    strangers = "the stranger knows this one"
    send(stranger, **(ACCOUNT | PERSON), password=strangers)
    reader = Client()
    page = reader.get(link_in(post()[-1]))
    assert 'type="password"' in page.content.decode()
    send(reader, page.request["PATH_INFO"], **CHOSEN)
    user = User.objects.get()
    assert user.check_password(SECRET)
    assert not is_in(sign_in(user, strangers).client)
    assert not is_in(stranger)


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"organisation": " "}, "This field is required"),
    ({"organisation": "漢字"}, "Use lowercase letters"),
    ({"slug": "Not A Slug"}, "Use lowercase letters"),
    ({"slug": "acme"}, "“acme” is taken"),
    ({"organisation": "Acme"}, "“acme” is taken"),
    ({"scheme": "feudal"}, "Select a valid choice"),
    ({"scheme": ""}, "This field is required"),
    ({"email": "mia"}, "valid email"),
])  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_sent(changes: dict[str, str], complaint: str) -> None:
    make_cast()
    answer = send(Client(), **(ACCOUNT | PERSON | changes))
    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    assert post() == []


def test_nobody_learns_who_signs_in_already() -> None:
    user = somebody(email="mia@mueller.example")
    client = Client()
    answer = send(client, **(ACCOUNT | PERSON))
    unknown = send(Client(), **(ACCOUNT | PERSON | {"email": "new@mueller.example"}))
    assert (answer.status_code, answer.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert client.get(answer.headers["Location"]).status_code == 200
    told = {message.to[0]: message.subject for message in post()}
    assert told == {
        user.email: "You already have a Mandate sign-in",
        "new@mueller.example": "Confirm your email address to create Müller & Söhne",
    }


def test_two_links_for_one_name_open_one_account() -> None:
    first, second = signed_up(), signed_up(email="ola@mueller.example")
    assert send(first[0], first[1], **CHOSEN).status_code == 302
    late = send(second[0], second[1], **CHOSEN)
    assert (late.status_code, b"This web address is now taken" in late.content) == (410, True)
    assert Account.objects.count() == 1
    assert not User.objects.filter(email="ola@mueller.example").exists()


def test_whoever_is_signed_in_opens_a_further_account_at_once() -> None:
    cast = make_cast()
    client = browser_of(cast.member)
    assert "Your name" not in client.get("/signup/").content.decode()
    assert send(client, **(ACCOUNT | {"slug": "second"})).headers["Location"] == "/a/second/"
    opened = Account.objects.get(slug="second")
    assert may(cast.member, "change_account", opened)
    assert not may(cast.owner, "change_account", opened)
    assert client.get("/a/second/").status_code == 200
    again = send(client, **(ACCOUNT | {"slug": "second"}))
    assert "“second” is taken" in again.content.decode()


def test_one_address_gets_three_mails_in_ten_minutes_and_the_next_one_is_asked_to_wait() -> None:
    for number in range(3):
        assert send(Client(REMOTE_ADDR=f"10.7.0.{number}"), **(ACCOUNT | PERSON)).status_code == 302
    refused = send(Client(REMOTE_ADDR="10.7.0.9"), **(ACCOUNT | PERSON))
    assert "Try again in 10 minutes." in refused.content.decode()
    assert len(post()) == 3


def test_one_place_asks_for_twenty_mails_in_ten_minutes() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(20):
            clock.shift(timedelta(seconds=10))
            answer = send(Client(REMOTE_ADDR="10.7.1.1"), **(ACCOUNT | PERSON | {"email": f"m{number}@new.example"}))
            assert answer.status_code == 302
        refused = send(Client(REMOTE_ADDR="10.7.1.1"), **(ACCOUNT | PERSON | {"email": "last@new.example"}))
        assert "Try again in 10 minutes." in refused.content.decode()
        clock.shift(timedelta(minutes=10))
        again = send(Client(REMOTE_ADDR="10.7.1.1"), **(ACCOUNT | PERSON | {"email": "last@new.example"}))
        assert again.status_code == 302


def test_an_account_is_opened_with_a_reason_and_of_what_there_is() -> None:
    user: User = UserFactory()
    given = {"name": "Acme", "slug": "acme", "scheme": "atlas", "branch": "North"}
    with pytest.raises(ReasonMissing):
        OpenAccount(**given).apply(actor=user, reason=" ")
    for wrong in ({"scheme": "feudal"}, {"slug": "No Slug"}, {"name": " "}, {"currency": "euro"}):
        with pytest.raises(NoSuchTarget):
            OpenAccount(**(given | wrong)).apply(actor=user, reason="Begins")
    OpenAccount(**given).apply(actor=user, reason="Begins")
    with pytest.raises(NoSuchTarget, match="An account “acme” already exists"):
        OpenAccount(**given).apply(actor=user, reason="Begins")
    assert Account.objects.count() == Membership.objects.count() == 1
