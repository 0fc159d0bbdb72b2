"""Changing one's own address: the link to the new one is followed before anything changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from apps.accounts.addresses import vouch_for
from apps.accounts.change_email import move_address
from apps.accounts.models import User
from apps.audit.models import Entry
from tests.factories import PASSWORD, Cast, make_cast
from tests.mailing import link_in, post
from tests.signin.people import sign_in
from tests.signin.test_passwords import is_in

pytestmark = pytest.mark.django_db
NEW = "ben@new.example"


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    vouch_for([cast.owner, cast.member])
    return cast


def asked(cast: Cast, email: str = NEW) -> tuple[Client, Any]:
    """A browser in which the member has asked for another address, and the answer."""
    client = sign_in(cast.member).client
    client.post("/login/again/", {"password": PASSWORD})
    return client, client.post("/me/email/", {"email": email}, follow=True)


def test_the_address_changes_when_the_link_to_it_is_followed(cast: Cast) -> None:
    old = cast.member.email
    elsewhere = sign_in(cast.member).client
    client, answer = asked(cast, "Ben@New.example")
    assert "We sent a link to ben@new.example" in answer.content.decode()
    (letter,) = post()
    assert letter.to == [NEW]
    cast.member.refresh_from_db()
    assert cast.member.email == old
    page = client.get(link_in(letter)).content.decode()
    assert old in page
    assert NEW in page
    assert client.post(link_in(letter)).headers["Location"] == "/me/"
    told = post()[-1]
    assert told.to == [old]
    assert NEW in told.body
    assert elsewhere.get("/me/").status_code == 302
    assert client.get("/me/").status_code == 200
    assert list(EmailAddress.objects.filter(user=cast.member).values_list("email", "verified", "primary")) == [
        (NEW, True, True)
    ]
    entry: Any = Entry.objects.get(target_type="accounts.user", user_id=cast.member.pk)
    assert (entry.before["email"], entry.after["email"]) == (old, NEW)
    assert entry.operation.actor_id == cast.member.pk
    cast.member.refresh_from_db()
    assert is_in(sign_in(cast.member).client)
    assert not is_in(sign_in(User(email=old)).client)


def test_one_shows_first_who_one_is(cast: Cast) -> None:
    client = sign_in(cast.member).client
    assert client.post("/me/email/", {"email": NEW}).headers["Location"].startswith("/login/again/")
    assert not post()


def test_the_link_counts_once_for_a_day_and_for_its_user(cast: Cast) -> None:
    client, _ = asked(cast)
    address = link_in(post()[-1])
    assert sign_in(cast.owner).client.post(address).status_code == 410
    assert client.post(address.removesuffix("/")[:-3] + "xyz/").status_code == 410
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        client, _ = asked(cast, "later@new.example")
        assert client.post(address).status_code == 410
    assert client.post(address).status_code == 302
    assert client.post(address).status_code == 410
    cast.owner.refresh_from_db()
    assert (User.objects.get(pk=cast.member.pk).email, cast.owner.email) == (NEW, cast.owner.email)


def test_a_link_from_before_another_change_leads_nowhere(cast: Cast) -> None:
    client, _ = asked(cast)
    address = link_in(post()[-1])
    move_address(cast.member, "ben@other.example")
    assert b"Your email address changed after" in client.post(address).content


def test_whose_address_it_is_already_is_told_to_them_alone(cast: Cast) -> None:
    _, answer = asked(cast, cast.owner.email)
    assert f"We sent a link to {cast.owner.email}" in answer.content.decode()
    (letter,) = post()
    assert letter.to == [cast.owner.email]
    assert "nothing changed" in letter.body
    assert "/me/email/" not in letter.body


def test_an_address_that_somebody_took_meanwhile_is_refused(cast: Cast) -> None:
    client, _ = asked(cast)
    address = link_in(post()[-1])
    User.objects.create(email=NEW, name="Somebody Else")
    assert b"Another user already signs in with that email address" in client.post(address).content
    assert User.objects.get(pk=cast.member.pk).email != NEW
    assert EmailAddress.objects.get(user=cast.member).email == cast.member.email


def test_what_is_no_address_or_ones_own_is_refused_in_the_form(cast: Cast) -> None:
    for email, words in (("ben", "valid email"), ("", "required"), (cast.member.email.upper(), "already")):
        _, answer = asked(cast, email)
        assert words in answer.content.decode()
    assert not post()


def test_a_stranger_is_not_flooded_and_the_sender_reads_when_to_try_again(cast: Cast) -> None:
    for known in (NEW, cast.owner.email):
        client, _ = asked(cast, known)
        answers = [client.post("/me/email/", {"email": known}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [302, 302, 200]
        assert "Try again in 10 minutes." in answers[2].content.decode()
        assert len(post()) == 3
