"""Choosing the plan, who pays, and whether it goes on."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access.context import AccessContext
from apps.accounts import datetime_formats
from apps.billing import subscribing
from apps.billing.forms import BeginForm, CancelForm, ChooseForm, HowForm
from apps.billing.invoicing import DraftInvoice, issue_now
from apps.billing.money import written
from apps.billing.plans import plan
from apps.billing.quoting import quote, rights_of
from apps.billing.subscribing import PlanChoice
from apps.billing.subscription_state import SubscriptionState, SubscriptionStatus
from apps.billing.views.acts import answer
from apps.changes.base import Change
from apps.changes.previews.queued import concerns_many
from apps.pages.views.page import page


@page("manage_subscription", sends=True)
def choose(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Another plan, interval or number of seats; what is more holds at once, what is less later."""
    subscription_state = _book(access)
    form = ChooseForm(request.POST or None, subscription_state=subscription_state)

    def act(reason: str) -> None:
        subscribing.choose(access.account_id, form.choice(), actor=access.user, reason=reason)
        issue_now(access.account_id)

    def queued() -> Change | None:
        change = rights_of(subscription_state.account, form.choice())
        return change if concerns_many(change, actor=access.user) else None

    return answer(
        request,
        access,
        form,
        tried=lambda: _quoted(subscription_state, form.choice(), access, rights=queued() is None),
        act=act,
        queued=queued,
        template="pages/billing/choose.html",
    )


@page("manage_subscription", sends=True)
def begin(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """A trial, where there is no subscription yet."""
    account = access.account
    assert account is not None
    if SubscriptionState(account).subscription is not None:
        raise Http404
    form = BeginForm(request.POST or None)

    def tried() -> Iterator[str]:
        yield _("%(plan)s is free for %(days)s days.") % {
            "days": subscribing.TRIAL.days,
            "plan": plan(subscribing.TRIAL_PLAN).name,
        }
        yield _("Billing then starts. Without billing details, the account becomes read-only.")

    return answer(
        request,
        access,
        form,
        tried=tried,
        act=lambda reason: subscribing.begin(account, actor=access.user, reason=reason),
    )


@page("manage_subscription", sends=True)
def how(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Who pays, and whether seats grow."""
    subscription_state = _book(access)
    turns_on = subscription_state.turns_on()
    stands = {
        "payers": "branches" if subscription_state.by_branch(turns_on) else "account",
        "grows": subscription_state.agreed.grows,
    }
    form = HowForm(request.POST or None, initial=stands)

    def act(reason: str) -> None:
        if form.cleaned_data["payers"] != stands["payers"]:
            branches = form.cleaned_data["payers"] == "branches"
            subscribing.bill_by(access.account_id, branches=branches, actor=access.user, reason=reason)
        if form.cleaned_data["grows"] != stands["grows"]:
            grows = form.cleaned_data["grows"]
            subscribing.set_growth(access.account_id, grows=grows, actor=access.user, reason=reason)

    def tried() -> Iterator[str]:
        if form.cleaned_data["payers"] != stands["payers"]:
            day = datetime_formats.written(turns_on, datetime_formats.DateTimeForm.LONG_DAY)
            if form.cleaned_data["payers"] == "branches":
                yield _("From %(day)s, each branch has its own seats and invoices.") % {"day": day}
            else:
                yield _("From %(day)s, one invoice covers all branches.") % {"day": day}
        if form.cleaned_data["grows"] and not stands["grows"]:
            yield _("An invitation beyond the seat limit adds a seat, billed by the day.")
        elif stands["grows"] and not form.cleaned_data["grows"]:
            yield _("Invitations beyond the seat limit are declined.")

    return answer(request, access, form, tried=tried, act=act)


@page("manage_subscription", sends=True)
def cancel(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The end of the subscription with its period; once it is cancelled, taking that back."""
    subscription_state = _book(access)
    form = CancelForm(request.POST or None)
    cancelled = subscription_state.agreed.ends_on is not None
    form.danger = not cancelled
    form.title = _("Keep the subscription") if cancelled else _("Cancel the subscription")

    def act(reason: str) -> None:
        change = subscribing.keep if cancelled else subscribing.cancel
        change(access.account_id, actor=access.user, reason=reason)

    def tried() -> Iterator[str]:
        if cancelled:
            yield _("The subscription continues as before.")
            return
        ends_on = (
            subscription_state.agreed.trial_ends_on
            if subscription_state.state is SubscriptionStatus.TRIAL
            else subscription_state.turns_on()
        )
        day = datetime_formats.written(ends_on or subscription_state.day, datetime_formats.DateTimeForm.LONG_DAY)
        yield _("From %(day)s, the account is read-only.") % {"day": day}
        yield _("No data is deleted. Choose a plan to start again.")

    return answer(request, access, form, tried=tried, act=act)


def _book(access: AccessContext) -> SubscriptionState:
    assert access.account is not None
    subscription_state = SubscriptionState(access.account)
    if subscription_state.subscription is None or not subscription_state.holding():
        raise Http404
    return subscription_state


def _quoted(
    subscription_state: SubscriptionState, choice: PlanChoice, access: AccessContext, *, rights: bool
) -> Iterator[str]:
    found = quote(subscription_state.account, choice, actor=access.user, rights=rights)
    if found.chosen.now is not None:
        yield _("From today: %(what)s.") % {"what": _in_words(subscription_state, found.chosen.now)}
    if found.chosen.later is not None and found.chosen.later_on is not None:
        day = datetime_formats.written(found.chosen.later_on, datetime_formats.DateTimeForm.LONG_DAY)
        yield _("From %(day)s: %(what)s.") % {"day": day, "what": _in_words(subscription_state, found.chosen.later)}
    for draft in found.billed:
        yield _billed(draft)
    if found.gained:
        yield _("Added: %(features)s.") % {"features": ", ".join(found.gained)}
    if found.lost:
        yield _("Removed: %(features)s.") % {"features": ", ".join(found.lost)}
    if found.log:
        yield _("The audit log then shows: %(log)s. No entries are deleted.") % {"log": found.log}
    if found.gained or found.lost:
        yield from found.rights


def _billed(draft: DraftInvoice) -> str:
    total, tax = written(draft.total, draft.payer.currency), written(draft.tax, draft.payer.currency)
    if not draft.tax:
        return _("An invoice for %(total)s is sent immediately.") % {"total": total}
    return _("An invoice for %(total)s, including %(tax)s tax, is sent immediately.") % {"total": total, "tax": tax}


def _in_words(subscription_state: SubscriptionState, choice: PlanChoice) -> str:
    chosen = plan(choice.plan)
    parts = []
    for payer_id, seats in choice.seats.items():
        payer = subscription_state.payers[payer_id]
        cost = written(chosen.price(choice.interval, payer.currency) * seats, payer.currency)
        words = ngettext("%(seats)s seat, %(cost)s", "%(seats)s seats, %(cost)s", seats)
        parts.append(words % {"seats": f"{seats:,}", "cost": cost})
    each = _("a year") if choice.interval == "year" else _("a month")
    return f"{chosen.name}, {'; '.join(parts)} {each}"
