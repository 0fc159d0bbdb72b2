"""One's own page: name, time zone, and where one is signed in."""

from __future__ import annotations

from typing import Any

import pytest
import zeal
from django.test import Client

from apps.accounts.addresses import vouch_for
from apps.accounts.models import User
from apps.audit.models import Entry
from tests.factories import PASSWORD, Cast, make_cast
from tests.signin.people import sign_in, somebody
from tests.signin.test_passwords import is_in

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    vouch_for([cast.owner, cast.member])
    return cast


def with_browser(user: User, name: str, address: str = "10.1.2.3") -> Client:
    client = Client(headers={"user-agent": name}, REMOTE_ADDR=address)
    assert is_in(sign_in(user, client=client).client)
    return client


def again(client: Client) -> None:
    client.post("/login/again/", {"password": PASSWORD})


def test_ones_own_name_is_changed_and_logged(cast: Cast) -> None:
    client = sign_in(cast.member).client
    page = client.get("/me/")
    assert cast.member.email in page.content.decode()
    with zeal.zeal_ignore():  # a change asks for the account's state before and after
        assert client.post("/me/", {"name": "Benny Baker", "time_zone": "Europe/Berlin"}).status_code == 302
    cast.member.refresh_from_db()
    assert (cast.member.name, cast.member.time_zone) == ("Benny Baker", "Europe/Berlin")
    entry: Any = Entry.objects.get(target_type="accounts.user", user_id=cast.member.pk)
    assert (entry.before["name"], entry.after["name"]) == ("Ben Baker", "Benny Baker")
    assert entry.operation.actor_id == cast.member.pk


def test_a_name_is_not_empty_and_a_time_zone_is_one_of_the_list(cast: Cast) -> None:
    client = sign_in(cast.member).client
    assert b"This field is required" in client.post("/me/", {"name": "  ", "time_zone": ""}).content
    assert b"Select a valid choice" in client.post("/me/", {"name": "Ben", "time_zone": "Mars/Olympus"}).content
    cast.member.refresh_from_db()
    assert (cast.member.name, cast.member.time_zone) == ("Ben Baker", "")


def test_who_belongs_to_no_account_changes_the_time_zone_alone() -> None:
    user = somebody(name="Nora Newcomer")
    client = sign_in(user).client
    assert b"after you join an account" in client.get("/me/").content
    client.post("/me/", {"name": "Somebody Else", "time_zone": "Asia/Tokyo"})
    user.refresh_from_db()
    assert (user.name, user.time_zone) == ("Nora Newcomer", "Asia/Tokyo")


def test_every_place_where_one_is_signed_in_is_listed(cast: Cast) -> None:
    with_browser(cast.member, SAFARI, "10.9.9.9")
    with_browser(cast.owner, "curl/8.0")
    page = with_browser(cast.member, FIREFOX).get("/me/sessions/").content.decode()
    assert "Firefox on Windows" in page
    assert "Safari on iPhone" in page
    assert "10.9.9.9" in page
    assert "curl" not in page
    assert page.count("This device") == 1


def test_one_place_is_ended_from_another_after_showing_who_one_is(cast: Cast) -> None:
    there = with_browser(cast.member, SAFARI)
    here = with_browser(cast.member, FIREFOX)
    listed: Any = here.get("/me/sessions/").context
    number = next(line["session"].pk for line in listed["sessions"] if not line["here"])
    asked = here.post(f"/me/sessions/{number}/end/")
    assert asked.headers["Location"].startswith("/login/again/")
    assert there.get("/me/").status_code == 200
    again(here)
    assert here.post(f"/me/sessions/{number}/end/").headers["Location"] == "/me/sessions/"
    assert there.get("/me/").status_code == 302
    assert here.get("/me/").status_code == 200


def test_all_other_places_are_ended_at_once(cast: Cast) -> None:
    others = [with_browser(cast.member, SAFARI) for _ in range(3)]
    stranger = with_browser(cast.owner, SAFARI)
    here = with_browser(cast.member, FIREFOX)
    again(here)
    answer = here.post("/me/sessions/others/end/", follow=True)
    assert b"3 other sessions ended" in answer.content
    assert [client.get("/me/").status_code for client in others] == [302, 302, 302]
    assert stranger.get("/me/").status_code == here.get("/me/").status_code == 200


def test_another_persons_session_is_not_there(cast: Cast) -> None:
    with_browser(cast.owner, SAFARI)
    owner = with_browser(cast.owner, FIREFOX)
    listed: Any = owner.get("/me/sessions/").context
    number = listed["sessions"][0]["session"].pk
    client = with_browser(cast.member, FIREFOX)
    again(client)
    foreign, nothing = client.post(f"/me/sessions/{number}/end/"), client.post(f"/me/sessions/{10**9}/end/")
    assert foreign.status_code == nothing.status_code == 404
    assert foreign.content == nothing.content
    assert owner.get("/me/").status_code == 200


def test_a_new_password_ends_the_other_sessions(cast: Cast) -> None:
    other = with_browser(cast.member, SAFARI)
    here = with_browser(cast.member, FIREFOX)
    new = "seven green bottles on a wall"
    here.post("/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert other.get("/me/").status_code == 302
    assert here.get("/me/").status_code == 200


def test_showing_who_one_is_gives_the_session_another_key(cast: Cast) -> None:
    client = with_browser(cast.member, FIREFOX)
    before = client.cookies["sessionid"].value
    again(client)
    assert client.cookies["sessionid"].value != before
    assert client.get("/me/sessions/").content.decode().count("This device") == 1
    thief = Client()
    thief.cookies["sessionid"] = before
    assert thief.get("/me/").status_code == 302


@pytest.mark.parametrize("address", ["/", "/me/", "/me/sessions/", "/mfa/", "/password/change/", "/a/acme/", "/admin/"])
def test_every_page_has_a_way_out(cast: Cast, address: str) -> None:
    cast.owner.is_staff = True
    cast.owner.save()
    client = sign_in(cast.owner).client
    with zeal.zeal_ignore():
        page = client.get(address).content.decode()
    assert 'action="/logout/"' in page or 'action="/admin/logout/"' in page


def test_cookies_are_out_of_the_reach_of_scripts_and_other_sites(cast: Cast) -> None:
    client = Client()
    client.get("/login/")
    sign_in(cast.member, client=client)
    client.post("/me/", {"name": cast.member.name, "time_zone": "Asia/Tokyo"})
    assert set(client.cookies) == {"sessionid", "csrftoken"}
    for cookie in client.cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["domain"], cookie["path"]) == (True, "Lax", "", "/")
    assert len(client.cookies["sessionid"].value) == 32
