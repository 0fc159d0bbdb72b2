"""Who an invoice is written to: name, address, VAT number, currency, and where it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.models import User, validate_currency
from apps.audit.text import validate_multi_line, validate_single_line
from apps.billing import verbs
from apps.billing.acting import acting, need_for_payer, subscribed
from apps.billing.changes import Entitle
from apps.billing.models import Invoice, Payer, Term
from apps.billing.models.base import validate_address, validate_country
from apps.billing.refusals import BillingRefused
from apps.billing.subscription_state import today
from apps.billing.tax import compact, fault

NAMES = ("name", "address", "country", "vat_number", "email", "currency")


def change_details(
    account_id: int, payer_id: int, details: Mapping[str, str], *, actor: User | None, reason: str
) -> Payer:
    """Give a payer these details; what is left out stays. Needs `manage_billing` on the branches that it pays for.

    Where a trial is over and only the details were missing, what was read-only for it begins to be paid today.

    Raises:
        BillingRefused: there is no such payer, or a detail is not written as it should be; another currency is
            refused once there is an invoice.
        Refusal: as `acting` does, or the right is missing.
    """
    with acting(account_id, verb=verbs.DETAILS_CHANGED, actor=actor, reason=reason) as (ground, subscription_state):
        payer = subscribed(subscription_state).payers.get(payer_id)
        if payer is None:
            raise BillingRefused(_("That payer doesn't exist in %(account)s.") % {"account": ground.account})
        need_for_payer(ground, "manage_billing", payer)
        currency = payer.currency
        for name, value in _checked(payer, details).items():
            setattr(payer, name, value)
        if payer.currency != currency:
            _reprice(payer, currency)
        payer.save()
        agreed = subscription_state.agreed
        waited = agreed.suspended_on is not None and not subscription_state.periods
        waited = waited and all(each.is_complete for each, _ in subscription_state.holding())
        if waited:
            agreed.suspended_on, agreed.trial_ends_on = None, today()
            agreed.save()
    if waited:
        Entitle(account_id=account_id).apply(actor=None, reason="The billing details are complete")
    return payer


# What is said of the texts that are too long.
TEXTS = {
    "name": gettext_lazy("name"),
    "address": gettext_lazy("address"),
    "vat_number": gettext_lazy("vat number"),
}


CHECKS: Sequence[tuple[str, Callable[[Any], None]]] = (
    ("name", validate_single_line),
    ("address", validate_multi_line),
    ("vat_number", validate_single_line),
    ("country", validate_country),
    ("email", validate_email),
    ("email", validate_single_line),
    ("currency", validate_currency),
)


def _checked(payer: Payer, details: Mapping[str, str]) -> dict[str, str]:
    found = {name: details[name].strip() for name in NAMES if name in details}
    if "address" in found:
        found["address"] = _address(found["address"])
    if unknown := details.keys() - set(NAMES):
        raise BillingRefused(_("“%(name)s” is not a billing detail.") % {"name": min(unknown)})
    for name, check in CHECKS:
        if found.get(name):
            try:
                check(found[name])
            except ValidationError as error:
                raise BillingRefused(
                    _("“%(value)s” is not valid: %(why)s") % {"value": found[name], "why": error.messages[0]}
                ) from None
    if found.get("vat_number"):
        found["vat_number"] = compact(found["vat_number"])
    number = found.get("vat_number", payer.vat_number)
    # A number that stays has to be one of the country to which they moved.
    wrong = fault(number, found.get("country", payer.country)) if found.keys() & {"vat_number", "country"} else ""
    if number and wrong:
        raise BillingRefused(wrong, _("Correct it, or leave it empty."))
    for name in TEXTS:
        longest = Payer._meta.get_field(name).max_length or 0  # type: ignore[union-attr] # fields of text
        if len(found.get(name, "")) > longest:
            raise BillingRefused(
                _("The %(name)s is longer than %(longest)s characters.")
                % {"name": str(TEXTS[name]), "longest": f"{longest:,}"}
            )
    if not found.get("currency", payer.currency):
        raise BillingRefused(_("Choose a currency for the payer."))
    return found


def _address(text: str) -> str:
    """The address with its lines apart by one newline each, and none of them empty.

    Raises:
        BillingRefused: it has too many lines.
    """
    address = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    try:
        validate_address(address)
    except ValidationError as error:
        raise BillingRefused(error.messages[0]) from None
    return address


def _reprice(payer: Payer, before: str) -> None:
    """Nothing has been billed yet, so what was agreed costs what it costs in the other currency."""
    if Invoice.objects.filter(payer=payer).exists():
        raise BillingRefused(
            _("%(payer)s already has invoices in %(currency)s, so its currency can't change.")
            % {"payer": payer, "currency": before},
            _("Choose another branch as payer, with its own currency."),
        )
    for term in Term.objects.filter(payer=payer):
        chosen = term.plan_data
        if payer.currency not in chosen.currencies:
            raise BillingRefused(
                _("%(plan)s is not sold in %(currency)s.") % {"plan": chosen.name, "currency": payer.currency}
            )
        term.unit_price = next(
            price
            for (each, currency), price in chosen.prices.items()
            if (each, currency) == (term.interval, payer.currency)
        )
        term.save()
