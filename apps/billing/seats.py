"""Sells seats: the price of another seat, and, if the account wants it, automatic seats for invitations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.models import Account, Branch
from apps.billing.models import Payer, Term
from apps.billing.money import written
from apps.billing.plans import Interval, plan
from apps.billing.subscription_state import SubscriptionState
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff
from apps.changes.seats import Place, with_seats


class SeatSeller:
    """Knows the account's subscription."""

    def more(self, ground: ChangeContext, place: Place, seats: int) -> bool:
        """Let the place have so many seats from today on, where its subscription grows and its plan has room."""
        subscription_state = SubscriptionState(ground.account)
        found = _payer_of(subscription_state, place)
        if subscription_state.subscription is None or not subscription_state.subscription.grows or found is None:
            return False
        payer, term = found
        total = sum(each.seats for _, each in subscription_state.holding()) - term.seats + seats
        most = term.plan_data.seats
        if most is not None and total > most:
            return False
        _add(subscription_state, payer, term, seats)
        Diff([with_seats(place, seats)]).write()
        place.seats = seats
        return True

    def offer(self, ground: ChangeContext, place: Place, seats: int) -> str:
        """Return the offer for this number of seats."""
        return _offered(SubscriptionState(ground.account), place, seats)

    def offers(self, account: Account, places: Sequence[Place]) -> Mapping[Place, str]:
        """Return the offer for one more seat in each of these places."""
        subscription_state = SubscriptionState(account)
        return {place: _offered(subscription_state, place, (place.seats or 0) + 1) for place in places}


def _offered(subscription_state: SubscriptionState, place: Place, seats: int) -> str:
    found = _payer_of(subscription_state, place)
    if found is None:
        return _("Choose a plan with more seats, or remove a member first.")
    payer, term = found
    most = term.plan_data.seats
    if most is not None and seats > most:
        return _("%(plan)s allows up to %(most)s members. Choose a larger plan, or remove a member first.") % {
            "plan": term.plan_data.name,
            "most": f"{most:,}",
        }
    each = _per_seat(term, written(term.unit_price, payer.currency))
    missing = seats - term.seats
    named = {"missing": f"{missing:,}", "each": each}
    if subscription_state.subscription is not None and subscription_state.subscription.grows:
        return (
            ngettext(
                "Another seat costs %(each)s and is added with the invitation.",
                "%(missing)s more seats cost %(each)s each and are added with the invitations.",
                missing,
            )
            % named
        )
    return (
        ngettext(
            "Another seat costs %(each)s. Ask a member who manages the subscription to add it.",
            "%(missing)s more seats cost %(each)s each. Ask a member who manages the subscription to add them.",
            missing,
        )
        % named
    )


def _per_seat(term: Term, price: str) -> str:
    """Return the price of a seat with its period."""
    yearly = term.interval == Interval.YEAR
    return (_("%(price)s a year") if yearly else _("%(price)s a month")) % {"price": price}


def _payer_of(subscription_state: SubscriptionState, place: Place) -> tuple[Payer, Term] | None:
    """Return the payer of the place and its term; None if there is none."""
    branch_id = place.pk if isinstance(place, Branch) else None
    holding = subscription_state.holding()
    for pays, holds in holding:
        if pays.branch_id == branch_id:
            return pays, holds
    if branch_id is None or not holding:
        return None
    like, term = holding[0]
    payer = next((each for each in subscription_state.payers.values() if each.branch_id == branch_id), None)
    if payer is None:
        payer = Payer(account=subscription_state.account, branch_id=branch_id, currency=like.currency)
        for name in ("name", "address", "country", "vat_number", "email"):
            setattr(payer, name, getattr(like, name))
    price = plan(term.plan).price(subscription_state.interval(), payer.currency)
    return payer, Term(plan=term.plan, interval=term.interval, seats=0, unit_price=price)


def _add(subscription_state: SubscriptionState, payer: Payer, term: Term, seats: int) -> None:
    """So many seats from today on; changes that are to come keep their difference to what holds before them."""
    if payer._state.adding:
        payer.save()
    more = seats - term.seats
    later = [each for each in subscription_state.coming() if each.payer_id == payer.pk and each.seats]
    for day, like in [(subscription_state.day, term), *((each.starts_on, each) for each in later)]:
        Term.objects.create(
            account=subscription_state.account,
            payer=payer,
            starts_on=day,
            plan=like.plan,
            interval=like.interval,
            seats=like.seats + more,
            unit_price=like.unit_price,
        )
