"""What a choice would cost and change: the choice is made, measured, and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from apps.accounts.models import Account, Branch, User
from apps.billing.changes import Entitle
from apps.billing.invoicing import DraftInvoice, unbilled
from apps.billing.plans import FEATURES, plan
from apps.billing.sellers import seller
from apps.billing.subscribing import PlanChoice, PlanChoiceResult, put_down, weigh
from apps.billing.subscription_state import Entitlements, SubscriptionState
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff
from apps.changes.preview import preview


@dataclass(frozen=True, slots=True)
class Quote:
    """What comes of a choice: what is billed at once, what the plan gives and takes, and whose rights change.

    `log` says how far back the log is shown, where that changes.
    """

    chosen: PlanChoiceResult
    billed: Sequence[DraftInvoice]
    lost: Sequence[str]
    gained: Sequence[str]
    rights: Sequence[str]
    log: str


@dataclass(frozen=True, kw_only=True)
class _TrialEntitle(Entitle):
    """What the account may use in the end, with what is agreed and billed on the way there."""

    chosen: PlanChoiceResult
    billed: list[DraftInvoice] = field(default_factory=list)

    def accompany(self, ground: ChangeContext) -> None:
        """Write the choice and compute what it bills."""
        put_down(SubscriptionState(ground.account), self.chosen)
        self.billed.extend(unbilled(SubscriptionState(ground.account), seller()))


def quote(account: Account, choice: PlanChoice, *, actor: User | None, rights: bool = True) -> Quote:
    """Try the choice; whose rights change is left out where it is told elsewhere.

    Raises:
        Refusal: as `choose` does.
    """
    subscription_state = SubscriptionState(account)
    before, chosen = subscription_state.entitlements(), weigh(subscription_state, choice)
    after = _in_the_end(subscription_state, chosen)
    tried = _TrialEntitle(account_id=account.pk, given=after, chosen=chosen)
    told: list[str] = []
    if rights:
        told.extend(preview(tried, actor=actor).lines())
    else:
        tried.observe(_NoMeasuring(), actor=actor)
    had, has = before.features or frozenset(), after.features or frozenset()
    # A trial that the database breaks off is made again.
    billed = {draft.payer.pk: draft for draft in tried.billed}
    log = "" if before.log_days == after.log_days else log_told(after.log_days)
    return Quote(chosen, list(billed.values()), _named(had - has), _named(has - had), told, log)


def rights_of(account: Account, choice: PlanChoice) -> Entitle:
    """The change of access that the choice comes to in the end.

    Raises:
        Refusal: as `choose` does.
    """
    subscription_state = SubscriptionState(account)
    return Entitle(account_id=account.pk, given=_in_the_end(subscription_state, weigh(subscription_state, choice)))


def _in_the_end(subscription_state: SubscriptionState, chosen: PlanChoiceResult) -> Entitlements:
    choice = chosen.later or chosen.now
    return subscription_state.entitlements() if choice is None else _given_by(subscription_state, choice)


class _NoMeasuring:
    """Looks at nothing."""

    def before(self, ground: ChangeContext, diff: Diff) -> None:
        """See `Observer`."""

    def planned(self, ground: ChangeContext) -> None:
        """See `Observer`."""

    def after(self, ground: ChangeContext) -> None:
        """See `Observer`."""


def _given_by(subscription_state: SubscriptionState, choice: PlanChoice) -> Entitlements:
    features, days = plan(choice.plan).features, plan(choice.plan).audit_days
    seats = {subscription_state.payers[payer_id].branch_id: count for payer_id, count in choice.seats.items()}
    if None in seats:
        return Entitlements(features, sum(seats.values()), log_days=days)
    every = Branch.objects.filter(account=subscription_state.account).values_list("pk", flat=True)
    return Entitlements(features, None, {pk: seats.get(pk, 0) for pk in every}, log_days=days)


def log_told(days: int | None) -> str:
    """Return in words how far back the audit log is shown."""
    return _("the whole audit log") if days is None else _("entries of the last %(days)s days") % {"days": f"{days:,}"}


def _named(features: frozenset[str]) -> list[str]:
    return [str(label) for key, label in FEATURES.items() if key in features]
