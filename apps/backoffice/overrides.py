"""Overrides in the admin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from apps.access.context import access_of
from apps.access.models import Override
from apps.access.shield import shielded
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.backoffice.listing import ChoiceFilter, moment
from apps.backoffice.tables import AccessTableAdmin, PlaceFilter
from apps.changes.expiry_emails import WARNING
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.overrides import (
    ChangeOverrideForm,
    ClearOverrideForm,
    NewOverrideForm,
    label_of,
)
from apps.teams.models import Membership


class EndFilter(ChoiceFilter):
    """Filter by overrides in effect, and ended ones."""

    title = gettext_lazy("end")
    parameter_name = "end"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("none", _("No end date")), ("coming", _("Ends later")), ("past", _("Ended"))]

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        now = timezone.now()
        ends = {"none": Q(expires_at=None), "coming": Q(expires_at__gt=now), "past": Q(expires_at__lte=now)}
        return queryset.filter(ends[chosen])


class OverrideAdmin(AccessTableAdmin):
    """Single permissions that members have otherwise than their role says."""

    views = "view_member_permissions"
    jobs = (WARNING,)
    adds = NewOverrideForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {"change": ChangeOverrideForm}
    removes = ClearOverrideForm
    list_display = ("person", "on", "permission_label", "scope_label", "ends", "set_by", "why")
    list_select_related = ("user", "branch", "author")
    list_filter: ClassVar[Any] = (EndFilter, PlaceFilter)
    list_filter_submit = True
    search_fields = ("user__name", "user__email", "permission")
    search_help_text = gettext_lazy("Name, email address or permission codename.")
    ordering = ("user__name", "permission", "pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out those of shielded members, which only they see."""
        rows = super().get_queryset(request).select_related("user", "branch", "author")
        return rows.exclude(user__in=shielded(access_of(request)))

    @display(description=gettext_lazy("Member"))
    def person(self, override: Override) -> str:
        """Return the member."""
        return str(override.user)

    @display(description=gettext_lazy("Branch"))
    def on(self, override: Override) -> str:
        """Return the branch."""
        return override.branch.name

    @display(description=gettext_lazy("Permission"))
    def permission_label(self, override: Override) -> str:
        """Return the permission."""
        return label_of(override.permission)

    @display(description=gettext_lazy("Scope"))
    def scope_label(self, override: Override) -> str:
        """Return the scope."""
        return override.scope.label

    @display(description=gettext_lazy("Ends"), empty_value=gettext_lazy("Never"))
    def ends(self, override: Override) -> SafeString | None:
        """Return the end date."""
        return moment(override.expires_at)

    @display(description=gettext_lazy("Set by"))
    def set_by(self, override: Override) -> str:
        """Return who set it."""
        return str(override.author or _("System"))

    @display(description=gettext_lazy("Reason"))
    def why(self, override: Override) -> str:
        """Return the reason."""
        return override.reason

    def name_of(self, row: Any) -> str:
        return _("%(permission)s: %(user)s on %(branch)s") % {
            "permission": label_of(row.permission),
            "user": row.user,
            "branch": row.branch,
        }


def lines_of(membership: Membership) -> list[dict[str, str]]:
    """A member's overrides, for the page of the membership."""
    matching = Override.objects.filter(branch=membership.branch_id, user=membership.user_id).order_by("permission")
    return [
        {
            "title": label_of(override.permission),
            "link": reverse("admin:access_override_change", args=[override.pk]),
            "note": override.reason,
            "value": _value(override),
        }
        for override in matching
    ]


def _value(override: Override) -> str:
    if override.expires_at is None:
        return override.scope.label
    return _("%(scope)s until %(when)s") % {
        "scope": override.scope.label,
        "when": written(override.expires_at, DateTimeForm.MOMENT),
    }
