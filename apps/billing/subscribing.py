"""Beginning, choosing, cancelling: what an account agrees to. More comes at once, less at the end of the period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.models import Account, Branch, User
from apps.billing import verbs
from apps.billing.acting import acting, need, subscribed
from apps.billing.changes import Entitle
from apps.billing.models import Payer, Period, Subscription, Term
from apps.billing.plans import Interval, Plan, plan, plans
from apps.billing.proration import following
from apps.billing.refusals import BillingRefused
from apps.billing.subscription_state import SubscriptionState, all_seats_taken, seats_taken

TRIAL = timedelta(days=14)
TRIAL_PLAN = "professional"


@dataclass(frozen=True, slots=True)
class PlanChoice:
    """A plan, an interval, and how many seats each payer has (by the payer's id)."""

    plan: str
    interval: Interval
    seats: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class PlanChoiceResult:
    """What comes of a choice: the part that holds at once, and the part that holds from a later day on."""

    now: PlanChoice | None
    later: PlanChoice | None
    later_on: date | None


def begin(
    account: Account, *, actor: User | None, reason: str, seats: int = 5, trial: timedelta = TRIAL
) -> Subscription:
    """Begin the account's subscription, with a trial of the plan `TRIAL_PLAN`; does nothing where it has begun.

    Needs `manage_subscription`.

    Raises:
        Refusal: as `acting` does, or the right is missing.
    """
    with acting(account.pk, verb=verbs.SUBSCRIBED, actor=actor, reason=reason) as (ground, subscription_state):
        need(ground, "manage_subscription", ground.account)
        if subscription_state.subscription is not None:
            return subscription_state.subscription
        chosen = plan(TRIAL_PLAN)
        currency = ground.account.currency if ground.account.currency in chosen.currencies else "EUR"
        made = Subscription.objects.create(
            account=ground.account,
            started_on=subscription_state.day,
            trial_ends_on=subscription_state.day + trial,
            anchor_on=None,
        )
        payer = Payer.objects.create(account=ground.account, currency=currency)
        count = max(seats, seats_taken(account.pk), 1)
        _write_terms(
            subscription_state,
            subscription_state.day,
            PlanChoice(chosen.key, Interval.MONTH, {payer.pk: count}),
            {payer.pk: payer},
        )
        Entitle(account_id=account.pk).within(ground)
    return made


def choose(account_id: int, choice: PlanChoice, *, actor: User | None, reason: str) -> PlanChoiceResult:
    """Choose plan, interval and seats. What is more holds at once, what is less from the end of the period on.

    Needs `manage_subscription`. What was chosen for later before is replaced.

    Raises:
        BillingRefused: there is no such plan, or not with so many or so few seats, or not in a payer's currency.
        Refusal: as `acting` does, or the right is missing.
    """
    with acting(account_id, verb=verbs.PLAN_CHOSEN, actor=actor, reason=reason) as (ground, subscription_state):
        need(ground, "manage_subscription", ground.account)
        chosen = weigh(subscribed(subscription_state), choice)
        put_down(subscription_state, chosen)
        Entitle(account_id=account_id).within(ground)
    return chosen


def put_down(subscription_state: SubscriptionState, chosen: PlanChoiceResult) -> None:
    """Write down what is chosen, in the place of what was chosen for later before, and let the periods follow."""
    Term.objects.filter(pk__in=[term.pk for term in subscription_state.coming()]).delete()
    _write_terms(subscription_state, subscription_state.day, chosen.now, subscription_state.payers)
    if chosen.later_on is not None:
        _write_terms(subscription_state, chosen.later_on, chosen.later, subscription_state.payers)
    _follow(SubscriptionState(subscription_state.account, subscription_state.day), chosen.now)


def weigh(subscription_state: SubscriptionState, choice: PlanChoice) -> PlanChoiceResult:
    """Which part of a choice holds at once, and which later and when.

    Raises:
        BillingRefused: as `choose` does.
    """
    wanted = _checked(subscription_state, choice)
    holding = subscription_state.holding()
    standing = PlanChoice(
        holding[0][1].plan, subscription_state.interval(), {payer.pk: term.seats for payer, term in holding}
    )
    running = subscription_state.period()
    if running is None or subscription_state.agreed.is_cancelled(subscription_state.day):
        return PlanChoiceResult(choice, None, None)
    better = max(plan(standing.plan), wanted, key=lambda each: each.rank)
    now = PlanChoice(
        better.key,
        max(standing.interval, choice.interval, key=lambda interval: interval.rank),
        {pk: max(standing.seats.get(pk, 0), choice.seats.get(pk, 0)) for pk in {*standing.seats, *choice.seats}},
    )
    starts_anew = now.interval != standing.interval
    later_on = (
        following(subscription_state.day, subscription_state.day, now.interval) if starts_anew else running.ends_on
    )
    return PlanChoiceResult(
        now if now != standing else None,
        choice if now != choice else None,
        later_on if now != choice else None,
    )


def _checked(subscription_state: SubscriptionState, choice: PlanChoice) -> Plan:
    if choice.plan not in plans():
        raise BillingRefused(
            _("The plan “%(plan)s” doesn't exist.") % {"plan": choice.plan},
            _("Choose from %(plans)s.") % {"plans": ", ".join(plans())},
        )
    wanted = plan(choice.plan)
    total, everywhere = 0, all_seats_taken(subscription_state.account.pk)
    for payer_id, count in choice.seats.items():
        payer = subscription_state.payers.get(payer_id)
        if payer is None:
            raise BillingRefused(
                _("That payer doesn't exist in %(account)s.") % {"account": subscription_state.account}
            )
        if (choice.interval, payer.currency) not in wanted.prices:
            raise BillingRefused(
                _("%(plan)s is not sold in %(currency)s.") % {"plan": wanted.name, "currency": payer.currency},
                _("It is sold in %(currencies)s.") % {"currencies": ", ".join(wanted.currencies)},
            )
        taken = everywhere.get(payer.branch_id, 0)
        if count < max(taken, 1):
            raise BillingRefused(
                ngettext(
                    "%(payer)s has %(taken)s active member and needs more than %(count)s seats.",
                    "%(payer)s has %(taken)s active members and needs more than %(count)s seats.",
                    taken,
                )
                % {"payer": payer, "taken": f"{taken:,}", "count": f"{count:,}"},
                _("Choose more seats, or remove members first."),
            )
        total += count
    if set(choice.seats) != {payer.pk for payer, _term in subscription_state.holding()}:
        raise BillingRefused(_("Enter the number of seats for every payer."))
    if wanted.seats is not None and total > wanted.seats:
        raise BillingRefused(
            _("%(plan)s allows at most %(seats)s seats.") % {"plan": wanted.name, "seats": f"{wanted.seats:,}"},
            _("Choose fewer seats, or a larger plan."),
        )
    return wanted


def _write_terms(
    subscription_state: SubscriptionState, day: date, choice: PlanChoice | None, payers: Mapping[int, Payer]
) -> None:
    if choice is None:
        return
    chosen = plan(choice.plan)
    Term.objects.bulk_create(
        Term(
            account=subscription_state.account,
            payer_id=payer_id,
            starts_on=day,
            plan=chosen.key,
            interval=choice.interval,
            seats=count,
            unit_price=chosen.price(choice.interval, payers[payer_id].currency),
        )
        for payer_id, count in choice.seats.items()
    )


def _follow(subscription_state: SubscriptionState, now: PlanChoice | None) -> None:
    """Let the periods follow: paying yearly begins a period at once, and so does subscribing again."""
    agreed = subscription_state.agreed
    if agreed.is_cancelled(subscription_state.day):
        agreed.ends_on, agreed.suspended_on = None, None
        agreed.save()
        begin_period(subscription_state, subscription_state.day)
        return
    running = subscription_state.period()
    if now is not None and running is not None and running.interval != now.interval:
        running.ends_on = subscription_state.day
        running.save()
        begin_period(subscription_state, subscription_state.day)


def begin_period(subscription_state: SubscriptionState, starts_on: date) -> Period:
    """The period that begins on a day, with the interval that holds then."""
    interval = subscription_state.interval(starts_on)
    agreed = subscription_state.agreed
    last = subscription_state.periods[-1] if subscription_state.periods else None
    if last is None or last.interval != interval or last.ends_on != starts_on or agreed.anchor_on is None:
        agreed.anchor_on = starts_on
        agreed.save()
    ends_on = following(agreed.anchor_on, starts_on, interval)
    days = (ends_on - starts_on).days
    made = Period.objects.create(
        account=subscription_state.account, starts_on=starts_on, ends_on=ends_on, days=days, interval=interval
    )
    subscription_state.periods.append(made)
    return made


def cancel(account_id: int, *, actor: User | None, reason: str) -> date:
    """Cancel the subscription for the end of the period (of the trial, where that runs), and say when that is.

    The account can only be read from then on. Needs `manage_subscription`.

    Raises:
        BillingRefused: it is cancelled already.
        Refusal: as `acting` does, or the right is missing.
    """
    with acting(account_id, verb=verbs.CANCELLED, actor=actor, reason=reason) as (ground, subscription_state):
        need(ground, "manage_subscription", ground.account)
        agreed = subscribed(subscription_state).agreed
        if agreed.ends_on is not None:
            raise BillingRefused(
                _("The subscription of %(account)s is already cancelled.") % {"account": subscription_state.account}
            )
        ends_on = subscription_state.turns_on()
        if agreed.trial_ends_on is not None and subscription_state.period() is None:
            ends_on = max(agreed.trial_ends_on, subscription_state.day)
        agreed.ends_on = ends_on
        agreed.save()
        Entitle(account_id=account_id).within(ground)
    return ends_on


def keep(account_id: int, *, actor: User | None, reason: str) -> None:
    """Take a cancelling back before it has come to its day. Needs `manage_subscription`.

    Raises:
        BillingRefused: it is not cancelled, or over already.
        Refusal: as `acting` does, or the right is missing.
    """
    with acting(account_id, verb=verbs.KEPT, actor=actor, reason=reason) as (ground, subscription_state):
        need(ground, "manage_subscription", ground.account)
        agreed = subscribed(subscription_state).agreed
        if agreed.ends_on is None:
            raise BillingRefused(
                _("The subscription of %(account)s is not cancelled.") % {"account": subscription_state.account}
            )
        if agreed.is_cancelled(subscription_state.day):
            raise BillingRefused(
                _("The subscription of %(account)s has ended.") % {"account": subscription_state.account},
                _("Choose a plan to start again."),
            )
        agreed.ends_on = None
        agreed.save()


def set_growth(account_id: int, *, grows: bool, actor: User | None, reason: str) -> None:
    """Say whether an invitation beyond the seats adds one, or is refused. Needs `manage_subscription`.

    Raises:
        Refusal: as `acting` does, or the right is missing, or there is no subscription.
    """
    with acting(account_id, verb=verbs.GROWTH_CHANGED, actor=actor, reason=reason) as (ground, subscription_state):
        need(ground, "manage_subscription", ground.account)
        agreed = subscribed(subscription_state).agreed
        agreed.grows = grows
        agreed.save()


def bill_by(account_id: int, *, branches: bool, actor: User | None, reason: str) -> date:
    """Let each branch pay for itself, or the account for all; from the end of the period on, which is returned.

    Needs `manage_subscription`. Each payer begins with a seat for each of its members; what else was chosen for later
    is replaced.

    Raises:
        BillingRefused: it is so already.
        Refusal: as `acting` does, or the right is missing.
    """
    with acting(account_id, verb=verbs.BILLED_BY, actor=actor, reason=reason) as (ground, subscription_state):
        need(ground, "manage_subscription", ground.account)
        day = subscribed(subscription_state).turns_on()
        if subscription_state.by_branch(day) == branches:
            raise BillingRefused(_("Nothing to change: this is already the current setting."))
        Term.objects.filter(pk__in=[term.pk for term in subscription_state.coming()]).delete()
        holding = subscription_state.holding()
        stands = holding[0][1]
        payers = _payers(ground.account, holding[0][0], branches=branches)
        choice = PlanChoice(
            stands.plan,
            Interval(stands.interval),
            {payer.pk: max(seats_taken(account_id, payer.branch_id), 1) for payer in payers},
        )
        known = {payer.pk: payer for payer in payers} | subscription_state.payers
        _write_terms(subscription_state, day, choice, known)
        none = PlanChoice(stands.plan, Interval(stands.interval), {payer.pk: 0 for payer, _ in holding})
        _write_terms(subscription_state, day, none, known)
        Entitle(account_id=account_id).within(ground)
    return day


def _payers(account: Account, like: Payer, *, branches: bool) -> list[Payer]:
    """The account as a payer, or every open branch, with the details of one that pays now where they are new."""
    keys: list[int | None] = [None]
    if branches:
        opened = Branch.objects.filter(account=account, status=Branch.Status.ACTIVE)
        keys = [branch.pk for branch in opened.order_by("pk")]
    details = {name: getattr(like, name) for name in ("currency", "name", "address", "country", "vat_number", "email")}
    found = []
    for key in keys:
        payer = Payer.objects.filter(account=account, branch=key).first()
        found.append(payer or Payer.objects.create(account=account, branch_id=key, **details))
    return found
