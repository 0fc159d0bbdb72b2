"""The seats of an account: whether there is room for new members, and who sells more.

The account, and some branches, have a number of seats (NULL: no limit). Sellers register here; they know prices and
whether seats are added automatically.
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

    def more(self, context: ChangeContext, place: Place, seats: int) -> bool:
        """Add seats up to this number if the account allows automatic growth. Return whether it has them."""

    def offer(self, context: ChangeContext, place: Place, seats: int) -> str:
        """Return a sentence with the price of these seats and who can add them."""

    def offers(self, account: Account, places: Sequence[Place]) -> Mapping[Place, str]:
        """Return the price of one more seat in each of these places, as a sentence."""


_sellers: list[Seller] = []


def sold_by(seller: Seller) -> None:
    """Register a seller that is asked when seats are missing."""
    _sellers[:] = [seller]


@dataclass(frozen=True, slots=True)
class Seats:
    """How many seats of each limited place are taken by active members and invitations."""

    taken: Mapping[Place, int]

    @classmethod
    def of(cls, context: ChangeContext) -> Seats:
        """Count the seats in the database; nothing is counted without a limit."""
        return cls(taken(context.account, limited(context.account, context.branches.values()), context.now))

    def check(self, context: ChangeContext) -> None:
        """Compare with the number taken now, after a change.

        Raises:
            NoSeat: more seats are taken than before, and more than there are.
        """
        now = Seats.of(context)
        for place, count in now.taken.items():
            limit = place.seats or 0
            if count <= limit or count <= self.taken.get(place, 0):
                continue
            if any(seller.more(context, place, count) for seller in _sellers):
                continue
            advice = next((seller.offer(context, place, count) for seller in _sellers), _("Remove a member first."))
            if limit:
                sentence = ngettext(
                    "The only seat of %(place)s is in use.", "All %(limit)s seats of %(place)s are in use.", limit
                )
            else:
                sentence = _("%(place)s has no seats.")
            raise NoSeat(sentence % {"place": place, "limit": f"{limit:,}"}, advice)


def limited(account: Account, branches: Iterable[Branch]) -> list[Place]:
    """Return the places with a limit, from an account and some of its branches."""
    every: list[Place] = [account, *branches]
    return [place for place in every if place.seats is not None]


def taken(account: Account, places: Sequence[Place], now: datetime) -> Mapping[Place, int]:
    """Return how many seats of each place are taken; reads nothing without places."""
    if not places:
        return {}
    people = _people(account, now)
    return {place: _count(place, people) for place in places}


def offers(account: Account, places: Sequence[Place]) -> Mapping[Place, str]:
    """Return the price of one more seat in each place; empty without a seller."""
    return next((seller.offers(account, places) for seller in _sellers), {})


def with_seats(place: Place, seats: int) -> RowChange:
    """Plan the place's row with this number of seats, for a seller to write."""
    return updated(place, seats=seats)


def _people(account: Account, now: datetime) -> set[tuple[int | None, str]]:
    """Return the seat holders as (branch or None for the account, email address): active members and invitations."""
    members = Membership.objects.active().filter(account=account, user__is_active=True)
    invited = Invitation.objects.filter(account=account, status=Invitation.Status.PENDING, expires_at__gt=now)
    return set(members.values_list("branch", "user__email").union(invited.values_list("branch", "email")))


def _count(place: Place, people: set[tuple[int | None, str]]) -> int:
    """Return how many different people there are."""
    if isinstance(place, Account):
        return len({email for _, email in people})
    return len({email for branch, email in people if branch in (None, place.pk)})
