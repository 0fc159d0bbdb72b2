"""Overrides in the admin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.access.admin.changing import ChangeForm
from apps.access.admin.desk import Desk, desk_of
from apps.access.admin.fields import end_field, id_field, permissions_field, scope_field
from apps.access.admin.listing import ChoiceFilter, moment
from apps.access.admin.shield import WHY, shielded
from apps.access.admin.tables import AccessTableAdmin, PlaceFilter
from apps.access.changes.base import Change
from apps.access.changes.overrides import ClearOverride, SetOverride
from apps.access.changes.refusals import NoSuchTarget
from apps.access.models import Override
from apps.roles import catalogue
from apps.teams.models import Membership

OWN = "Nobody changes their own overrides. Ask a colleague who may."


def label_of(codename: str) -> str:
    """What people read for a permission; one that the catalogue lacks by now, as it stands."""
    try:
        return catalogue.get(codename).label
    except catalogue.UnknownPermission:
        return codename


class NewOverrideForm(ChangeForm):
    """An override: of a member whom the form asks for, or of the one whose page it is on."""

    title = "Set an override"
    help = "In place of what the role says, on this branch alone."
    needs = ("manage_member_permissions",)

    def build(self) -> None:
        if self.row is None:
            allowed = self.desk.branches_where(self.needs[0])
            members = (
                Membership.objects.active()
                .filter(branch__in=[branch.pk for branch in allowed])
                .exclude(user__in=[*shielded(self.desk), self.desk.user.pk])
                .select_related("user", "branch", "role")
                .order_by("user__name", "branch__name")
            )
            named = [(m.pk, f"{m.user} on {m.branch} ({m.role})") for m in members]
            self.fields["membership"] = id_field(named, label="Whose", search=True)
        self.fields["permission"] = permissions_field()
        self.fields["scope"] = scope_field(None)
        self.fields["scope"].help_text = "What is asked of no record is either Prohibited or Permitted."
        self.fields["expires_at"] = end_field()

    def change(self) -> Change:
        data = self.cleaned_data
        return SetOverride(
            account_id=self.account_id,
            membership_id=data["membership"] if self.row is None else self.row.pk,
            permission=data["permission"],
            scope=data["scope"],
            expires_at=data["expires_at"],
        )


class StandingOverrideForm(ChangeForm):
    """A change of an override that stands."""

    needs = ("manage_member_permissions",)
    columns = ("scope", "expires_at")

    @classmethod
    def barred(cls, desk: Desk, row: Any) -> str:
        if row.user_id in shielded(desk):
            return WHY
        return OWN if row.user_id == desk.user.pk else ""

    @property
    def membership_id(self) -> int:
        """The membership that it is an override of.

        Raises:
            NoSuchTarget: it is gone.
        """
        found = Membership.objects.filter(branch=self.row.branch_id, user=self.row.user_id).first()
        if found is None:
            raise NoSuchTarget("They are no member there any more.")
        return found.pk


class ChangeOverrideForm(StandingOverrideForm):
    """Another scope, or another end."""

    title = "Change the override"

    def build(self) -> None:
        self.fields["scope"] = scope_field(catalogue.get(self.row.permission), self.row.scope)
        self.fields["expires_at"] = end_field(initial=self.row.expires_at)

    def change(self) -> Change:
        end = self.cleaned_data["expires_at"]
        if end is not None and self.row.expires_at is not None and end == self.row.expires_at.replace(second=0):
            end = self.row.expires_at
        return SetOverride(
            account_id=self.account_id,
            membership_id=self.membership_id,
            permission=self.row.permission,
            scope=self.cleaned_data["scope"],
            expires_at=end,
            seen=self.seen_values,
        )


class ClearOverrideForm(StandingOverrideForm):
    """The role says it again."""

    title = "Clear the override"
    help = "What the role says holds again."
    danger = True

    def change(self) -> Change:
        return ClearOverride(
            account_id=self.account_id,
            membership_id=self.membership_id,
            permission=self.row.permission,
            seen=self.seen_values,
        )


class EndFilter(ChoiceFilter):
    """Those that count now, and those that have ended."""

    title = "end"
    parameter_name = "end"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("none", "Without an end"), ("coming", "Will end"), ("past", "Has ended")]

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        now = timezone.now()
        ends = {"none": Q(expires_at=None), "coming": Q(expires_at__gt=now), "past": Q(expires_at__lte=now)}
        return queryset.filter(ends[chosen])


class OverrideAdmin(AccessTableAdmin):
    """Single permissions that members have otherwise than their role says."""

    views = "view_member_permissions"
    adds = NewOverrideForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {"change": ChangeOverrideForm}
    removes = ClearOverrideForm
    list_display = ("person", "on", "permission_label", "scope_label", "ends", "set_by", "why")
    list_select_related = ("user", "branch", "author")
    list_filter: ClassVar[Any] = (EndFilter, PlaceFilter)
    list_filter_submit = True
    search_fields = ("user__name", "user__email", "permission")
    search_help_text = "A name, an e-mail address or a permission's codename."
    ordering = ("user__name", "permission", "pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without those of the shielded, which only they themselves see."""
        rows = super().get_queryset(request).select_related("user", "branch", "author")
        return rows.exclude(user__in=shielded(desk_of(request)))

    @display(description="Member")
    def person(self, override: Override) -> str:
        """Whose it is."""
        return str(override.user)

    @display(description="Branch")
    def on(self, override: Override) -> str:
        """Where it counts."""
        return override.branch.name

    @display(description="Permission")
    def permission_label(self, override: Override) -> str:
        """What it is about."""
        return label_of(override.permission)

    @display(description="Scope")
    def scope_label(self, override: Override) -> str:
        """How far it reaches."""
        return override.scope.label

    @display(description="Ends", empty_value="Never")
    def ends(self, override: Override) -> SafeString | None:
        """When it ends."""
        return moment(override.expires_at)

    @display(description="Set by")
    def set_by(self, override: Override) -> str:
        """Who set it."""
        return str(override.author or "The console")

    @display(description="Reason")
    def why(self, override: Override) -> str:
        """Why."""
        return override.reason

    def name_of(self, row: Any) -> str:
        return f"{label_of(row.permission)}: {row.user} on {row.branch}"


def lines_of(membership: Membership) -> list[dict[str, str]]:
    """A member's overrides, for the page of the membership."""
    found = Override.objects.filter(branch=membership.branch_id, user=membership.user_id).order_by("permission")
    return [
        {
            "title": label_of(override.permission),
            "link": reverse("admin:access_override_change", args=[override.pk]),
            "note": override.reason,
            "value": _value(override),
        }
        for override in found
    ]


def _value(override: Override) -> str:
    if override.expires_at is None:
        return override.scope.label
    return f"{override.scope.label} until {date_format(timezone.localtime(override.expires_at), 'j M Y, H:i')}"
