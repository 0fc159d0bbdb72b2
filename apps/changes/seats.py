"""The seats of an account: whether there is room for whoever joins, and who is asked for more.

How many there are stands on the account, and on branches with seats of their own (NULL: no limit). What more cost, and
whether they come by themselves, is known to who sells them, and registers here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.models import Account, Branch
from apps.changes.context import ChangeContext
from apps.changes.diff import RowChange, updated
from apps.changes.refusals import NoSeat
from apps.teams.models import Invitation, Membership

Place = Account | Branch


class Seller(Protocol):
    """Sells seats."""

    def more(self, ground: ChangeContext, place: Place, seats: int) -> bool:
        """Let the place have so many seats, where the account wants them to grow by themselves; whether it has them."""

    def offer(self, ground: ChangeContext, place: Place, seats: int) -> str:
        """What so many seats would cost and who can take them, in a sentence."""

    def offers(self, account: Account, places: Sequence[Place]) -> Mapping[Place, str]:
        """What one seat more would cost in each of these places, in a sentence."""


_sellers: list[Seller] = []


def sold_by(seller: Seller) -> None:
    """Ask this seller where seats are wanting."""
    _sellers[:] = [seller]


@dataclass(frozen=True, slots=True)
class Seats:
    """How many seats are taken of each place that has a limit: by active people, and by those who are invited."""

    taken: Mapping[Place, int]

    @classmethod
    def of(cls, ground: ChangeContext) -> Seats:
        """The seats as the database has them now; nothing is counted where nothing is limited."""
        return cls(taken(ground.account, limited(ground.account, ground.branches.values()), ground.now))

    def check(self, ground: ChangeContext) -> None:
        """Compare with how many are taken now, after a change.

        Raises:
            NoSeat: more are taken than before, and than there are.
        """
        now = Seats.of(ground)
        for place, count in now.taken.items():
            limit = place.seats or 0
            if count <= limit or count <= self.taken.get(place, 0):
                continue
            if any(seller.more(ground, place, count) for seller in _sellers):
                continue
            advice = next((seller.offer(ground, place, count) for seller in _sellers), _("Remove a member first."))
            if limit:
                sentence = ngettext(
                    "The only seat of %(place)s is in use.", "All %(limit)s seats of %(place)s are in use.", limit
                )
            else:
                sentence = _("%(place)s has no seats.")
            raise NoSeat(sentence % {"place": place, "limit": f"{limit:,}"}, advice)


def limited(account: Account, branches: Iterable[Branch]) -> list[Place]:
    """Those with a limit, of an account and some branches of it."""
    every: list[Place] = [account, *branches]
    return [place for place in every if place.seats is not None]


def taken(account: Account, places: Sequence[Place], now: datetime) -> Mapping[Place, int]:
    """How many seats are taken in each of these places; nothing is read where there are none."""
    if not places:
        return {}
    people = _people(account, now)
    return {place: _count(place, people) for place in places}


def offers(account: Account, places: Sequence[Place]) -> Mapping[Place, str]:
    """What one seat more would cost in each of these places; nothing where nobody sells any."""
    return next((seller.offers(account, places) for seller in _sellers), {})


def with_seats(place: Place, seats: int) -> RowChange:
    """The place's row with so many seats, for a seller to write."""
    return updated(place, seats=seats)


def _people(account: Account, now: datetime) -> set[tuple[int | None, str]]:
    """Who has a seat where: the branch (None: the account), and the address, of active members and the invited."""
    members = Membership.objects.active().filter(account=account, user__is_active=True)
    invited = Invitation.objects.filter(account=account, status=Invitation.Status.PENDING, expires_at__gt=now)
    return set(members.values_list("branch", "user__email").union(invited.values_list("branch", "email")))


def _count(place: Place, people: set[tuple[int | None, str]]) -> int:
    """How many people, each once, whatever they are members of or invited to."""
    if isinstance(place, Account):
        return len({email for _, email in people})
    return len({email for branch, email in people if branch in (None, place.pk)})
