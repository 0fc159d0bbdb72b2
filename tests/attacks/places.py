"""What stands for the names in braces of a case: who and what there is, and links that have to be made first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client

from apps.changes.invitations import CancelInvitation, Invite
from apps.teams.models import Invitation
from tests.attacks.actors import ANOTHER, Actor
from tests.attacks.asking import with_session
from tests.attacks.world import FOREIGN, NOTHING, World, session_of
from tests.factories import MEMBER_ROLES, published
from tests.mailing import link_in, post

NEWCOMER = "zoe@new.example"
# The links of invitations that were mailed, by id: a case may need its link twice.
_SENT: dict[int, str] = {}


def _invited(world: World) -> str:
    """A link for somebody new, as the mail has it."""
    house = world.here
    pending = Invitation.objects.filter(email=NEWCOMER, status=Invitation.Status.PENDING).first()
    if pending is not None:
        return _SENT[pending.pk]
    role = published(house.account.scheme, MEMBER_ROLES[house.account.scheme])
    Invite(account_id=house.account.pk, email=NEWCOMER, role_id=role.pk, branch_id=house.north.pk).apply(
        actor=house.owner, reason="We grow"
    )
    _SENT[Invitation.objects.get(email=NEWCOMER).pk] = link = link_in(post()[-1])
    return link


def _used(world: World) -> str:
    address = _invited(world)
    proof = address.partition("?proof=")[2]
    Client().post(address, {"name": "Zoe Zimmer", "password": ANOTHER, "proof": proof})
    assert Invitation.objects.get(email=NEWCOMER).status == Invitation.Status.ACCEPTED
    return address


def _cancelled(world: World) -> str:
    address = _invited(world)
    row = Invitation.objects.get(email=NEWCOMER)
    CancelInvitation(account_id=row.account_id, invitation_id=row.pk).apply(actor=world.here.owner, reason="A mistake")
    return address


def _reset(world: World) -> str:
    Client().post("/password/reset/", {"email": world.here.member.email})
    return link_in(post()[-1])


def _reset_of_another(world: World) -> str:
    """A link of the member's, with the owner's number before it."""
    user, _dash, token = _reset(world).partition("-")
    return f"{user.rpartition('/')[0]}/{_base36(world.here.owner.pk)}-{token}"


def _used_reset(world: World) -> str:
    address, client = _reset(world), Client()
    form: Any = client.get(address, follow=True)
    client.post(form.request["PATH_INFO"], {"password1": ANOTHER, "password2": ANOTHER})
    post()
    return address


def _moving_of_another(world: World) -> str:
    """The link that lets the member sign in by another address."""
    client = with_session(session_of(world.here.member))
    client.post("/login/again/", {"password": "correct horse battery staple"})
    client.post("/me/email/", {"email": "moved@new.example"})
    return link_in(post()[-1])


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits


LINKS: dict[str, Callable[[World], str]] = {
    "invitation": _invited,
    "used_invitation": _used,
    "cancelled_invitation": _cancelled,
    "reset": _reset,
    "reset_of_another": _reset_of_another,
    "used_reset": _used_reset,
    "moving_of_another": _moving_of_another,
}


class Places(dict[str, str]):
    """The values by name; a link is made when it is asked for."""

    def __init__(self, world: World, actor: Actor) -> None:
        house, there = actor.house, world.there
        super().__init__(
            here=house.account.slug,
            there=there.account.slug,
            foreign=str(FOREIGN),
            nothing=str(NOTHING),
            foreign_email=there.staff.email,
            unseen=str(house.unseen["lead"].pk),
            private=str(house.private["contact"].pk),
            lead=str(house.own["lead"].pk),
            task=str(house.own["task"].pk),
            contact=str(house.own["contact"].pk),
            colleague=str(house.colleague.pk),
            colleague_email=house.colleague.email,
            owner=str(house.owner.pk),
            owner_email=house.owner.email,
            member_email=house.member.email,
            role=str(published(house.account.scheme, MEMBER_ROLES[house.account.scheme]).pk),
            north=str(house.north.pk),
            south=str(house.south.pk),
        )
        self.world = world

    def __missing__(self, name: str) -> str:
        self[name] = LINKS[name](self.world)
        return self[name]
