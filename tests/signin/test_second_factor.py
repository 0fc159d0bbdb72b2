"""The second factor: an app's digits, recovery codes, and how they are set up and taken away."""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.accounts.models import User
from apps.audit.models import Entry
from tests.factories import PASSWORD
from tests.mailing import link_in, post
from tests.signin.people import digits, sign_in, somebody, with_app, with_codes
from tests.signin.test_passwords import is_in

pytestmark = pytest.mark.django_db


def factor(client: Client, code: str) -> bool:
    """Whether the code lets in the one whose password was right."""
    client.post("/mfa/authenticate/", {"code": code})
    return is_in(client)


def test_the_password_alone_is_not_enough_for_who_has_a_second_factor() -> None:
    user = somebody()
    secret = with_app(user)
    answer = sign_in(user)
    assert answer.headers["Location"] == "/mfa/authenticate/"
    assert not is_in(answer.client)
    assert not factor(answer.client, "000000")
    assert factor(answer.client, digits(secret))


def test_digits_count_once_and_for_half_a_minute() -> None:
    user = somebody()
    secret = with_app(user)
    with time_machine.travel(timezone.now().replace(second=0, microsecond=0), tick=False) as clock:
        code = digits(secret)
        assert factor(sign_in(user).client, code)
        assert not factor(sign_in(user).client, code)
        later = digits(secret)
        clock.shift(timedelta(seconds=31))
        assert not factor(sign_in(user).client, later)
        assert factor(sign_in(user).client, digits(secret))


def test_a_recovery_code_counts_once() -> None:
    user = somebody()
    with_app(user)
    codes = with_codes(user)
    assert len(set(codes)) == 10
    assert factor(sign_in(user).client, codes[0])
    assert not factor(sign_in(user).client, codes[0])
    assert factor(sign_in(user).client, codes[9])


def test_tries_of_codes_are_limited() -> None:
    user = somebody()
    secret = with_app(user)
    client = sign_in(user).client
    for _ in range(12):
        client.post("/mfa/authenticate/", {"code": "000000"})
    assert not factor(client, digits(secret))


def test_setting_a_new_password_does_not_pass_the_second_factor_by() -> None:
    user = somebody()
    with_app(user)
    new, reader = "seven green bottles on a wall", Client()
    reader.post("/password/reset/", {"email": user.email})
    form = reader.get(link_in(post()[0]), follow=True)
    reader.post(form.request["PATH_INFO"], {"password1": new, "password2": new})
    assert not is_in(reader)
    answer = sign_in(user, new, client=reader)
    assert answer.headers["Location"] == "/mfa/authenticate/"
    assert not is_in(reader)


def test_an_app_is_set_up_after_showing_who_one_is_and_brings_recovery_codes(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    user = somebody()
    client = sign_in(user).client
    asked = client.get("/mfa/totp/activate/")
    assert asked.headers["Location"].startswith("/login/again/?next=")
    client.post(asked.headers["Location"], {"password": PASSWORD})
    page = client.get("/mfa/totp/activate/").content.decode()
    secret = re.search(r"<code>([A-Z2-7]+)</code>", page)
    assert secret
    with django_capture_on_commit_callbacks(execute=True):
        done = client.post("/mfa/totp/activate/", {"code": digits(secret[1])}, follow=True)
    codes = re.findall(r"<code>(\d+)</code>", done.content.decode())
    assert len(codes) == 10
    assert b"You can't view them again" in client.get("/mfa/recovery-codes/").content
    assert [message.subject for message in post()] == ["An authenticator app was added"]
    assert Entry.objects.get(user_id=user.pk, account_id=0).after == {"did": "added an authenticator app"}
    assert factor(sign_in(user).client, codes[3])


def test_the_database_holds_neither_the_apps_secret_nor_the_codes() -> None:
    user = somebody()
    secret, codes = with_app(user), with_codes(user)
    kept = json.dumps(list(Authenticator.objects.filter(user=user).values_list("data", flat=True)))
    assert secret not in kept
    assert not any(code in kept for code in codes)


def test_an_app_is_removed_after_showing_who_one_is() -> None:
    user = somebody()
    secret = with_app(user)
    client = sign_in(user).client
    factor(client, digits(secret))
    asked = client.post("/mfa/totp/deactivate/")
    assert asked.headers["Location"].startswith("/login/again/")
    assert Authenticator.objects.filter(user=user).exists()
    client.post("/login/again/", {"password": PASSWORD})
    client.post("/mfa/totp/deactivate/")
    assert not Authenticator.objects.filter(user=user).exists()
    assert [message.subject for message in post()] == ["Your authenticator app was removed"]


def test_showing_who_one_is_holds_for_five_minutes() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = sign_in(somebody()).client
        client.post("/login/again/", {"password": PASSWORD})
        clock.shift(timedelta(minutes=4))
        assert client.get("/mfa/totp/activate/").status_code == 200
        clock.shift(timedelta(minutes=2))
        assert client.get("/mfa/totp/activate/").status_code == 302


def test_another_ones_passkey_is_not_there() -> None:
    mine, other = somebody(), somebody()
    data = {"name": "Phone", "credential": {}}
    key = Authenticator.objects.create(user=other, type=Authenticator.Type.WEBAUTHN, data=data)
    client = sign_in(mine).client
    client.post("/login/again/", {"password": PASSWORD})
    for page in ("remove", "edit"):
        foreign = client.get(f"/mfa/webauthn/keys/{key.pk}/{page}/")
        nothing = client.get(f"/mfa/webauthn/keys/{10**9}/{page}/")
        assert foreign.status_code == nothing.status_code == 404
        assert foreign.content == nothing.content


def test_the_page_of_a_passkey_does_not_let_in_who_has_none() -> None:
    client = Client()
    options = client.get("/mfa/webauthn/login/", headers={"accept": "application/json"}).json()
    assert options["request_options"]["publicKey"]["challenge"]
    client.post("/mfa/webauthn/login/", {"credential": json.dumps({"id": "x", "rawId": "x", "response": {}})})
    assert not is_in(client)


def test_half_a_sign_in_is_forgotten_after_a_while() -> None:
    user: User = somebody()
    secret = with_app(user)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = sign_in(user).client
        clock.shift(timedelta(minutes=16))
        assert time.time() > 0
        assert not factor(client, digits(secret))


# What no browser sends.
NO_PASSKEYS = ["", "x", "{}", "[]", '"x"', "1", '{"id": 1}', '{"id": "YQ", "rawId": "YQ", "response": "x"}']


def test_a_passkey_that_does_not_count_leads_back_and_not_astray() -> None:
    client = Client()
    for wanted, kept in (("/me/tokens/", "?next=%2Fme%2Ftokens%2F"), ("https://evil.example/", ""), ("", "")):
        client.get("/mfa/webauthn/login/", headers={"accept": "application/json"})
        answer = client.post("/mfa/webauthn/login/", {"credential": "{}", "next": wanted})
        assert answer.headers["Location"] == f"/login/{kept}"
        assert not is_in(client)


@pytest.mark.parametrize("credential", NO_PASSKEYS)
def test_what_is_no_passkey_is_refused_wherever_one_is_taken(credential: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The passkey below was never made by a device, so there is nothing in it to read.
    monkeypatch.setattr(auth, "get_credentials", lambda user: [])
    user, client = somebody(), Client()
    client.get("/mfa/webauthn/login/", headers={"accept": "application/json"})
    assert client.post("/mfa/webauthn/login/", {"credential": credential}).headers["Location"] == "/login/"
    sign_in(user, client=client)
    client.post("/login/again/", {"password": PASSWORD})
    client.get("/mfa/webauthn/add/")
    assert client.post("/mfa/webauthn/add/", {"credential": credential, "name": "Laptop"}).status_code == 200
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "Laptop"})
    client.get("/mfa/webauthn/reauthenticate/")
    again = client.post("/mfa/webauthn/reauthenticate/", {"credential": credential, "next": "/me/tokens/new/"})
    assert again.headers["Location"] == "/mfa/webauthn/reauthenticate/?next=%2Fme%2Ftokens%2Fnew%2F"
    second = sign_in(user).client
    assert second.post("/mfa/authenticate/", {"credential": credential}).status_code == 200
    assert not is_in(second)
    assert Authenticator.objects.filter(user=user).count() == 1
