"""What is changed of the account itself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.access.changes.accounts import ChangeAccount
from apps.access.changes.base import Change
from apps.access.forms.base import ChangeForm
from apps.accounts.models import EVERYONE
from apps.roles.models import Role

NOBODY, SOME = "nobody", "some"


class SecondFactorForm(ChangeForm):
    """Of whom a second factor is asked."""

    title = "Second factor"
    help = (
        "Beside the password: an authenticator app or a passkey. Whoever needs one and has none is led to set it up, "
        "and sees nothing of the account until then."
    )
    needs = ("change_account",)
    columns = ("second_factor",)

    def build(self) -> None:
        asked = set(self.row.second_factor)
        usable = Role.objects.usable_in(self.row.pk, self.row.scheme).order_by("kind", "-rank", "name")
        self.fields["who"] = forms.ChoiceField(
            label=_("Who needs one"),
            choices=[(NOBODY, _("Nobody")), (EVERYONE, _("Everyone")), (SOME, _("Who holds one of these roles:"))],
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
            self.add_error("roles", _("Choose the roles."))
        return data

    def change(self) -> Change:
        who = self.cleaned_data["who"]
        asked = {NOBODY: [], EVERYONE: [EVERYONE]}.get(who, self.cleaned_data["roles"])
        return ChangeAccount(account_id=self.account_id, second_factor=asked, seen=self.seen_values)
