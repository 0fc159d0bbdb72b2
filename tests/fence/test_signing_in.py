"""Signing in, as the web role: before any account, and without a row of one."""

from __future__ import annotations

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from apps.accounts.addresses import vouch_for
from apps.accounts.fence import is_fenced
from tests.fence.world import World
from tests.mailing import link_in, post
from tests.signin.people import digits, sign_in, with_app

pytestmark = pytest.mark.django_db


def test_people_sign_in_ask_for_a_password_and_are_limited_in_their_tries(
    web: BaseDatabaseWrapper, world: World
) -> None:
    user = world.here.staff
    vouch_for([user])
    assert is_fenced()
    assert sign_in(user, "wrong").status_code == 200
    client = sign_in(user).client
    assert client.get("/password/change/").status_code == 200
    Client().post("/password/reset/", {"email": user.email})
    (message,) = post()
    assert b"Choose a new password" in Client().get(link_in(message), follow=True).content
    for _ in range(5):
        sign_in(user, "wrong")
    assert b"Too many" in sign_in(user).content


def test_a_second_factor_is_asked_for_and_taken(web: BaseDatabaseWrapper, world: World) -> None:
    user = world.there.staff
    vouch_for([user])
    secret = with_app(user)
    client = sign_in(user).client
    assert client.post("/mfa/authenticate/", {"code": digits(secret)}).headers["Location"] == "/"
    assert client.get("/mfa/").status_code == 200
