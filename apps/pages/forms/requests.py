"""Access requests: made, decided, withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access import records
from apps.access.context import AccessContext
from apps.changes.base import Change
from apps.changes.guards.needs import shared_verb
from apps.changes.requests import ApproveRequest, DeclineRequest, RequestAccess, WithdrawRequest
from apps.pages.access_requests import DECIDES, SHARES, Status, own_branches
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import branches, end_field, id_field, permissions_field, scope_field
from apps.roles import catalogue

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class AskForm(ChangeForm):
    """Request a permission; the reason is the text of the request."""

    title = gettext_lazy("Request access")
    help: StrOrPromise = gettext_lazy("A person who can grant it decides. They read your reason.")
    record_type = forms.CharField(required=False, widget=forms.HiddenInput)
    record_id = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def build(self) -> None:
        self.fields["permission"] = permissions_field()
        own = own_branches(self.access)
        only = own[0].pk if len(own) == 1 else None
        self.fields["branch"] = id_field(branches(own), label=_("Branch"), initial=only)
        self.fields["scope"] = scope_field(None)
        named = self.data if self.is_bound else self.initial
        if named.get("record_id"):
            self.fields["scope"].widget = forms.HiddenInput()
            self.fields["branch"].widget = forms.HiddenInput()
            alone = _("For %(record)s only.") % {"record": self._record(named)}
            self.help = f"{alone} {self.help}"

    def _record(self, named: Any) -> str:
        """Return the record of the request, where the person sees it."""
        record_type, pk = str(named.get("record_type")), str(named.get("record_id"))
        if record_type not in records.registered() or not pk.isdecimal() or len(pk) > 18:
            return _("a record")
        found = self.access.rows(f"view_{record_type}", record_type).filter(pk=int(pk)).first()
        return f"{found} ({found.reference})" if found is not None else _("a record")

    def clean(self) -> dict[str, Any]:
        """A request names a whole record or none."""
        data = super().clean() or self.cleaned_data
        if data.get("record_type") and data["record_type"] not in records.registered():
            raise forms.ValidationError(_("That record doesn't exist."))
        if bool(data.get("record_type")) != bool(data.get("record_id")):
            raise forms.ValidationError(_("That record doesn't exist."))
        return data

    def change(self) -> Change:
        data = self.cleaned_data
        return RequestAccess(
            account_id=self.account_id,
            branch_id=data["branch"],
            permission=data["permission"],
            scope=data["scope"],
            record_type=data["record_type"],
            record_id=data["record_id"],
        )


class OpenRequestForm(ChangeForm):
    """Decide a pending request of another person."""

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == Status.OPEN and row.user_id != access.user.pk)

    @classmethod
    def lacking(cls, access: AccessContext, row: Any) -> Any:
        """Return the permission that granting it needs."""
        record = row.find_record() if shared_verb(row) else None
        codename, place = (DECIDES, row.branch) if record is None else (SHARES, record)
        return None if access.may(codename, place) else (codename, place)


class ApproveForm(OpenRequestForm):
    """Approve a request: as an override, perhaps with an end date, or as a share of the record."""

    title = gettext_lazy("Approve")

    def build(self) -> None:
        if shared_verb(self.row) is None:
            self.fields["scope"] = scope_field(catalogue.get(self.row.permission), self.row.scope)
            self.fields["expires_at"] = end_field()

    def change(self) -> Change:
        data = self.cleaned_data
        return ApproveRequest(
            account_id=self.account_id,
            request_id=self.row.pk,
            scope=data.get("scope"),
            expires_at=data.get("expires_at"),
        )


class DeclineForm(OpenRequestForm):
    """Nothing is given."""

    title = gettext_lazy("Decline")
    danger = True

    def change(self) -> Change:
        return DeclineRequest(account_id=self.account_id, request_id=self.row.pk)


class WithdrawForm(ChangeForm):
    """Withdraw the person's own request."""

    title = gettext_lazy("Withdraw")

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == Status.OPEN and row.user_id == access.user.pk)

    def change(self) -> Change:
        return WithdrawRequest(account_id=self.account_id, request_id=self.row.pk)
