"""Every page that carries a secret link, a token or a code: no browser and no proxy keeps it, and none passes it on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import zeal
from allauth.mfa.models import Authenticator
from django.test import Client

from tests.factories import PASSWORD, Cast, make_cast
from tests.mailing import link_in, post
from tests.signin.people import browser_of, digits, sign_in, somebody
from tests.signin.test_invitations import by_hand, invite
from tests.signin.test_signup import signed_up

pytestmark = pytest.mark.django_db
# The answer, the secret in it or in its address, and whether that address is the secret.
Carried = tuple[Any, str, bool]


def _again() -> Client:
    """A browser in which somebody has just shown who they are."""
    client: Client = sign_in(somebody()).client
    client.post("/login/again/", {"password": PASSWORD})
    return client


def invitation_by_mail(cast: Cast) -> Carried:
    invite(cast)
    address = link_in(post()[0])
    return Client().get(address), address.partition("?proof=")[2], True


def invitation_by_hand(cast: Cast) -> Carried:
    change = invite(cast)
    return Client().get(by_hand(change)), change.token, True


def invitation_shown_once(cast: Cast) -> Carried:
    client = browser_of(cast.owner)
    address = f"/a/{cast.account.slug}/invitations/new/"
    page = client.get(address).content.decode()
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    role = re.search(r'<option value="(\d+)"[^>]*>Member<', page)
    assert seen
    assert role
    data = {"email": "zoe@acme.example", "branch": cast.branch.pk, "role": role[1], "seen": seen[1]}
    answer = client.post(address, {**data, "reason": "We grow", "confirmed": "1"})
    token = re.search(r"/invitations/([-\w]{43})/", answer.content.decode())
    assert token
    return answer, token[1], False


def new_password(cast: Cast) -> Carried:
    Client().post("/password/reset/", {"email": somebody().email})
    address = link_in(post()[0])
    return Client().get(address), address.rstrip("/").rpartition("/")[2], True


def new_password_form(cast: Cast) -> Carried:
    Client().post("/password/reset/", {"email": somebody().email})
    client = Client()
    form = client.get(link_in(post()[0]), follow=True)
    return form, "set-password", True


def sign_up(cast: Cast) -> Carried:
    client, address = signed_up(slug="another")
    return client.get(address), address.rstrip("/").rpartition("/")[2], True


def another_address(cast: Cast) -> Carried:
    client = _again()
    client.post("/me/email/", {"email": "ann@new.example"})
    address = link_in(post()[0])
    return client.get(address), address.rstrip("/").rpartition("/")[2], True


def api_token(cast: Cast) -> Carried:
    answer = _again().post("/me/tokens/new/", {"name": "Nightly", "days": "30"})
    token = re.search(r"mandate_[-\w]+", answer.content.decode())
    assert token
    return answer, token[0], False


def authenticator_app(cast: Cast) -> Carried:
    answer = _again().get("/mfa/totp/activate/")
    secret = re.search(r"<code>([A-Z2-7]+)</code>", answer.content.decode())
    assert secret
    return answer, secret[1], False


def recovery_codes(cast: Cast) -> Carried:
    client = _again()
    secret = re.search(r"<code>([A-Z2-7]+)</code>", client.get("/mfa/totp/activate/").content.decode())
    assert secret
    answer = client.post("/mfa/totp/activate/", {"code": digits(secret[1])}, follow=True)
    codes = re.findall(r"<code>(\d+)</code>", answer.content.decode())
    assert Authenticator.objects.count() == 2
    return answer, codes[0], False


@pytest.mark.parametrize(
    "carried",
    [
        invitation_by_mail,
        invitation_by_hand,
        invitation_shown_once,
        new_password,
        new_password_form,
        sign_up,
        another_address,
        api_token,
        authenticator_app,
        recovery_codes,
    ],
)
def test_a_page_with_a_secret_is_not_kept_and_its_address_is_not_passed_on(carried: Callable[[Cast], Carried]) -> None:
    with zeal.zeal_ignore():
        answer, secret, in_address = carried(make_cast())
    request = answer.request
    shown = f"{request['PATH_INFO']}?{request['QUERY_STRING']}" if in_address else answer.content.decode()
    assert secret in shown
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Referrer-Policy"] == ("strict-origin" if in_address else "same-origin")
