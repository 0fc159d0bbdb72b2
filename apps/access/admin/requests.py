"""Requests for access in the admin: one's own, and those that one could decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.access import records
from apps.access.admin.changing import ChangeForm
from apps.access.admin.desk import Desk, desk_of
from apps.access.admin.fields import branches, end_field, id_field, permissions_field, scope_field
from apps.access.admin.listing import ChoiceFilter, moment
from apps.access.admin.overrides import label_of
from apps.access.admin.tables import AccessTableAdmin
from apps.access.changes.base import Change
from apps.access.changes.judging import shared_verb
from apps.access.changes.requests import ApproveRequest, DeclineRequest, RequestAccess, WithdrawRequest
from apps.access.models import AccessRequest
from apps.access.records import Record
from apps.accounts.models import Branch
from apps.roles import catalogue
from apps.teams.models import Membership

Status = AccessRequest.Status
DECIDES, SHARES = "manage_member_permissions", "grant_record_access"


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
    if permission.target is catalogue.Target.ACCOUNT or not possible:
        return ""
    return f"{reverse('admin:access_accessrequest_add')}?{urlencode({**about, 'branch': possible[0]})}"


def _grantable(desk: Desk, branch_id: int, codename: str) -> bool:
    membership = None if desk.mandate is None else desk.mandate.facts.memberships.get(branch_id)
    return membership is not None and not membership.role.locked and membership.role.grant(codename).grantable


def own_branches(desk: Desk) -> list[Branch]:
    """The open branches that the user is an active member of."""
    mine = set(
        Membership.objects.active().filter(account=desk.account_id, user=desk.user).values_list("branch_id", flat=True)
    )
    return [branch for branch in desk.branches if branch.pk in mine]


class AskForm(ChangeForm):
    """Somebody asks for a permission; the reason is what the request says."""

    title = "Request access"
    help = "Whoever may give it decides. The reason is what they read."
    record_type = forms.CharField(required=False, widget=forms.HiddenInput)
    record_id = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def build(self) -> None:
        self.fields["permission"] = permissions_field()
        self.fields["branch"] = id_field(branches(own_branches(self.desk)), label="Branch")
        self.fields["scope"] = scope_field(None)
        named = self.data if self.is_bound else self.initial
        if named.get("record_id"):
            self.fields["scope"].widget = forms.HiddenInput()
            self.fields["branch"].widget = forms.HiddenInput()
            self.help = f"For {self._record(named)} alone. {self.help}"

    def _record(self, named: Any) -> str:
        """What the request is about, where the person sees it."""
        record_type, pk = str(named.get("record_type")), str(named.get("record_id"))
        if record_type not in records.registered() or not pk.isdecimal() or len(pk) > 18:
            return "a record"
        found = self.desk.rows(f"view_{record_type}", record_type).filter(pk=int(pk)).first()
        return f"{found} ({found.reference})" if found is not None else "a record"

    def clean(self) -> dict[str, Any]:
        """A request names a whole record or none."""
        data = super().clean() or self.cleaned_data
        if data.get("record_type") and data["record_type"] not in records.registered():
            raise forms.ValidationError("There is no such record.")
        if bool(data.get("record_type")) != bool(data.get("record_id")):
            raise forms.ValidationError("There is no such record.")
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

    title = "Approve"

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

    title = "Decline"
    danger = True

    def change(self) -> Change:
        return DeclineRequest(account_id=self.account_id, request_id=self.row.pk)


class WithdrawForm(ChangeForm):
    """One's own request is taken back."""

    title = "Withdraw"

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == Status.OPEN and row.user_id == desk.user.pk)

    def change(self) -> Change:
        return WithdrawRequest(account_id=self.account_id, request_id=self.row.pk)


class StatusFilter(ChoiceFilter):
    """What waits, and what became of the others."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Status.choices]

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        return queryset.filter(status=chosen)


class AccessRequestAdmin(AccessTableAdmin):
    """Everybody has their own requests; who may give permissions or shares has those that they could decide."""

    adds = AskForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {
        "approve": ApproveForm,
        "decline": DeclineForm,
        "withdraw": WithdrawForm,
    }
    list_display = ("person", "asked", "on", "state", "when")
    list_select_related = ("user", "branch", "decided_by")
    list_filter: ClassVar[Any] = (StatusFilter,)
    search_fields = ("user__name", "user__email", "message")
    search_help_text = "A name, an e-mail address, or words of the request."
    ordering = ("-created_at", "-pk")
    sortable_by = ()

    def may_look(self, request: HttpRequest) -> bool:
        return desk_of(request).account is not None

    def require_look(self, request: HttpRequest) -> None:
        """Everybody who works in an account has a list of their own.

        Raises:
            PermissionDenied: the user works in none.
        """
        desk_of(request).account_id  # noqa: B018 - it raises

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """One's own, and those that one could decide: what a share would give, only with the record in sight."""
        desk = desk_of(request)
        rows = AccessRequest.objects.filter(account=desk.account_id).select_related("user", "branch", "decided_by")
        shareable = Q(pk__in=[])
        decidable = Q(user=desk.user)
        for kind in catalogue.record_types():
            codenames = [f"{verb}_{kind.name}" for verb in kind.share_verbs]
            if codenames and kind.name in records.registered():
                of_kind = Q(record_type=kind.name, permission__in=codenames)
                shareable |= of_kind
                if desk.may_anywhere(SHARES):
                    decidable |= of_kind & Q(record_id__in=desk.rows(SHARES, kind.name).values("pk"))
        places = [branch.pk for branch in desk.branches_where(DECIDES)]
        return rows.filter(decidable | Q(branch__in=places) & ~shareable)

    @display(description="Who")
    def person(self, asked: AccessRequest) -> str:
        """Who asks."""
        return str(asked.user)

    @display(description="Asks for")
    def asked(self, asked: AccessRequest) -> str:
        """The permission, and how far."""
        about = " (one record)" if asked.record_id is not None else f" ({asked.scope.label})"
        return label_of(asked.permission) + about

    @display(description="On")
    def on(self, asked: AccessRequest) -> str:
        """The branch."""
        return asked.branch.name

    @display(description="State")
    def state(self, asked: AccessRequest) -> str:
        """What became of it."""
        return str(asked.get_status_display())

    @display(description="When")
    def when(self, asked: AccessRequest) -> SafeString | None:
        """When it was made."""
        return moment(asked.created_at)

    def name_of(self, row: Any) -> str:
        return f"{row.user} asks for “{label_of(row.permission)}”"

    def facts_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        return [
            *super().facts_of(request, row)[1:],
            ("Record", self._record(request, row)),
            ("Why", row.message),
            ("Decided by", str(row.decided_by) if row.decided_by else ""),
            ("Reason", row.reason),
        ]

    def _record(self, request: HttpRequest, row: Any) -> str:
        """The record that it is about, for whoever sees it."""
        if row.record_id is None:
            return ""
        desk = desk_of(request)
        found = desk.rows(f"view_{row.record_type}", row.record_type).filter(pk=row.record_id).first()
        return f"{found} ({found.reference})" if found is not None else "out of your sight"
