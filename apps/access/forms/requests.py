"""Requests for access: made, decided, withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access import records
from apps.access.changes.base import Change
from apps.access.changes.guards.needs import shared_verb
from apps.access.changes.requests import ApproveRequest, DeclineRequest, RequestAccess, WithdrawRequest
from apps.access.desk import Desk
from apps.access.forms.base import ChangeForm, place_of
from apps.access.forms.fields import branches, end_field, id_field, permissions_field, scope_field
from apps.access.models import AccessRequest
from apps.access.reasons import tooltip
from apps.access.records import Record
from apps.accounts.models import Branch
from apps.roles import catalogue

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Status = AccessRequest.Status
DECIDES, SHARES = "manage_member_permissions", "grant_record_access"


def _grantable(desk: Desk, branch_id: int, codename: str) -> bool:
    membership = None if desk.mandate is None else desk.mandate.facts.memberships.get(branch_id)
    return membership is not None and not membership.role.locked and membership.role.grant(codename).grantable


def own_branches(desk: Desk) -> list[Branch]:
    """The open branches that the user is an active member of."""
    mine = set() if desk.mandate is None else {branch_id for branch_id, _, _ in desk.mandate.branches()}
    return [branch for branch in desk.branches if branch.pk in mine]


def requests_in_sight(desk: Desk) -> QuerySet[AccessRequest]:
    """One's own, and those that one could decide: what a share would give, only with the record in sight."""
    rows = AccessRequest.objects.filter(account=desk.account_id).select_related("user", "branch", "decided_by")
    shareable = Q(pk__in=[])
    decidable = Q(user=desk.user)
    for kind in catalogue.record_types():
        codenames = [f"{verb}_{kind.name}" for verb in kind.share_verbs]
        if codenames and kind.name in records.registered():
            of_kind = Q(record_type=kind.name, permission__in=codenames)
            shareable |= of_kind
            if desk.may_anywhere(SHARES):
                # Asked of each request, of which there are few: the records in reach may be a million.
                decidable |= of_kind & Q(Exists(desk.rows(SHARES, kind.name).filter(pk=OuterRef("record_id"))))
    mandate = desk.mandate
    places = (
        [] if mandate is None else [pk for pk in mandate.facts.account.open_branches if mandate.allows(DECIDES, pk)]
    )
    return rows.filter(decidable | Q(branch__in=places) & ~shareable)


def waiting_requests(desk: Desk) -> QuerySet[AccessRequest]:
    """Those that wait for the user's decision, the oldest first."""
    return requests_in_sight(desk).filter(status=Status.OPEN).exclude(user=desk.user).order_by("created_at", "pk")


def waiting_count(desk: Desk) -> int:
    """How many requests wait for the user's decision; asked once for a request."""
    return desk.once("waiting", lambda: 0 if desk.account is None else waiting_requests(desk).count())


def asking_address(desk: Desk, codename: str, target: models.Model) -> str:
    """Where the user can ask for what they lack; empty where a request makes no sense.

    A request is about a branch that they are an active member of, or about a record there; and what a share does not
    give has to be grantable to their role.
    """
    permission = catalogue.get(codename)
    about: dict[str, Any] = {"permission": permission.codename}
    own = {branch.pk: branch for branch in own_branches(desk)}
    verb, _, record_type = permission.codename.partition("_")
    if isinstance(target, Record) and permission.target is catalogue.Target.RECORD:
        places = [target.branch_id]
        about |= {"record_type": target.record_type, "record_id": target.pk}
        shared = record_type == target.record_type and verb in catalogue.record_type(record_type).share_verbs
    else:
        place = target.pk if isinstance(target, Branch) else getattr(target, "branch_id", None)
        places, shared = list(own) if place is None else [place], False
    possible = [pk for pk in places if pk in own and (shared or _grantable(desk, pk, permission.codename))]
    if desk.account is None or permission.target is catalogue.Target.ACCOUNT or not possible:
        return ""
    return f"{reverse('access:request-new', args=[desk.account.slug])}?{urlencode({**about, 'branch': possible[0]})}"


class Missing(str):
    """Why somebody may not, in a sentence; `asking` is where they can ask for it, empty where that makes no sense."""

    asking: str

    def __new__(cls, sentence: str, asking: str) -> Missing:
        """The sentence, with where to ask."""
        found = super().__new__(cls, sentence)
        found.asking = asking
        return found


def missing(desk: Desk, codename: str, target: models.Model | None = None) -> Missing:
    """What a disabled button says of a permission that is missing on the thing, or anywhere in the account."""
    asked_of = target or desk.account
    asking = "" if asked_of is None else asking_address(desk, codename, asked_of)
    return Missing(tooltip(desk, codename, None if target is None else place_of(target)), asking)


class AskForm(ChangeForm):
    """Somebody asks for a permission; the reason is what the request says."""

    title = gettext_lazy("Request access")
    help: StrOrPromise = gettext_lazy("Whoever may give it decides. The reason is what they read.")
    record_type = forms.CharField(required=False, widget=forms.HiddenInput)
    record_id = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def build(self) -> None:
        self.fields["permission"] = permissions_field()
        own = own_branches(self.desk)
        only = own[0].pk if len(own) == 1 else None
        self.fields["branch"] = id_field(branches(own), label=_("Branch"), initial=only)
        self.fields["scope"] = scope_field(None)
        named = self.data if self.is_bound else self.initial
        if named.get("record_id"):
            self.fields["scope"].widget = forms.HiddenInput()
            self.fields["branch"].widget = forms.HiddenInput()
            alone = _("For %(record)s alone.") % {"record": self._record(named)}
            self.help = f"{alone} {self.help}"

    def _record(self, named: Any) -> str:
        """What the request is about, where the person sees it."""
        record_type, pk = str(named.get("record_type")), str(named.get("record_id"))
        if record_type not in records.registered() or not pk.isdecimal() or len(pk) > 18:
            return _("a record")
        found = self.desk.rows(f"view_{record_type}", record_type).filter(pk=int(pk)).first()
        return f"{found} ({found.reference})" if found is not None else _("a record")

    def clean(self) -> dict[str, Any]:
        """A request names a whole record or none."""
        data = super().clean() or self.cleaned_data
        if data.get("record_type") and data["record_type"] not in records.registered():
            raise forms.ValidationError(_("There is no such record."))
        if bool(data.get("record_type")) != bool(data.get("record_id")):
            raise forms.ValidationError(_("There is no such record."))
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
    """A decision about a request that waits; not about one's own."""

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == Status.OPEN and row.user_id != desk.user.pk)

    @classmethod
    def lacking(cls, desk: Desk, row: Any) -> Any:
        """What giving it needs."""
        record = row.find_record() if shared_verb(row) else None
        codename, place = (DECIDES, row.branch) if record is None else (SHARES, record)
        return None if desk.may(codename, place) else (codename, place)


class ApproveForm(OpenRequestForm):
    """It is given: as an override, perhaps with an end, or as a share of the record."""

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
    """One's own request is taken back."""

    title = gettext_lazy("Withdraw")

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == Status.OPEN and row.user_id == desk.user.pk)

    def change(self) -> Change:
        return WithdrawRequest(account_id=self.account_id, request_id=self.row.pk)
