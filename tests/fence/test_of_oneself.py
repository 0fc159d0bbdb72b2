"""As the web role: whatever somebody changes about how they sign in is done, logged and told, and nobody else's is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.accounts.addresses import vouch_for
from apps.accounts.fence import tenant
from apps.accounts.models import User
from apps.accounts.signing_in import EVENTS
from apps.accounts.tokens import owner_of
from apps.accounts.verbs import SECURITY_CHANGED
from apps.audit.models import Entry, Operation
from apps.audit.services import EntryValues, record
from tests.factories import PASSWORD
from tests.fence.world import World
from tests.mailing import link_in, post
from tests.signin.people import digits, sign_in

pytestmark = pytest.mark.django_db
NEW = "seven green bottles on a wall"


@pytest.fixture(autouse=True)
def _vouched(web: BaseDatabaseWrapper, world: World) -> None:
    # In the database alone: the world's own objects outlive the test.
    people = [world.here.staff, world.there.staff]
    User.objects.filter(pk__in=[user.pk for user in people]).update(password=make_password(PASSWORD))
    vouch_for(people)


def shown(user: User) -> Client:
    """A browser in which somebody has just shown who they are."""
    client: Client = sign_in(user).client
    client.post("/login/again/", {"password": PASSWORD})
    return client


def said(user: User) -> list[Any]:
    """What the log says, read as that user."""
    with tenant(None, user.pk):
        entries = Entry.objects.filter(target_type="accounts.sign_in").order_by("pk")
        return [entry.after["did"] for entry in entries if entry.after is not None]


def test_a_password_is_changed_and_set_anew(web: BaseDatabaseWrapper, world: World) -> None:
    user = world.here.staff
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert sign_in(user).client.post("/password/change/", form).status_code == 302
    client = Client()
    client.post("/password/reset/", {"email": user.email})
    page = client.get(link_in(post()[-1]), follow=True)
    client.post(page.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD})
    assert said(user) == [EVENTS["password_changed"], EVENTS["password_reset"]]


def test_an_app_is_added_with_its_codes(
    web: BaseDatabaseWrapper, world: World, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    client = shown(world.here.staff)
    secret = client.get("/mfa/totp/activate/").context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/mfa/totp/activate/", {"code": digits(secret)}).status_code == 302
    assert said(world.here.staff) == [EVENTS["totp_activated"]]


def test_an_address_is_changed(web: BaseDatabaseWrapper, world: World) -> None:
    client = shown(world.here.staff)
    client.post("/me/email/", {"email": "other@new.example"})
    assert client.post(link_in(post()[-1])).headers["Location"] == "/me/"
    assert User.objects.get(pk=world.here.staff.pk).email == "other@new.example"
    with tenant(None, world.here.staff.pk):
        entry: Any = Entry.objects.get(target_type="accounts.user", user_id=world.here.staff.pk)
    assert entry.after["email"] == "other@new.example"


def test_a_token_is_made_used_and_ended(web: BaseDatabaseWrapper, world: World) -> None:
    client = shown(world.here.staff)
    page = client.post("/me/tokens/new/", {"name": "Backup", "days": "30"}).content.decode()
    token = page.partition('<code class="m-token">')[2].partition("<")[0]
    program = Client(headers={"authorization": f"Bearer {token}"})
    here, there = (f"/a/{side.account.slug}/roles/definitions/export/" for side in (world.here, world.there))
    assert program.get(here).status_code == 200
    assert program.get(there).status_code == 404
    number = owner_of(token).api_tokens.get().pk  # type: ignore[union-attr] # it counts
    assert client.post(f"/me/tokens/{number}/end/").status_code == 302
    assert program.get(here).status_code == 401
    assert len(said(world.here.staff)) == 2


def test_nobody_writes_or_reads_it_about_somebody_else(web: BaseDatabaseWrapper, world: World) -> None:
    one, other = world.here.staff, world.there.staff
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    sign_in(one).client.post("/password/change/", form)
    assert said(other) == []
    with tenant(world.there.account.pk, other.pk):
        assert not Operation.objects.filter(reason__contains="changed their password").exists()
        for told in ("accounts.sign_in", "accounts.account"):
            about = one if told == "accounts.sign_in" else other
            change = EntryValues(target_type=told, target_id=about.pk, target_text="X", user_id=about.pk, after={})
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                record(verb=SECURITY_CHANGED, actor=other, reason="Forged", account_id=None, entries=[change])
