"""Access requests in the admin: the person's own, and those they could decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from apps.access.context import access_of
from apps.access.models import AccessRequest
from apps.backoffice.listing import ChoiceFilter, moment
from apps.backoffice.tables import AccessTableAdmin
from apps.pages.access_requests import Status, requests_in_sight
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.overrides import label_of
from apps.pages.forms.requests import ApproveForm, AskForm, DeclineForm, WithdrawForm


class StatusFilter(ChoiceFilter):
    """Filter by state: pending or decided."""

    title = gettext_lazy("state")
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
    search_help_text = gettext_lazy("Name, email address or text of the request.")
    ordering = ("-created_at", "-pk")
    sortable_by = ()

    def may_look(self, request: HttpRequest) -> bool:
        return access_of(request).account is not None

    def require_look(self, request: HttpRequest) -> None:
        """Everybody who works in an account has a list of their own.

        Raises:
            PermissionDenied: the user works in none.
        """
        access_of(request).account_id  # noqa: B018 - it raises

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The person's own requests, and those they could decide: for a share, only with the record visible."""
        return requests_in_sight(access_of(request))

    @display(description=gettext_lazy("Member"))
    def person(self, asked: AccessRequest) -> str:
        """Return the member."""
        return str(asked.user)

    @display(description=gettext_lazy("Permission"))
    def asked(self, asked: AccessRequest) -> str:
        """The permission, and how far."""
        about = _("one record") if asked.record_id is not None else asked.scope.label
        return f"{label_of(asked.permission)} ({about})"

    @display(description=gettext_lazy("On"))
    def on(self, asked: AccessRequest) -> str:
        """The branch."""
        return asked.branch.name

    @display(description=gettext_lazy("State"))
    def state(self, asked: AccessRequest) -> str:
        """Return the state."""
        return str(asked.get_status_display())

    @display(description=gettext_lazy("When"))
    def when(self, asked: AccessRequest) -> SafeString | None:
        """Return the date of the request."""
        return moment(asked.created_at)

    def name_of(self, row: Any) -> str:
        return _("%(user)s requests “%(permission)s”") % {"user": row.user, "permission": label_of(row.permission)}

    def facts_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        return [
            *super().facts_of(request, row)[1:],
            (_("Record"), self._record(request, row)),
            (_("Reason"), row.message),
            (_("Decided by"), str(row.decided_by) if row.decided_by else ""),
            (_("Decision reason"), row.reason),
        ]

    def _record(self, request: HttpRequest, row: Any) -> str:
        """The record that it is about, for those who may see it."""
        if row.record_id is None:
            return ""
        access = access_of(request)
        found = access.rows(f"view_{row.record_type}", row.record_type).filter(pk=row.record_id).first()
        return f"{found} ({found.reference})" if found is not None else _("a record you can’t see")
