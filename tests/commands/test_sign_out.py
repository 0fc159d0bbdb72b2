"""`sign_out`: people are signed out from the console."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.addresses import vouch_for
from apps.accounts.models import User
from apps.audit.models import Entry
from apps.changes.details import ActivateUser, DeactivateUser
from tests.commands.conftest import Run
from tests.factories import Cast, make_cast
from tests.signin.people import browser_of, sign_in

pytestmark = pytest.mark.django_db
WHY = ("--reason", "Ticket 4711: the laptop is gone")


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    vouch_for([cast.owner, cast.member])
    return cast


def signed_in(user: User) -> Client:
    client: Client = sign_in(user).client
    assert is_in(client)
    return client


def is_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


def test_somebody_is_signed_out_everywhere_and_the_log_says_why(cast: Cast, run: Run) -> None:
    first, second, other = signed_in(cast.member), signed_in(cast.member), signed_in(cast.owner)
    tried = run("sign_out", cast.member.email, *WHY, "--dry-run")
    assert tried.out == "2 sessions would be ended.\n"
    assert is_in(first)
    assert run("sign_out", cast.member.email.upper(), *WHY).out == "2 sessions were ended.\n"
    assert (is_in(first), is_in(second), is_in(other)) == (False, False, True)
    entry: Any = Entry.objects.get(target_type="accounts.sessions")
    assert (entry.account_id, entry.user_id, entry.after) == (0, cast.member.pk, {"ended": 2, "tokens": 0})
    assert (entry.operation.verb, entry.operation.reason) == ("accounts.sessions.ended", WHY[1])


def test_everybody_is_signed_out(cast: Cast, run: Run) -> None:
    clients = [signed_in(cast.member), signed_in(cast.owner), browser_of(cast.outsider)]
    assert run("sign_out", "--everybody", *WHY).out == "3 sessions were ended.\n"
    assert not any(is_in(client) for client in clients)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (WHY, "Name a user"),
        (("ben@acme.example", "--everybody", *WHY), "Name a user"),
        (("ben@acme.example", "--reason", " "), "--reason is blank"),
        (("nobody@acme.example", *WHY), "nobody@acme.example"),
    ],
)
def test_what_is_off_is_said_in_a_sentence(cast: Cast, run: Run, arguments: tuple[str, ...], said: str) -> None:
    client = signed_in(cast.member)
    result = run("sign_out", *arguments)
    assert (result.code, said in result.err) == (1, True)
    assert is_in(client)


def test_a_deactivated_person_is_signed_out_for_good(cast: Cast) -> None:
    client = signed_in(cast.member)
    DeactivateUser(user_id=cast.member.pk).apply(actor=None, reason="Has left")
    assert not is_in(client)
    ActivateUser(user_id=cast.member.pk).apply(actor=None, reason="Is back")
    assert not is_in(client)
