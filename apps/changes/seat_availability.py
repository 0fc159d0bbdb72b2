"""How many seats there are left, for those who invite people, before they are refused one."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from apps.access.context import AccessContext
from apps.changes.seats import Place, limited, offers, taken


@dataclass(frozen=True, slots=True)
class SeatAvailability:
    """The seats of the account or of a branch, how many are taken, and what one more would cost, where that is told."""

    place: Place
    seats: int
    taken: int
    more: str

    @property
    def left(self) -> int:
        """How many are free; none where there are more people than seats."""
        return max(self.seats - self.taken, 0)


def seat_availabilities_of(access: AccessContext, *, priced: bool) -> list[SeatAvailability]:
    """The seats that whoever may invite people, or sees the bills, should know of; those with the fewest left first.

    What more of them would cost is worked out where it is asked for (`priced`): it takes the account's whole book.

    Nothing where nothing limits them: neither the account nor a branch of theirs. Others are told no numbers, which
    count people out of their sight.
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
