"""Who asks in the cases: by name, with the browser that they come with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone

from apps.access.operators import open_session
from apps.accounts.models import ApiToken, User
from apps.accounts.tokens import end_tokens, make_token
from apps.teams.models import Membership
from tests.attacks.asking import hidden_from, with_session
from tests.attacks.roles import ROLES, attacker
from tests.attacks.world import House, World, session_of
from tests.factories import PASSWORD

ANOTHER = "seven green bottles on a wall"


@dataclass(frozen=True)
class Actor:
    """Somebody who asks; `hidden` are the texts that they must not see."""

    label: str
    house: House
    client: Client
    hidden: tuple[str, ...]
    signed_in: bool = True


def actors(world: World, who: str) -> Iterator[Actor]:
    """Those whom a case names: a group, of which each asks, or one."""
    if who in GROUPS:
        for key, role in GROUPS[who]:
            someone = attacker(world, key, role)
            yield Actor(f"{role} of {key}", someone.house, someone.client, someone.hidden)
        return
    client = ACTORS[who](world)
    yield Actor(
        who,
        world.here,
        client,
        hidden_from(everywhere=any(name in who for name in SEE_ALL)),
        settings.SESSION_COOKIE_NAME in client.cookies,
    )


def _of(world: World, user: User, *, strict: bool = False, **more: Any) -> Client:
    client = with_session(world.sessions.get(user.pk) or session_of(user), strict=strict)
    client.defaults.update(more)
    return client


def _signed_out(world: World) -> Client:
    key = session_of(world.here.owner)
    with_session(key).post("/logout/")
    return with_session(key)


def _after_new_password(world: World) -> Client:
    key = session_of(world.here.owner)
    new = {"oldpassword": PASSWORD, "password1": ANOTHER, "password2": ANOTHER}
    with_session(session_of(world.here.owner)).post("/password/change/", new)
    return with_session(key)


def _fixed(world: World) -> Client:
    """A session whose key an attacker has chosen, and in which the victim then signs in."""
    victim = with_session("attackerschosensessionkey0000000")
    victim.post("/login/", {"login": world.here.owner.email, "password": PASSWORD})
    return with_session("attackerschosensessionkey0000000")


def _fixed_before(world: World) -> Client:
    """A session that an attacker really began, and in which the victim then signs in."""
    began = SessionStore()
    began.create()
    key = str(began.session_key)
    with_session(key).post("/login/", {"login": world.here.owner.email, "password": PASSWORD})
    return with_session(key)


def _removed(world: World) -> Client:
    Membership.objects.filter(user=world.here.member).update(
        status=Membership.Status.REMOVED, removed_at=timezone.now()
    )
    return _of(world, world.here.member)


def _deactivated(world: World) -> Client:
    key = session_of(world.here.member)
    User.objects.filter(pk=world.here.member.pk).update(is_active=False)
    return with_session(key)


def _aged(world: World) -> Client:
    key = session_of(world.here.owner)
    store = SessionStore(session_key=key)
    store["began"] = 0
    store.save()
    return with_session(key)


def _viewing(world: World) -> Client:
    house = world.here
    client = with_session(session_of(house.owner))
    client.post(f"/a/{house.account.slug}/members/{house.colleague.pk}/view-as/", {"reason": "She asks"})
    assert "viewing" in client.session
    return client


def _again(world: World) -> Client:
    """Somebody who has just shown who they are."""
    client = Client()
    client.post("/login/", {"login": world.here.owner.email, "password": PASSWORD})
    client.post("/login/again/", {"password": PASSWORD})
    return client


def _program(token: str) -> Client:
    return Client(headers={"authorization": f"Bearer {token}"})


def _revoked(world: World) -> Client:
    token = make_token(world.here.owner, "Backup", 30)
    end_tokens(world.here.owner)
    return _program(token)


def _run_out(world: World) -> Client:
    token = make_token(world.here.owner, "Backup", 30)
    ApiToken.objects.filter(user=world.here.owner).update(ends_at=timezone.now() - timedelta(seconds=1))
    return _program(token)


def _operating(world: World) -> Client:
    open_session(world.operator, actor=world.operator, reason="A customer asked")
    return _of(world, world.operator)


ACTORS: dict[str, Callable[[World], Client]] = {
    "stranger": lambda world: Client(),
    "owner": lambda world: _of(world, world.here.owner),
    "member": lambda world: _of(world, world.here.member),
    "colleague": lambda world: _of(world, world.here.colleague),
    "strict owner": lambda world: _of(world, world.here.owner, strict=True),
    "strict stranger": lambda world: Client(enforce_csrf_checks=True),
    "owner who has just shown who they are": _again,
    "owner who signed out": _signed_out,
    "owner of before the new password": _after_new_password,
    "owner's session of last week": _aged,
    "attacker who chose the session's key": _fixed,
    "attacker who began the session": _fixed_before,
    "removed member": _removed,
    "deactivated member": _deactivated,
    "owner who views as a colleague": _viewing,
    "operator without a session": lambda world: _of(world, world.operator),
    "operator in a session": _operating,
    "program": lambda world: _program(make_token(world.here.owner, "Backup", 30)),
    "member's program": lambda world: _program(make_token(world.here.member, "Backup", 30)),
    "program with a revoked token": _revoked,
    "program whose token has run out": _run_out,
    "program with a session's key": lambda world: _program(world.sessions[world.here.owner.pk]),
    "program with a password": lambda world: _program(PASSWORD),
    "program with another scheme": lambda world: Client(
        headers={"authorization": f"Basic {make_token(world.here.owner, 'Backup', 30)}"}
    ),
    "browser with a guessed session": lambda world: with_session("0" * 32),
    "browser with a session's key of nonsense": lambda world: with_session("'; DROP TABLE django_session; --"),
}
# The owner has a role over the whole account, and so has whoever comes with what is theirs.
SEE_ALL = ("owner", "program", "operator in a session")
FOUNDERS = {
    "amocrm": "administrator",
    "atlas": "owner",
    "atmos": "admin",
    "onepagecrm": "account_owner",
    "staff-ladder": "super_admin",
}
LEAST = {
    "amocrm": "employee",
    "atlas": "member",
    "atmos": "restricted_user",
    "onepagecrm": "focused_user",
    "staff-ladder": "freelancer",
}
GROUPS: dict[str, list[tuple[str, str]]] = {
    "everyone": ROLES,
    "owners": list(FOUNDERS.items()),
    "the least": list(LEAST.items()),
}
