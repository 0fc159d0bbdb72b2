"""The audit log in the admin: to read, to filter, to take along, and to undo from. Nothing in it is ever written."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.decorators import display

from apps.access import lists, verbs
from apps.access.admin.actions import cell
from apps.access.admin.desk import Desk, desk_of
from apps.access.admin.images import image_of
from apps.access.admin.listing import ChoiceFilter, ReadOnlyAdmin, moment
from apps.access.admin.shield import shielded
from apps.accounts import fence
from apps.accounts.models import Branch
from apps.audit import verbs as words
from apps.audit.models import Entry, EntryQuerySet, Operation, OperationQuerySet
from apps.audit.services import Change, record

SEES = "view_audit_log"
SHOWN = 200
CONSOLE = "console"
# What only the shielded themselves read of their own.
SHIELDED = ("access.override", "accounts.user")
COLUMNS = (
    "operation",
    "at",
    "actor",
    "acting_as",
    "verb",
    "reason",
    "branch_id",
    "user_id",
    "target_type",
    "target_id",
    "target",
    "before",
    "after",
)


class Reader:
    """What somebody may read of the account's log.

    A branch's entries are for those who hold `view_audit_log` on it. What concerns no branch, and so may concern every
    one, is for those who hold it on every open branch, or by a parent role.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        branches = desk.branches_where(SEES)
        self.branch_ids = [branch.pk for branch in branches]
        mandate = desk.mandate
        by_parent_role = mandate is not None and mandate.allows(SEES, 0)
        self.everywhere = by_parent_role or (bool(branches) and len(branches) == self._open_branches())

    def _open_branches(self) -> int:
        return Branch.objects.filter(account=self.desk.account_id, status=Branch.Status.ACTIVE).count()

    def entries(self) -> EntryQuerySet:
        """The entries that the person may read."""
        found: EntryQuerySet = Entry.objects.of_account(self.desk.account_id)
        if not self.everywhere:
            found = found.filter(branch_id__in=self.branch_ids)
        if hidden := shielded(self.desk):
            found = found.exclude(Q(user_id__in=hidden), target_type__in=SHIELDED)
        return found

    def operations(self) -> OperationQuerySet:
        """The operations with at least one entry that the person may read."""
        if self.everywhere and not shielded(self.desk):
            return Operation.objects.of_account(self.desk.account_id)
        return Operation.objects.filter(pk__in=self.entries().values("operation"))


def reader_of(request: HttpRequest) -> Reader:
    """What the request's user may read of the log; asked once."""
    desk = desk_of(request)
    return desk.once("log", lambda: Reader(desk))


class ActorFilter(ChoiceFilter, DropdownFilter):
    """Who did it: a colleague, or the operator at the console."""

    title = "person"
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [*((str(pk), name) for pk, name, _ in desk_of(request).colleagues), (CONSOLE, "The console")]

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        return queryset.filter(actor_id=None if chosen == CONSOLE else int(chosen))


class ConcernedFilter(ChoiceFilter, DropdownFilter):
    """Whom it concerns: whose roles, overrides, teams or shares it changed."""

    title = "whom it concerns"
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(str(pk), name) for pk, name, _ in desk_of(request).colleagues]

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        entries = reader_of(request).entries().filter(user_id=int(chosen))
        return queryset.filter(pk__in=entries.values("operation"))


class VerbFilter(ChoiceFilter, DropdownFilter):
    """What was done."""

    title = "what was done"
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
    """The operations of the account at hand, newest first."""

    views = SEES
    list_display = ("what", "who", "reason_given", "when")
    list_filter: ClassVar[Any] = (ActorFilter, ConcernedFilter, VerbFilter, ("at", WhenFilter))
    list_filter_submit = True
    list_filter_sheet = True
    search_fields = ("reason",)
    search_help_text = "Words of the reason."
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

    @display(description="What", header=True)
    def what(self, operation: Operation) -> list[str]:
        """The verb, and the number of the operation."""
        return [in_words(operation.verb), f"#{operation.pk}"]

    @display(description="Who")
    def who(self, operation: Operation) -> str:
        """Who did it, and as whom."""
        return named(operation)

    @display(description="Why")
    def reason_given(self, operation: Operation) -> str:
        """The reason, as far as it fits."""
        return operation.reason if len(operation.reason) <= 120 else f"{operation.reason[:119]}…"

    @display(description="When")
    def when(self, operation: Operation) -> SafeString | None:
        """The minute."""
        return moment(operation.at)

    # Pages

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One operation in full."""
        operation = self.row_or_404(request, object_id)
        entries = reader_of(request).entries().filter(operation=operation).order_by("pk")
        found = list(entries[: SHOWN + 1])
        context = {
            "operation": operation,
            "verb": in_words(operation.verb),
            "who": named(operation),
            "images": [image_of(entry) for entry in found[:SHOWN]],
            "more": entries.count() - SHOWN if len(found) > SHOWN else 0,
            "back": self.address("changelist"),
            **self.undoing(request, operation),
        }
        return self.page(request, "admin/access/operation.html", f"Operation {operation.pk}", context)

    def undoing(self, request: HttpRequest, operation: Operation) -> dict[str, Any]:
        """What the page says of undoing it."""
        return {}

    def export_view(self, request: HttpRequest, kind: str) -> HttpResponse | StreamingHttpResponse:
        """What the list shows, as a file; that it was taken along stands in the log.

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
        desk, reader = desk_of(request), reader_of(request)
        # What comes after the export began, its own entry for one, is not in it.
        newest = shown.queryset.order_by("-pk").values_list("pk", flat=True).first() or 0
        wanted = shown.queryset.order_by().filter(pk__lte=newest)
        entries = reader.entries().filter(operation__in=wanted.values("pk"))
        _log_export(desk, kind, request.GET)
        lines, content_type = FILES[kind]
        response = StreamingHttpResponse(
            _in_account(desk, lines(entries.select_related("operation").order_by("-operation_id", "pk"))),
            content_type=content_type,
        )
        response["Content-Disposition"] = f'attachment; filename="audit-log.{kind}"'
        return response


def in_words(verb: str) -> str:
    """What people read for a verb of the log."""
    try:
        label = words.get(verb).label
    except words.UnknownVerb:
        return verb
    return label[:1].upper() + label[1:]


def named(operation: Operation) -> str:
    """Who did it; and as whom, where somebody acted as another one."""
    if operation.acting_as_name:
        return f"{operation.actor_name}, acting as {operation.acting_as_name}"
    return operation.actor_name


def told(entry: Entry) -> dict[str, Any]:
    """An entry with its operation, as files have it."""
    operation = entry.operation
    return {
        "operation": operation.pk,
        "at": operation.at.isoformat(),
        "actor": operation.actor_name,
        "acting_as": operation.acting_as_name,
        "verb": operation.verb,
        "reason": operation.reason,
        "branch_id": entry.branch_id,
        "user_id": entry.user_id,
        "target_type": entry.target_type,
        "target_id": entry.target_id,
        "target": entry.target_text,
        "before": entry.before,
        "after": entry.after,
    }


class _Line:
    """Gives each line back that a writer of CSV writes."""

    def write(self, line: str) -> str:
        return line


def _csv(entries: QuerySet[Entry]) -> Iterator[str]:
    writer: Any = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for entry in entries.iterator(chunk_size=lists.CAP):
        row = told(entry)
        for image in ("before", "after"):
            row[image] = None if row[image] is None else json.dumps(row[image], cls=DjangoJSONEncoder)
        yield writer.writerow([cell(row[column]) for column in COLUMNS])


def _json(entries: QuerySet[Entry]) -> Iterator[str]:
    before = "[\n"
    for entry in entries.iterator(chunk_size=lists.CAP):
        yield before + json.dumps(told(entry), cls=DjangoJSONEncoder, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


FILES = {"csv": (_csv, "text/csv; charset=utf-8"), "json": (_json, "application/json")}


def _in_account(desk: Desk, lines: Iterator[str]) -> Iterator[str]:
    """The lines, read as this person in this account: they are asked for when the request's own work is over."""
    with fence.tenant(desk.account_id, desk.user.pk):
        yield from lines


def _log_export(desk: Desk, kind: str, narrowed: Mapping[str, Any]) -> None:
    told_of = {"file": kind.upper(), "narrowed by": {name: str(value) for name, value in narrowed.items()}}
    change = Change(
        target_type="accounts.account", target_id=desk.account_id, target_text=str(desk.account), after=told_of
    )
    with transaction.atomic():
        record(
            verb=verbs.LOG_EXPORTED,
            actor=desk.user,
            reason=f"Taken along as {kind.upper()} from the log",
            account_id=desk.account_id,
            entries=[change],
        )
