"""The number of free seats, shown before an invitation is refused."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from apps.access.context import AccessContext
from apps.changes.seats import Place, limited, offers, taken


@dataclass(frozen=True, slots=True)
class SeatAvailability:
    """The seats of the account or a branch, how many are taken, and the price of one more, if shown."""

    place: Place
    seats: int
    taken: int
    more: str

    @property
    def left(self) -> int:
        """Return how many seats are free; 0 if there are more people than seats."""
        return max(self.seats - self.taken, 0)


def seat_availabilities_of(access: AccessContext, *, priced: bool) -> list[SeatAvailability]:
    """Return the seats that a member who can invite or see bills should know, fewest free first.

    The price of more seats is computed only with `priced`: it needs the account's complete billing state.

    Empty if nothing is limited, or for other members: the numbers would count people they can't see.
    """
    return access.once(f"rooms, priced: {priced}", lambda: _rooms(access, priced))


def _rooms(access: AccessContext, priced: bool) -> list[SeatAvailability]:
    account = access.account
    if account is None:
        return []
    theirs = [
        branch
        for branch in access.branches
        if any(access.may(right, branch) for right in ("invite_members", "view_billing"))
    ]
    places = limited(account, theirs) if theirs else []
    if not places:
        return []
    counts, more = taken(account, places, timezone.now()), offers(account, places) if priced else {}
    found = [SeatAvailability(place, place.seats or 0, counts[place], more.get(place, "")) for place in places]
    return sorted(found, key=lambda room: (room.left, str(room.place)))
