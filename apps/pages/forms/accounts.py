"""What is changed of the account itself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.access.context import AccessContext
from apps.accounts.models import EVERYONE, Account, validate_currency
from apps.audit.text import SingleLineInput
from apps.changes.accounts import ChangeAccount, CloseAccount, KeepAccount, why_currency_stays
from apps.changes.base import Change
from apps.changes.transfer import TransferOwnership
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import id_field, roles
from apps.pages.forms.picker import PersonField
from apps.pages.forms.pool import PickablePeople
from apps.roles.models import Role
from apps.teams.models import Membership

LONGEST_NAME = 150
NOBODY, SOME = "nobody", "some"


class SecondFactorForm(ChangeForm):
    """Who must set up two-factor authentication."""

    title = _("Two-factor authentication")
    help = _(
        "Members sign in with an authenticator app or a passkey as well. Members who need it must set it up "
        "before they see the account."
    )
    needs = ("change_account",)
    columns = ("second_factor",)

    def build(self) -> None:
        asked = set(self.row.second_factor)
        usable = Role.objects.usable_in(self.row.pk, self.row.scheme).order_by("kind", "-rank", "name")
        self.fields["who"] = forms.ChoiceField(
            label=_("Required for"),
            choices=[(NOBODY, _("Nobody")), (EVERYONE, _("Everyone")), (SOME, _("Members with these roles:"))],
            initial=EVERYONE if EVERYONE in asked else SOME if asked else NOBODY,
            widget=forms.RadioSelect,
        )
        self.fields["roles"] = forms.MultipleChoiceField(
            label=_("Roles"),
            choices=[(role.key, role.name) for role in usable],
            initial=sorted(asked - {EVERYONE}),
            widget=forms.CheckboxSelectMultiple,
            required=False,
        )

    def clean(self) -> dict[str, Any]:
        """Roles are named where they are to say it."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("who") == SOME and not data.get("roles"):
            self.add_error("roles", _("Choose at least one role."))
        return data

    def change(self) -> Change:
        who = self.cleaned_data["who"]
        asked = {NOBODY: [], EVERYONE: [EVERYONE]}.get(who, self.cleaned_data["roles"])
        return ChangeAccount(account_id=self.account_id, second_factor=asked, seen=self.seen_values)


class CapitalsField(forms.CharField):
    """A short text that is meant in capital letters, however it is typed."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).upper()


class AccountForm(ChangeForm):
    """What the account is called, and the currency that amounts begin with."""

    title = _("Save")
    needs = ("change_account",)
    columns = ("name", "currency")

    def build(self) -> None:
        self.fields["name"] = SingleLineInput(label=_("Name"), max_length=LONGEST_NAME, initial=self.row.name)
        why = why_currency_stays(self.row)
        self.fields["currency"] = CapitalsField(
            label=_("Currency"),
            max_length=3,
            initial=self.row.currency,
            disabled=bool(why),
            validators=[validate_currency],
            help_text=why or _("Three letters, such as EUR. Existing amounts keep their currency."),
        )

    def change(self) -> Change:
        data = self.cleaned_data
        return ChangeAccount(
            account_id=self.account_id, name=data["name"], currency=data["currency"], seen=self.seen_values
        )


class CloseAccountForm(ChangeForm):
    """The account is to be closed, after the waiting period."""

    title = _("Close account")
    danger = True
    needs = ("delete_account",)

    def build(self) -> None:
        self.fields["name"] = forms.CharField(label=_("The account’s name"), help_text=_("Enter the name to confirm."))

    def clean_name(self) -> str:
        """The very name."""
        name = str(self.cleaned_data["name"])
        if name != self.row.name:
            raise forms.ValidationError(_("This doesn’t match the account’s name."))
        return name

    def change(self) -> Change:
        return CloseAccount(account_id=self.account_id)


class KeepAccountForm(ChangeForm):
    """The closing is taken back."""

    title = _("Keep account")
    help = _("The account will not be closed.")
    needs = ("delete_account",)

    def change(self) -> Change:
        return KeepAccount(account_id=self.account_id)


class TransferForm(ChangeForm):
    """Transfer the single top role."""

    title = _("Transfer ownership")
    danger = True
    needs = ("transfer_account",)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        system = row.role_system
        if system.single_role is None:
            return _("%(system)s has no role with a single holder. Change the members’ roles instead.") % {
                "system": system.name
            }
        return ""

    def build(self) -> None:
        holder = single_holder(self.row)
        places = [holder.branch_id] if holder is not None else []
        others = PickablePeople(
            self.access, on=frozenset(places), but=frozenset([holder.user_id] if holder is not None else [])
        )
        self.fields["to"] = PersonField(others, label=_("New owner"))
        self.fields["previous"] = id_field(
            roles(self.access, Role.Kind.BRANCH), label=str(_("New role of the current owner"))
        )

    def change(self) -> Change:
        return TransferOwnership(
            account_id=self.account_id,
            to_user_id=self.cleaned_data["to"],
            previous_role_id=self.cleaned_data["previous"],
        )


def single_holder(account: Account) -> Membership | None:
    """Return the holder of the single top role; None where the role system has none."""
    single = account.role_system.single_role
    if single is None:
        return None
    memberships = Membership.objects.active().filter(
        account=account, role__key=single.key, role__scheme=account.scheme, role__account_id=None
    )
    return memberships.select_related("user").first()
