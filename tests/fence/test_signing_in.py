"""Signing in, as the web role: before any account, and without a row of one."""

from __future__ import annotations

import pytest
import zeal
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from apps.accounts.addresses import vouch_for
from apps.accounts.fence import is_fenced, tenant
from apps.changes.invitations import Invite
from apps.roles.models import Role
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


def test_somebody_new_accepts_an_invitation_that_only_its_token_leads_to(
    web: BaseDatabaseWrapper, world: World
) -> None:
    side = world.here
    role = Role.objects.published(side.account.scheme).filter(kind="branch", single=False).order_by("rank")[0]
    with tenant(side.account.pk, side.staff.pk):
        change = Invite(account_id=side.account.pk, email="nina@new.example", role_id=role.pk, branch_id=side.branch.pk)
        change.apply(actor=None, reason="We grow")
    (message,) = post()
    address = link_in(message)
    client = Client()
    with zeal.zeal_ignore():
        assert side.account.name in client.get(address).content.decode()
        data = {"name": "Nina New", "password": "a heron stands in the rain", "proof": address.partition("?proof=")[2]}
        answer = client.post(address, data)
        assert answer.headers["Location"] == f"/a/{side.account.slug}/"
        assert client.get(answer.headers["Location"]).status_code == 200
        assert client.get(f"/a/{world.there.account.slug}/").status_code == 404
    assert client.get(address).status_code == 410


def test_an_account_is_opened_beside_the_others(web: BaseDatabaseWrapper, world: World) -> None:
    client = Client()
    account = {"organisation": "Third", "slug": "", "branch": "Main", "scheme": "amocrm"}
    person = {"name": "Tom Third", "email": "tom@third.example"}
    chosen = {"name": "Tom Third", "password": "a heron stands in the rain"}
    taken = client.post("/signup/", {**account, **person, "slug": world.there.account.slug})
    assert b"is taken" in taken.content
    client.post("/signup/", {**account, **person})
    address = link_in(post()[-1])
    with zeal.zeal_ignore():
        assert client.post(address, chosen).headers["Location"] == "/a/third/"
        assert client.get("/a/third/").status_code == 200
        assert client.get(f"/a/{world.here.account.slug}/").status_code == 404
