"""The audit log in the admin: to read, to filter, to take along, and to undo from. Nothing in it is ever written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.decorators import display

from apps.access.history.entry_text import image_of
from apps.access.history.log_access import (
    CONSOLE,
    FILES,
    SEES,
    export,
    in_words,
    named,
    reader_of,
)
from apps.access.history.replay import VERIFYING as VERIFYING_ACCESS
from apps.accounts.chains import VERIFYING as VERIFYING_CHAINS
from apps.audit import verbs as words
from apps.audit.models import Operation, OperationQuerySet
from apps.backoffice.filters import PersonFilter
from apps.backoffice.listing import ChoiceFilter, ReadOnlyAdmin, moment

SHOWN = 200


class ActorFilter(ChoiceFilter, PersonFilter, DropdownFilter):
    """Filter by who made the change: a colleague or the system."""

    title = gettext_lazy("changed by")
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [*self.people(request), (CONSOLE, _("System"))]

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        return queryset.filter(actor_id=None if chosen == CONSOLE else int(chosen))


class ConcernedFilter(ChoiceFilter, PersonFilter, DropdownFilter):
    """Filter by who is affected: whose roles, overrides, teams or shares it changed."""

    title = gettext_lazy("affects")
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return self.people(request)

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        entries = reader_of(request).entries().filter(user_id=int(chosen))
        return queryset.filter(pk__in=entries.values("operation"))


class VerbFilter(ChoiceFilter, DropdownFilter):
    """The action."""

    title = gettext_lazy("action")
    parameter_name = "verb"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return sorted(((verb.word, in_words(verb.word)) for verb in words.registry), key=lambda pair: pair[1])

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        return queryset.filter(verb=chosen)


class WhenFilter(RangeDateFilter):
    """From one day to another, both included, in the time zone of the page."""

    def queryset(self, request: HttpRequest, queryset: OperationQuerySet) -> OperationQuerySet:
        since, until = (self._day(f"{self.parameter_name}_{end}") for end in ("from", "to"))
        return queryset.between(
            None if since is None else _midnight(since),
            None if until is None else _midnight(until + timedelta(days=1)),
        )

    def _day(self, name: str) -> date | None:
        try:
            return parse_date(str(self.used_parameters.get(name) or ""))
        except ValueError:
            return None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


class LogAdmin(ReadOnlyAdmin):
    """The operations of the current account, newest first."""

    views = SEES
    jobs = (VERIFYING_CHAINS, VERIFYING_ACCESS)
    list_display = ("what", "who", "reason_given", "when")
    list_filter: ClassVar[Any] = (ActorFilter, ConcernedFilter, VerbFilter, ("at", WhenFilter))
    list_filter_submit = True
    list_filter_sheet = True
    search_fields = ("reason",)
    search_help_text = gettext_lazy("Text of the reason.")
    ordering = ("-pk",)
    sortable_by = ()
    list_before_template = "admin/access/log_tools.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The operations that the person may read."""
        return reader_of(request).operations()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup in {"at_from", "at_to"} or super().lookup_allowed(lookup, value, request)

    def further_urls(self) -> list[URLPattern]:
        """The export."""
        return [self.route("export/<str:kind>/", self.export_view, "export")]

    # Columns

    @display(description=gettext_lazy("Action"), header=True)
    def what(self, operation: Operation) -> list[str]:
        """The verb, and the number of the operation."""
        return [in_words(operation.verb), f"#{operation.pk}"]

    @display(description=gettext_lazy("Changed by"))
    def who(self, operation: Operation) -> str:
        """Return who made the change, and as which member."""
        return named(operation)

    @display(description=gettext_lazy("Reason"))
    def reason_given(self, operation: Operation) -> str:
        """Return the start of the reason."""
        return operation.reason if len(operation.reason) <= 120 else f"{operation.reason[:119]}…"

    @display(description=gettext_lazy("When"))
    def when(self, operation: Operation) -> SafeString | None:
        """The minute."""
        return moment(operation.at)

    # Pages

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one operation in full."""
        operation = self.row_or_404(request, object_id)
        entries = reader_of(request).entries().filter(operation=operation).order_by("pk")
        shown = list(entries[: SHOWN + 1])
        context = {
            "operation": operation,
            "verb": in_words(operation.verb),
            "who": named(operation),
            "images": [image_of(entry) for entry in shown[:SHOWN]],
            "more": entries.count() - SHOWN if len(shown) > SHOWN else 0,
            "back": self.address("changelist"),
            **self.undoing(request, operation),
        }
        return self.page(
            request, "admin/access/operation.html", _("Change %(number)d") % {"number": operation.pk}, context
        )

    def undoing(self, request: HttpRequest, operation: Operation) -> dict[str, Any]:
        """Return the text about undoing it."""
        return {}

    def export_view(self, request: HttpRequest, kind: str) -> HttpResponse | StreamingHttpResponse:
        """What the list shows, as a file; the export is recorded in the audit log.

        Raises:
            MissingPermission: the person may not read the log.
            Http404: there is no such kind of file.
        """
        self.require_look(request)
        if kind not in FILES:
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        shown: Any = self.get_changelist_instance(request)
        return export(reader_of(request), shown.queryset, kind, request.GET)
