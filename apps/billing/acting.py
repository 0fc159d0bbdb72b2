"""What every act of billing begins with: the account's lock, the actor's right behind it, one operation of the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.db import models, transaction
from django.utils.translation import gettext as _

from apps.access import policy
from apps.accounts.models import Branch, User
from apps.audit.services import operation
from apps.audit.verbs import Verb
from apps.billing.models import Payer
from apps.billing.refusals import BillingRefused
from apps.billing.subscription_state import SubscriptionState
from apps.changes.context import ChangeContext
from apps.changes.refusals import ActorInactive, NoSuchTarget, OperatorOnly, PermissionMissing, ReasonMissing


@contextmanager
def acting(
    account_id: int, *, verb: Verb, actor: User | None, reason: str, day: date | None = None
) -> Iterator[tuple[ChangeContext, SubscriptionState]]:
    """A transaction behind the account's lock, all of it one operation. `actor` None is the operator at the console.

    Raises:
        Refusal: the reason is blank, or there is no such account (for the actor).
    """
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        ground = ChangeContext.lock(account_id, actor, reason)
        if actor is not None:
            _check_presence(ground)
        with operation(verb=verb, actor=actor, reason=reason):
            yield ground, SubscriptionState(ground.account, day)


def _check_presence(ground: ChangeContext) -> None:
    facts = ground.acting().facts
    if not (facts.operator or facts.parent or facts.memberships):
        raise NoSuchTarget(_("That account doesn't exist."))
    if not facts.active:
        raise ActorInactive(_("Your user is deactivated."), _("Ask the platform's operators."))


def subscribed(subscription_state: SubscriptionState) -> SubscriptionState:
    """Return the subscription state of the account.

    Raises:
        BillingRefused: there is none.
    """
    if subscription_state.subscription is None:
        raise BillingRefused(
            _("%(account)s has no subscription.") % {"account": subscription_state.account}, _("Start a trial first.")
        )
    return subscription_state


def need(ground: ChangeContext, codename: str, place: models.Model) -> None:
    """Let the actor pass who holds the permission there.

    Raises:
        RightMissing: they do not.
    """
    if not policy.decide(ground.acting(), policy.asked_of(codename, place), place):
        raise PermissionMissing(codename, place)


def need_for_payer(ground: ChangeContext, codename: str, payer: Payer) -> None:
    """Let the actor pass who holds the permission on the payer's branch; for the whole account, on every open branch.

    Raises:
        RightMissing: they do not.
    """
    for branch in branches_of(ground, payer):
        need(ground, codename, branch)


def need_operator(ground: ChangeContext) -> None:
    """Let a platform operator pass, at the console or in an open session.

    Raises:
        OperatorOnly: the actor is not an operator.
    """
    if not ground.acting().operator:
        raise OperatorOnly(_("Only a platform operator can do this."), _("Ask the platform's operators."))


def branches_of(ground: ChangeContext, payer: Payer) -> list[Branch]:
    """The branches whose bills the payer's are."""
    if payer.branch_id is not None:
        return [ground.branch(payer.branch_id)]
    return [ground.branch(pk) for pk in sorted(ground.facts.open_branches)]
