"""API tokens: a program reads what their owner may read, for as long as they may, and changes nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
import zeal
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from apps.accounts.addresses import vouch_for
from apps.accounts.models import EVERYONE, Account, ApiToken, User
from apps.accounts.sessions import sign_everybody_out, sign_out
from apps.accounts.tokens import LIFETIMES, MOST, TooManyTokens, make_token, owner_of, tokens_of
from apps.audit.models import Entry, Operation
from apps.changes.details import ActivateUser, DeactivateUser
from apps.changes.second_factor import ResetMfa
from tests.factories import PASSWORD, Cast, OperatorFactory, make_cast
from tests.mailing import link_in, post
from tests.signin.people import sign_in, with_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    vouch_for([cast.owner, cast.member])
    return cast


def program(user: User) -> Client:
    """A program that has a token of the user's."""
    return Client(headers={"authorization": f"Bearer {make_token(user, 'Backup', 30)}"})


def asked(client: Client, cast: Cast, path: str, **data: str) -> Any:
    address = f"/a/{cast.account.slug}/{path}"
    with zeal.zeal_ignore():
        return client.post(address, data) if data else client.get(address)


WHY = "why/?user={}&permission=view_lead&branch={}&format=json"


def why(client: Client, cast: Cast) -> Any:
    return asked(client, cast, WHY.format(cast.member.email, cast.branch.slug))


def test_a_token_is_made_shown_once_told_and_logged(cast: Cast) -> None:
    client = sign_in(cast.owner).client
    form = {"name": "Backup", "days": "30"}
    assert client.post("/me/tokens/new/", form).headers["Location"].startswith("/login/again/")
    client.post("/login/again/", {"password": PASSWORD})
    page = client.post("/me/tokens/new/", form).content.decode()
    token = page.partition('<code class="m-token">')[2].partition("<")[0]
    assert owner_of(token) == cast.owner
    listed = client.get("/me/tokens/").content.decode()
    assert "Backup" in listed
    assert token not in listed
    assert token not in json.dumps(list(ApiToken.objects.values()), default=str)
    (letter,) = post()
    assert letter.to == [cast.owner.email]
    assert "Backup" in letter.body
    assert token not in letter.body
    made = Operation.objects.get(reason__contains="made the API token “Backup”")
    assert made.actor_id == cast.owner.pk
    assert token not in json.dumps(list(Entry.objects.filter(operation=made).values()), default=str)


def test_a_program_reads_what_its_owner_may(cast: Cast) -> None:
    client = program(cast.owner)
    found = why(client, cast).json()
    assert (found["user"], found["permission"], found["branch"]) == (
        cast.member.email, "view_lead", cast.branch.slug,
    )  # fmt: skip
    matrix = asked(client, cast, "matrix/export/", file="json").json()
    assert {cast.owner.email, cast.member.email} <= {row["user"] for row in matrix["members"]}
    log = b"".join(asked(client, cast, "audit/export/", file="csv").streaming_content).decode()
    assert "Taken along as JSON from the matrix" in log
    assert asked(client, cast, "roles/definitions/export/?format=json").json()
    assert Operation.objects.filter(actor_id=cast.owner.pk, reason__contains="from the matrix").count() == 1
    used = ApiToken.objects.get().last_used_at
    assert used is not None
    assert timezone.now() - used < timedelta(minutes=1)


def test_why_is_told_with_the_ways_to_a_yes_and_what_is_wrong_with_a_question(cast: Cast) -> None:
    client = program(cast.owner)
    found = asked(
        client, cast, f"why/?user={cast.member.email}&permission=view_billing&branch={cast.branch.slug}&format=json"
    )
    assert found.json()["allowed"] is False
    assert found.json()["why"]
    assert found.json()["fixes"]
    wrong = asked(client, cast, "why/?user=nobody@x.example&permission=view_lead&format=json")
    assert (wrong.status_code, set(wrong.json()["fields"])) == (400, {"user", "branch"})
    assert asked(client, cast, "why/?format=json").status_code == 400


def test_what_its_owner_lacks_is_named(cast: Cast) -> None:
    refused = why(program(cast.member), cast)
    assert refused.status_code == 403
    assert refused.json()["permission"] == "view_member_permissions"
    other = asked(program(cast.outsider), cast, "why/?format=json")
    assert (other.status_code, other.json()) == (404, {"error": "Not found."})


def test_no_session_comes_of_it_and_none_counts_beside_it(cast: Cast) -> None:
    client = program(cast.owner)
    sessions = Session.objects.count()
    foreign = asked(program(cast.outsider), cast, "why/")
    for answer in (why(client, cast), asked(client, cast, "why/"), asked(client, cast, "members/"), foreign):
        assert not answer.cookies
        assert "csrf" not in b"".join(answer).decode()
    assert Session.objects.count() == sessions
    signed_in = sign_in(cast.owner).client
    cookie = signed_in.cookies["sessionid"].value
    token = make_token(cast.member, "Mine", 7)
    address = f"/a/{cast.account.slug}/why/?format=json"
    assert signed_in.get(address, headers={"authorization": f"Bearer {token}"}).status_code == 403
    assert signed_in.get(f"/a/{cast.account.slug}/why/").status_code == 200
    assert signed_in.cookies["sessionid"].value == cookie


@pytest.mark.parametrize("path", ["", "members/", "matrix/", "settings/account/", "audit/"])
def test_other_addresses_are_not_for_tokens(cast: Cast, path: str) -> None:
    client = program(cast.owner)
    for answer in (asked(client, cast, path), asked(client, cast, path, name="Changed", reason="Because")):
        assert answer.status_code == 403
        assert answer.json() == {"error": "API tokens can’t be used for this address."}
    assert client.get("/me/").status_code == client.get("/admin/").status_code == 403


def test_other_ways_of_asking_are_refused(cast: Cast) -> None:
    client = program(cast.owner)
    for answer in (asked(client, cast, "matrix/export/"), asked(client, cast, "why/", permission="view_lead")):
        assert (answer.status_code, answer.json()) == (405, {"error": "This address doesn’t allow this HTTP method."})
    assert asked(client, cast, "matrix/export/", file="exe").status_code == 404
    assert asked(client, cast, "audit/export/?since=never", file="csv").status_code == 400


def test_a_token_ends_by_itself_and_by_its_owner(cast: Cast) -> None:
    client = program(cast.owner)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert why(client, cast).status_code == 401
    browser = sign_in(cast.owner).client
    token = ApiToken.objects.get()
    stranger = sign_in(cast.member).client
    assert stranger.post(f"/me/tokens/{token.pk}/end/").status_code == 404
    assert why(client, cast).status_code == 200
    assert browser.post(f"/me/tokens/{token.pk}/end/").status_code == 302
    assert why(client, cast).status_code == 401
    assert Operation.objects.filter(reason__contains="ended the API token “Backup”").exists()


def test_it_stops_with_what_its_owner_may(cast: Cast) -> None:
    client = program(cast.member)
    roles = "roles/definitions/export/"
    assert asked(client, cast, roles).status_code == 200
    cast.remove(cast.member)
    assert asked(client, cast, roles).status_code == 404


def test_it_stops_for_good_where_its_owner_is_signed_out_everywhere(cast: Cast) -> None:
    for stop in (
        lambda: sign_out(cast.member, actor=None, reason="Lost their phone"),
        lambda: sign_everybody_out(actor=None, reason="A leak"),
        lambda: DeactivateUser(user_id=cast.member.pk).apply(actor=None, reason="Gone"),
    ):
        token = make_token(cast.member, "Backup", 30)
        assert owner_of(token) == cast.member
        stop()
        ActivateUser(user_id=cast.member.pk).apply(actor=None, reason="Back")
        assert owner_of(token) is None


def test_a_new_password_and_a_reset_second_factor_end_it(cast: Cast) -> None:
    token = make_token(cast.member, "Backup", 30)
    client = sign_in(cast.member).client
    new = "seven green bottles on a wall"
    client.post("/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert owner_of(token) is None
    token = make_token(cast.member, "Backup", 30)
    browser = Client()
    browser.post("/password/reset/", {"email": cast.member.email})
    form = browser.get(link_in(post()[-1]), follow=True)
    browser.post(form.request["PATH_INFO"], {"password1": new + "s", "password2": new + "s"})
    assert owner_of(token) is None
    with_app(cast.member)
    token = make_token(cast.member, "Backup", 30)
    ResetMfa(account_id=cast.account.pk, user_id=cast.member.pk).apply(actor=cast.owner, reason="Lost it")
    assert owner_of(token) is None


def test_an_account_that_asks_for_a_second_factor_asks_it_of_the_tokens_owner(cast: Cast) -> None:
    client = program(cast.owner)
    Account.objects.filter(pk=cast.account.pk).update(second_factor=[EVERYONE])
    refused = why(client, cast)
    assert (refused.status_code, "two-factor authentication" in refused.json()["error"]) == (403, True)
    with_app(cast.owner)
    assert why(client, cast).status_code == 200


def test_a_platform_operator_has_none(cast: Cast) -> None:
    operator = OperatorFactory()
    vouch_for([operator])
    client = sign_in(operator).client
    client.post("/login/again/", {"password": PASSWORD})
    page = client.post("/me/tokens/new/", {"name": "Mine", "days": "30"}).content.decode()
    assert "Platform operators can&#x27;t have API tokens" in page
    token = make_token(cast.member, "Mine", 30)
    User.objects.filter(pk=cast.member.pk).update(is_superuser=True)
    assert owner_of(token) is None


def test_there_is_room_for_so_many_and_what_has_ended_makes_room(cast: Cast) -> None:
    for number in range(MOST):
        make_token(cast.member, f"Number {number}", LIFETIMES[0])
    with pytest.raises(TooManyTokens):
        make_token(cast.member, "One more", 30)
    with time_machine.travel(timezone.now() + timedelta(days=LIFETIMES[0] + 1)):
        make_token(cast.member, "Later", 30)
        assert tokens_of(cast.member).count() == ApiToken.objects.filter(user=cast.member).count() == 1


def test_wrong_tokens_are_refused_in_one_way_and_not_for_ever(cast: Cast) -> None:
    address = f"/a/{cast.account.slug}/why/?format=json"
    right = make_token(cast.owner, "Backup", 30)
    for wrong in ("", "x", right[:-1], right + "x", "mandate_" + "A" * 4000):
        answer = Client().get(address, headers={"authorization": f"Bearer {wrong}"})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    for _ in range(60):
        answer = Client().get(address, headers={"authorization": "Bearer nonsense"})
    assert answer.status_code == 429
    assert Client().get(address, headers={"authorization": f"Bearer {right}"}).status_code != 429
    cache.clear()


def test_a_form_that_is_wrong_says_so(cast: Cast) -> None:
    client = sign_in(cast.owner).client
    client.post("/login/again/", {"password": PASSWORD})
    page = client.post("/me/tokens/new/", {"name": " ", "days": "4000"}).content.decode()
    assert "This field is required" in page
    assert "not one of the available choices" in page
    assert not ApiToken.objects.exists()


def test_a_form_that_is_sent_again_makes_no_second_one(cast: Cast) -> None:
    client = sign_in(cast.owner).client
    client.post("/login/again/", {"password": PASSWORD})
    first = client.post("/me/tokens/new/", {"name": "Backup", "days": "30"}).content.decode()
    again = client.post("/me/tokens/new/", {"name": " backup", "days": "30"}).content.decode()
    assert "m-token" in first
    assert "m-token" not in again
    assert "You already have a token with this name" in again
    assert tokens_of(cast.owner).count() == 1
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        make_token(cast.owner, "Backup", 30)
