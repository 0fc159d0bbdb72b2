"""Signing in by password: who gets in, what is limited, and the way back for who forgot it."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import time_machine
import zeal
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.accounts.models import User
from apps.accounts.tokens import make_token, owner_of
from apps.audit.models import Entry
from tests.factories import PASSWORD, UserFactory
from tests.mailing import link_in, post
from tests.signin.people import sign_in, somebody

pytestmark = pytest.mark.django_db
ANOTHER = "seven green bottles on a wall"


def set_password(client: Client, path: str) -> None:
    with zeal.zeal_ignore():
        client.post(path, {"password1": ANOTHER, "password2": ANOTHER})


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_the_right_password_leads_to_ones_work() -> None:
    answer = sign_in(somebody())
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert is_in(answer.client)


def test_the_address_is_taken_in_any_case_and_the_password_as_it_is() -> None:
    user = somebody()
    client = Client()
    assert client.post("/login/", {"login": user.email.upper(), "password": PASSWORD}).status_code == 302
    for wrong in (PASSWORD.upper(), PASSWORD + "x", PASSWORD[:-1], ""):
        assert not is_in(sign_in(user, wrong).client)


def test_an_unknown_address_and_a_wrong_password_are_answered_alike() -> None:
    known, unknown = (
        sign_in(somebody(email="ann@acme.example"), "wrong"),
        sign_in(User(email="eve@acme.example"), "wrong"),
    )
    token = re.compile(rb'csrfmiddlewaretoken" value="[^"]*"|(?:ann|eve)@acme')
    assert known.status_code == unknown.status_code == 200
    assert token.sub(b"", known.content) == token.sub(b"", unknown.content)


def test_it_leads_on_to_a_page_of_ours_alone() -> None:
    user = somebody()
    for wanted, led in (("/admin/", "/admin/"), ("https://evil.example/", "/"), ("//evil.example", "/")):
        client = Client()
        answer = client.post("/login/", {"login": user.email, "password": PASSWORD, "next": wanted})
        assert answer.headers["Location"] == led


def test_a_deactivated_user_is_told_so_and_stays_out() -> None:
    answer = sign_in(somebody(is_active=False), follow=True)
    assert b"You have been deactivated" in answer.content
    assert not is_in(answer.client)


def test_who_signs_in_gets_a_session_of_another_key() -> None:
    user, client = somebody(), Client()
    client.get("/login/")
    client.session.save()
    before = client.session.session_key
    sign_in(user, client=client)
    assert client.session.session_key != before


def test_tries_for_one_address_are_limited_wherever_they_come_from() -> None:
    user = somebody()
    for number in range(5):
        Client(REMOTE_ADDR=f"10.0.0.{number}").post("/login/", {"login": user.email, "password": "wrong"})
    refused = Client(REMOTE_ADDR="10.0.1.1").post("/login/", {"login": user.email, "password": PASSWORD})
    assert b"Too many" in refused.content
    assert not is_in(refused.client)
    cache.clear()
    assert is_in(sign_in(user).client)


def test_tries_from_one_place_are_limited_whoever_is_tried() -> None:
    answers = [
        Client(REMOTE_ADDR="10.0.0.7").post("/login/", {"login": f"x{number}@acme.example", "password": "wrong"})
        for number in range(12)
    ]
    assert b"Too many" not in answers[9].content
    assert b"Too many" in answers[10].content


def test_very_many_requests_get_a_page_that_asks_for_patience() -> None:
    client = Client(REMOTE_ADDR="10.0.0.8")
    answers = [client.post("/login/", {"login": "", "password": ""}) for _ in range(31)]
    assert answers[29].status_code == 200
    assert answers[30].status_code == 429
    assert b"Too many attempts" in answers[30].content


def test_a_session_ends_after_half_a_day_without_a_request() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = sign_in(somebody()).client
        for hours in (11, 11, 11):
            clock.shift(timedelta(hours=hours))
            assert client.get("/me/").status_code in (200, 404)
        clock.shift(timedelta(hours=12, minutes=1))
        assert client.get("/password/change/").headers["Location"].startswith("/login/")


def test_a_session_ends_after_a_week_however_busy_it_is() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = sign_in(somebody()).client
        for _ in range(16):
            clock.shift(timedelta(hours=10))
            assert client.get("/password/change/").status_code == 200
        clock.shift(timedelta(hours=9))
        assert client.get("/password/change/").status_code == 302
        assert not is_in(client)


def test_signing_out_ends_the_session_for_good() -> None:
    client = sign_in(somebody()).client
    kept = client.cookies["sessionid"].value
    assert client.get("/logout/").status_code == 200
    assert is_in(client)
    assert client.post("/logout/").headers["Location"] == "/login/"
    client.cookies["sessionid"] = kept
    assert client.get("/password/change/").status_code == 302


def test_a_forgotten_password_is_set_anew_by_mail_once() -> None:
    user = somebody()
    elsewhere = sign_in(user).client
    client = Client()
    assert client.post("/password/reset/", {"email": user.email}).status_code == 302
    (message,) = post()
    assert (message.to, message.subject) == ([user.email], "Set a new password")
    address = link_in(message)
    form = client.get(address, follow=True)
    assert b"Choose a new password" in form.content
    done = client.post(form.request["PATH_INFO"], {"password1": ANOTHER, "password2": ANOTHER}, follow=True)
    assert b"Your new password is set" in done.content
    assert [message.subject for message in post()] == ["Your password was set anew"]
    assert not is_in(sign_in(user).client)
    assert is_in(sign_in(user, ANOTHER).client)
    assert elsewhere.get("/password/change/").status_code == 302, "Where they were signed in, they are out."
    assert b"leads nowhere any more" in Client().get(address, follow=True).content


def test_a_link_that_sets_a_new_password_lifts_the_count_of_failures() -> None:
    user = somebody()
    for number in range(6):
        Client(REMOTE_ADDR=f"10.0.2.{number}").post("/login/", {"login": user.email, "password": "wrong"})
    client = Client(REMOTE_ADDR="10.0.3.1")
    client.post("/password/reset/", {"email": user.email})
    form = client.get(link_in(post()[0]), follow=True)
    client.post(form.request["PATH_INFO"], {"password1": ANOTHER, "password2": ANOTHER})
    assert is_in(sign_in(user, ANOTHER, Client(REMOTE_ADDR="10.0.3.2")).client)


def test_the_link_is_good_for_an_hour() -> None:
    user = somebody()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        Client().post("/password/reset/", {"email": user.email})
        address = link_in(post()[0])
        clock.shift(timedelta(minutes=59))
        assert b"Choose a new password" in Client().get(address, follow=True).content
        clock.shift(timedelta(minutes=2))
        assert b"leads nowhere any more" in Client().get(address, follow=True).content


def test_an_address_of_nobody_gets_no_mail_and_the_same_answer() -> None:
    user = somebody()
    known = Client().post("/password/reset/", {"email": user.email}, follow=True)
    unknown = Client().post("/password/reset/", {"email": "nobody@acme.example"}, follow=True)
    assert known.content == unknown.content
    assert [message.to for message in post()] == [[user.email]]


def test_a_link_leads_to_our_own_address_whatever_host_was_asked() -> None:
    Client().post("/password/reset/", {"email": somebody().email}, headers={"host": "localhost"})
    assert "http://testserver/" in str(post()[0].body)


def test_a_mail_of_what_is_rolled_back_is_not_sent() -> None:
    user = somebody()
    with transaction.atomic():
        Client().post("/password/reset/", {"email": user.email})
        transaction.set_rollback(True)
    assert post() == []


def test_the_queue_holds_no_link_that_anybody_could_read() -> None:
    user = somebody()
    Client().post("/password/reset/", {"email": user.email})
    waiting = json.dumps(list(ProcrastinateJob.objects.values_list("args", flat=True)))
    assert user.email not in waiting
    address = link_in(post()[0])
    assert address not in waiting


def test_an_address_that_nobody_vouched_for_is_shown_to_be_ones_own_first() -> None:
    user: User = UserFactory()
    answer = sign_in(user, follow=True)
    assert b"Look into your mail" in answer.content
    assert not is_in(answer.client)
    (message,) = post()
    reader = Client()
    form = reader.get(link_in(message), follow=True)
    assert b"Choose a new password" in form.content
    assert not EmailAddress.objects.get(user=user).verified, "A link that is only looked at verifies nothing."
    set_password(reader, form.request["PATH_INFO"])
    assert EmailAddress.objects.get(user=user).verified
    assert is_in(sign_in(user, ANOTHER).client)
    assert not is_in(sign_in(user).client), "The password from before the proof counts no more."
    assert not is_in(answer.client)


@pytest.mark.parametrize("way", ["signing in", "a forgotten password"])
def test_nothing_that_was_chosen_before_an_address_was_proven_survives_the_proof(way: str) -> None:
    user: User = UserFactory()
    elsewhere = Client()
    elsewhere.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={})
    token = make_token(user, "Planted", 30)
    post()
    cache.clear()
    if way == "signing in":
        sign_in(user)
    else:
        Client().post("/password/reset/", {"email": user.email})
    reader = Client()
    form = reader.get(link_in(post()[-1]), follow=True)
    set_password(reader, form.request["PATH_INFO"])
    assert not is_in(sign_in(user).client)
    assert elsewhere.get("/password/change/").status_code == 302
    assert not Authenticator.objects.filter(user=user).exists()
    assert owner_of(token) is None
    assert EmailAddress.objects.get(user=user).verified
    assert is_in(sign_in(user, ANOTHER).client)
    did = [(entry.after or {})["did"] for entry in Entry.objects.filter(target_type="accounts.sign_in").order_by("pk")]
    assert did[-2:] == ["showed that their address is theirs, and set a password", "set a new password by mail"]


def test_a_new_password_leaves_the_second_factor_of_a_proven_address() -> None:
    user = somebody()
    TOTP.activate(user, generate_totp_secret())
    Client().post("/password/reset/", {"email": user.email})
    reader = Client()
    form = reader.get(link_in(post()[-1]), follow=True)
    set_password(reader, form.request["PATH_INFO"])
    assert Authenticator.objects.filter(user=user).count() == 1


def _asked_for_a_password(email: str) -> tuple[int, list[str], list[tuple[str, str]], int]:
    """The status, the statements without their values, the jobs, and how long what they carry is."""
    ProcrastinateJob.objects.all()._raw_delete("default")
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        answer = Client().post("/password/reset/", {"email": email})
    statements = [re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries]
    jobs = list(ProcrastinateJob.objects.values_list("task_name", "queue_name"))
    (sealed,) = [job.args["sealed"] for job in ProcrastinateJob.objects.all()]
    return answer.status_code, statements, jobs, len(sealed)


def test_asking_for_a_password_does_the_same_for_a_known_and_for_an_unknown_address() -> None:
    somebody(email="ann@acme.example")
    somebody(email="ben@acme.example", is_active=False)
    known, unknown, inactive = (_asked_for_a_password(f"{name}@acme.example") for name in ("ann", "eve", "ben"))
    assert known == unknown == inactive
    assert not any("accounts_user" in statement for statement in known[1]), "The request looks nobody up."


def test_one_address_gets_three_links_in_ten_minutes_wherever_they_are_asked_for() -> None:
    for email in (somebody().email, "nobody@acme.example"):
        answers = [
            Client(REMOTE_ADDR=f"10.8.0.{number}").post("/password/reset/", {"email": email}) for number in range(4)
        ]
        assert [answer.status_code for answer in answers] == [302, 302, 302, 429]
        assert b"Try again in 10 minutes." in answers[3].content
    assert len(post()) == 3


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("short", "at least 12"),
        ("qwerty123456", "too common"),
        ("Dragon!!2026", "too common"),
        ("passwordpassword", "too common"),
        ("ann.archer@acme.example", "too similar"),
        ("mandate-mandate-2026", "product"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(password: str, complaint: str) -> None:
    user = somebody(email="ann.archer@acme.example")
    client = sign_in(user).client
    data = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    assert complaint in client.post("/password/change/", data).content.decode()
    assert is_in(sign_in(user).client)


@pytest.mark.parametrize(
    "password", ["830274650192837465", "dragon-4711-0815", "ÄÖÜ ß 漢字 🐘 langes Wort", "x" * 200 + "yz"]
)
def test_a_password_may_be_of_anything(password: str) -> None:
    user = somebody()
    client = sign_in(user).client
    data = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    assert client.post("/password/change/", data).status_code == 302
    assert is_in(sign_in(user, password).client)
    assert [message.subject for message in post()] == ["Your password was changed"]
    entry = Entry.objects.get(target_type="accounts.sign_in", account_id=0)
    assert (entry.user_id, entry.after) == (user.pk, {"did": "changed their password"})


def test_the_old_password_is_needed_for_a_new_one() -> None:
    user = somebody()
    client = sign_in(user).client
    data = {"oldpassword": "wrong", "password1": ANOTHER, "password2": ANOTHER}
    assert client.post("/password/change/", data).status_code == 200
    assert is_in(sign_in(user).client)


def test_there_is_nobody_in_a_database_that_was_just_set_up() -> None:
    assert not User.objects.exists()


def test_fields_of_passwords_are_masked_and_open_to_password_managers() -> None:
    page = Client().get("/login/").content.decode()
    (field,) = re.findall(r'<input type="password"[^>]*>', page)
    assert 'autocomplete="current-password"' in field
    assert "onpaste" not in page
    client = sign_in(somebody()).client
    fields = re.findall(r'<input type="password"[^>]*>', client.get("/password/change/").content.decode())
    assert len(fields) == 3
    assert sum('autocomplete="new-password"' in field for field in fields) == 2
