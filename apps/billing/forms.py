"""The forms of the billing pages. Each one ends with a reason for the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.audit.forms import ReasonField
from apps.audit.text import MultiLineInput, SingleLineEmailInput, SingleLineInput
from apps.billing.models import Payer
from apps.billing.models.base import ADDRESS_CHARACTERS, validate_address
from apps.billing.money import written
from apps.billing.plans import Interval, plans
from apps.billing.subscribing import PlanChoice
from apps.billing.subscription_state import SubscriptionState, all_seats_taken

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

INTERVALS = {Interval.MONTH: _("Monthly"), Interval.YEAR: _("Yearly")}


class ActForm(forms.Form):
    """A change of billing, with a reason."""

    title: StrOrPromise = ""
    danger = False
    help = ""

    reason = ReasonField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The reason is shown in the audit log."),
        error_messages={"required": _("Enter a reason.")},
    )

    def asked(self) -> list[tuple[str, str]]:
        """What was filled in, in words, for the page of the preview."""
        found = []
        for field in self.visible_fields():
            value = self.cleaned_data.get(field.name)
            labels = {str(key): str(label) for key, label in getattr(field.field, "choices", ())}
            if field.name != "reason" and value not in (None, ""):
                words = _yes(value) if isinstance(value, bool) else labels.get(str(value), str(value))
                found.append((str(field.label), words))
        return found


class ChooseForm(ActForm):
    """Plan, interval, and the seats of each payer."""

    title = _("Change plan")
    plan = forms.ChoiceField(label=_("Plan"), widget=forms.RadioSelect)
    interval = forms.ChoiceField(label=_("Billing interval"), widget=forms.RadioSelect)

    def __init__(self, data: Any = None, *, subscription_state: SubscriptionState) -> None:
        super().__init__(data)
        self.book = subscription_state
        holding = subscription_state.holding()
        taken = all_seats_taken(subscription_state.account.pk)
        currency = holding[0][0].currency
        self.payers = [payer for payer, _term in holding]
        self.fields["plan"] = forms.ChoiceField(
            label=_("Plan"),
            widget=forms.RadioSelect,
            choices=[
                (
                    each.key,
                    _("%(each)s, %(written)s per seat and month")
                    % {"each": each.name, "written": written(each.price(Interval.MONTH, currency), currency)},
                )
                for each in plans().values()
                if currency in each.currencies
            ],
            initial=holding[0][1].plan,
        )
        self.fields["interval"] = forms.ChoiceField(
            label=_("Billing interval"),
            widget=forms.RadioSelect,
            choices=[(str(key), label) for key, label in INTERVALS.items()],
            initial=str(subscription_state.interval()),
            help_text=_("With yearly billing, two months are free."),
        )
        for payer, term in holding:
            self.fields[f"seats_{payer.pk}"] = forms.IntegerField(
                label=_("Seats") if len(holding) == 1 else _("Seats of %(payer)s") % {"payer": payer},
                min_value=1,
                max_value=100_000,
                initial=term.seats,
                help_text=_("%(count)s in use.") % {"count": taken.get(payer.branch_id, 0)},
            )
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def choice(self) -> PlanChoice:
        """What was chosen; called with valid data."""
        return PlanChoice(
            self.cleaned_data["plan"],
            Interval(self.cleaned_data["interval"]),
            {payer.pk: self.cleaned_data[f"seats_{payer.pk}"] for payer in self.payers},
        )


class DetailsForm(ActForm):
    """Who the invoices are written to."""

    title = _("Change billing details")
    name = SingleLineInput(label=_("Name on the invoice"), max_length=150)
    address = MultiLineInput(
        label=_("Address"),
        max_length=ADDRESS_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        validators=[validate_address],
    )
    country = forms.CharField(
        label=_("Country"), max_length=2, help_text=_("Two-letter code, such as DE. The tax depends on it.")
    )
    vat_number = SingleLineInput(label=_("VAT number"), max_length=20, required=False)
    email = SingleLineEmailInput(label=_("Email for invoices"), max_length=254)
    currency = forms.ChoiceField(label=_("Currency"))

    def __init__(self, data: Any = None, *, payer: Payer, fixed: bool) -> None:
        names = ("name", "address", "country", "vat_number", "email", "currency")
        super().__init__(data, initial={name: getattr(payer, name) for name in names})
        sold = sorted({currency for each in plans().values() for currency in each.currencies} | {payer.currency})
        offered = [payer.currency] if fixed else sold
        self.fields["currency"] = forms.ChoiceField(
            label=_("Currency"),
            choices=[(each, each) for each in offered],
            help_text=_("It can't change because there are invoices in this currency.") if fixed else "",
        )
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def clean_country(self) -> str:
        """In capitals, as it is stored."""
        return str(self.cleaned_data["country"]).upper()

    def details(self) -> dict[str, str]:
        """What was filled in; called with valid data."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}


class HowForm(ActForm):
    """Who pays, and what happens when the seats run out."""

    title = _("Change payer")
    payers = forms.ChoiceField(
        label=_("Payer"),
        widget=forms.RadioSelect,
        choices=[("account", _("The whole account")), ("branches", _("Each branch separately"))],
        help_text=_("The change takes effect at the end of the current billing period."),
    )
    grows = forms.BooleanField(
        label=_("Add a seat when an invitation exceeds the seat limit"),
        required=False,
        help_text=_("Otherwise the invitation is declined and shows the cost of another seat."),
    )


class BeginForm(ActForm):
    """The beginning of a trial."""

    title = _("Start trial")


class CancelForm(ActForm):
    """The end of the subscription, or its being kept."""

    danger = True


def _yes(value: bool) -> str:
    return str(_("Yes") if value else _("No"))
