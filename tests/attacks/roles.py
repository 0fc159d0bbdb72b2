"""Every role of every role system, as somebody who attacks."""

from __future__ import annotations

from dataclasses import dataclass

from django.test import Client

from apps.access.mandate_cache import mandate_for
from apps.accounts.models import User
from apps.roles.schemes import scheme, scheme_keys
from tests.attacks.asking import hidden_from, with_session
from tests.attacks.world import House, World

ROLES = [(key, role) for key in scheme_keys() for role in scheme(key).roles]


@dataclass(frozen=True)
class Attacker:
    """Somebody of one role, in a browser of their own; `hidden` are the texts that they must not see."""

    house: House
    user: User
    session: str
    hidden: tuple[str, ...]

    @property
    def client(self) -> Client:
        """A browser with their session, as it was when the world was made."""
        return with_session(self.session)


def attacker(world: World, key: str, role: str) -> Attacker:
    """Whoever holds the role in the account of that system."""
    house = world.houses[key]
    user = house.people[role]
    return Attacker(house, user, world.sessions[user.pk], hidden_from(everywhere=sees_south(house, user)))


def sees_south(house: House, user: User) -> bool:
    """Whether the user works on the southern branch, too: by a role over the whole account."""
    mandate = mandate_for(user, house.account.pk)
    return any(mandate.effective(house.south.pk, f"view_{name}").scope for name in house.unseen)
