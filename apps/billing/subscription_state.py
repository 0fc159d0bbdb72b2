"""An account's subscription on a given day, derived from subscription, payers, terms and periods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property

from django.db.models import Count
from django.utils import timezone

from apps.accounts.models import Account, Branch, User
from apps.billing.models import Payer, Period, Subscription, Term
from apps.billing.plans import Interval, Plan
from apps.billing.proration import Price
from apps.teams.models import Membership


class SubscriptionStatus(StrEnum):
    """What people call the state of a subscription."""

    TRIAL = "trial"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


def today() -> date:
    """The day that counts for billing: days begin at midnight UTC, everywhere."""
    return timezone.now().date()


@dataclass(frozen=True)
class Entitlements:
    """What an account may use. None is no limit. `branch_seats` are those of branches that pay for themselves."""

    features: frozenset[str] | None = None
    seats: int | None = None
    branch_seats: Mapping[int, int] = field(default_factory=dict)
    read_only: bool = False
    log_days: int | None = None


class SubscriptionState:
    """What an account has agreed to, read once. `day` is the day that is asked about."""

    def __init__(self, account: Account, day: date | None = None) -> None:
        self.account = account
        self.day = day or today()
        self.subscription = Subscription.objects.filter(account=account).first()
        self.payers = {
            payer.pk: payer for payer in Payer.objects.filter(account=account).select_related("branch").order_by("pk")
        }
        self.terms: dict[int, list[Term]] = defaultdict(list)
        for term in Term.objects.filter(account=account).order_by("starts_on", "pk"):
            self.terms[term.payer_id].append(term)
        for payer in self.payers.values():
            payer.account = account

    @cached_property
    def periods(self) -> list[Period]:
        """The account's periods, the earliest first."""
        return list(Period.objects.filter(account=self.account).order_by("starts_on", "pk"))

    @property
    def agreed(self) -> Subscription:
        """The subscription of an account that has one.

        Raises:
            Subscription.DoesNotExist: it has none.
        """
        if self.subscription is None:
            raise Subscription.DoesNotExist(f"{self.account} has no subscription.")
        return self.subscription

    def term(self, payer_id: int, day: date | None = None) -> Term | None:
        """What holds for a payer on a day."""
        begun = [term for term in self.terms[payer_id] if term.starts_on <= (day or self.day)]
        return begun[-1] if begun else None

    def holding(self, day: date | None = None) -> list[tuple[Payer, Term]]:
        """Those who pay on a day, each with what holds then."""
        found = ((payer, self.term(payer.pk, day)) for payer in self.payers.values())
        return [(payer, term) for payer, term in found if term is not None and term.seats]

    def coming(self) -> list[Term]:
        """The changes that are to come."""
        return [term for terms in self.terms.values() for term in terms if term.starts_on > self.day]

    def plan(self, day: date | None = None) -> Plan | None:
        """The plan of a day; it is the same for all who pay."""
        return next((term.plan_data for _, term in self.holding(day)), None)

    def interval(self, day: date | None = None) -> Interval:
        """How often they pay."""
        return next((Interval(term.interval) for _, term in self.holding(day)), Interval.MONTH)

    def period(self) -> Period | None:
        """The period that the day is in."""
        return next((each for each in reversed(self.periods) if each.starts_on <= self.day < each.ends_on), None)

    def turns_on(self) -> date:
        """The day on which what is agreed can become less: the end of the period, or this day where none runs."""
        period = self.period()
        return self.day if period is None else period.ends_on

    def prices(self, payer_id: int) -> list[Price]:
        """What a whole period costs a payer, from which day on."""
        return [Price(term.starts_on, term.seats * term.unit_price) for term in self.terms[payer_id]]

    def by_branch(self, day: date | None = None) -> bool:
        """Whether the branches pay each for themselves."""
        return any(payer.branch_id is not None for payer, _ in self.holding(day))

    @property
    def state(self) -> SubscriptionStatus | None:
        """The subscription's state on the day; None where there is none."""
        agreed = self.subscription
        if agreed is None:
            return None
        if agreed.is_cancelled(self.day):
            return SubscriptionStatus.CANCELLED
        if agreed.suspended_on is not None:
            return SubscriptionStatus.SUSPENDED
        return SubscriptionStatus.TRIAL if agreed.is_trial(self.day) else SubscriptionStatus.ACTIVE

    def entitlements(self) -> Entitlements:
        """What the account may use on the day."""
        plan = self.plan()
        if self.subscription is None or plan is None:
            return Entitlements()
        holding = self.holding()
        read_only = self.state in (SubscriptionStatus.SUSPENDED, SubscriptionStatus.CANCELLED)
        if not self.by_branch():
            seats = sum(term.seats for _, term in holding)
            return Entitlements(plan.features, seats, {}, read_only, plan.audit_days)
        paid = {payer.branch_id: term.seats for payer, term in holding if payer.branch_id is not None}
        every = Branch.objects.filter(account=self.account).values_list("pk", flat=True)
        return Entitlements(plan.features, None, {pk: paid.get(pk, 0) for pk in every}, read_only, plan.audit_days)


def seats_taken(account_id: int, branch_id: int | None = None) -> int:
    """Return the number of active members of the account or the branch; each person counts once."""
    members = Membership.objects.active().filter(
        account=account_id, user__is_active=True, branch__status=Branch.Status.ACTIVE
    )
    if branch_id is not None:
        members = members.filter(branch=branch_id)
    return User.objects.filter(pk__in=members.values("user")).count()


def all_seats_taken(account_id: int) -> Mapping[int | None, int]:
    """`seats_taken` of every branch with members, and under None of the account, in two queries."""
    members = Membership.objects.active().filter(account=account_id, user__is_active=True).order_by()
    by_branch = members.values("branch").annotate(people=Count("user")).values_list("branch", "people")
    return {**dict(by_branch), None: members.aggregate(people=Count("user", distinct=True))["people"]}
