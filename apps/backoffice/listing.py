"""Lists of what is not a record: read only, in the current account, filtered by our own filters, counted to a cap."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from apps.access import lists
from apps.access.context import access_of
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.accounts.isolation import Job
from apps.accounts.models import JobFailure
from apps.backoffice.filters import parameters_of


def moment(at: datetime | None) -> SafeString | None:
    """A moment in a list: the day and the minute."""
    if at is None:
        return None
    local = timezone.localtime(at)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), written(local, DateTimeForm.MOMENT))


class CappedPaginator(Paginator[Any]):
    """A paginator that counts no further than `lists.CAP`: what lies beyond is found by filtering."""

    @cached_property
    def counted(self) -> int:
        """Return the number of rows, at most one more than the cap."""
        rows: Any = self.object_list
        return int(rows.order_by()[: lists.CAP + 1].count())

    @cached_property
    def count(self) -> int:
        """Return the number of rows on pages."""
        return min(self.counted, lists.CAP)


class ReadOnlyChangeList(ChangeList):
    """A list with no button of its own; `adds` is the label of the one for a new row, `add_missing` why it is off."""

    adds = ""
    add_missing = ""
    read_only = True

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.title = str(self.opts.verbose_name_plural).capitalize()

    def get_results(self, request: HttpRequest) -> None:
        """One page, and a count that says where it stopped."""
        self.list_per_page = access_of(request).rows_per_page
        super().get_results(request)
        self.full_result_count = self.result_count
        counted = self.paginator.counted
        self.result_count_text = f"{lists.CAP:,}+" if counted > lists.CAP else f"{counted:,}"
        self.adds, self.add_missing = self.model_admin.adding(request)


class ReadOnlyAdmin(ModelAdmin):
    """Rows of one table in the current account. Nothing is ever saved here.

    `views` is the permission that shows rows: on their branch, or over the account.
    """

    views: ClassVar[str]
    # The jobs whose failure in the account is shown above the list.
    jobs: ClassVar[tuple[Job, ...]] = ()

    actions = None
    paginator = CappedPaginator
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_filter_submit = False
    view_on_site = False
    list_fullwidth = True
    list_before_template = "admin/access/job_failures.html"

    # Who may look

    def may_look(self, request: HttpRequest) -> bool:
        """Whether the list is there for the person."""
        return access_of(request).may_anywhere(self.views)

    def require_look(self, request: HttpRequest) -> None:
        """Let only people pass who may see the list.

        Raises:
            MissingPermission: it is not.
        """
        access_of(request).require(self.views)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_look(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_look(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def adding(self, request: HttpRequest) -> tuple[str, str]:
        """The label of the button for a new row, and why it is disabled; no label where nothing is added here."""
        return "", ""

    # Pages

    def get_urls(self) -> list[URLPattern]:
        """The list and one row."""
        return [self.route("", self.changelist_view, "changelist"), *self.further_urls(), self._row_route()]

    def further_urls(self) -> list[URLPattern]:
        """The addresses between the list and its rows."""
        return []

    def route(self, pattern: str, view: Any, name: str) -> URLPattern:
        """An address of this table, for staff."""
        wrapped = self.admin_site.admin_view(view)
        return path(pattern, wrapped, name=f"{self.opts.app_label}_{self.opts.model_name}_{name}")

    def _row_route(self) -> URLPattern:
        return self.route("<path:object_id>/change/", self.change_view, "change")

    def address(self, page: str, *args: Any) -> str:
        """The address of one of the table's pages."""
        return reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list."""
        self.require_look(request)
        context = {**(extra_context or {}), "job_failures": self._job_failures(request)}
        result: HttpResponse = super().changelist_view(request, context)
        return result

    def _job_failures(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The jobs that fail in the account, with the cause for platform operators: it can speak of any row of it."""
        if not self.jobs:
            return []
        access = access_of(request)
        labels = {job.key: job.label for job in self.jobs}
        is_operator = access.mandate is not None and access.mandate.operator
        return [
            {
                "label": labels[failure.job],
                "since": failure.failing_since,
                "at": failure.failed_at,
                "cause": failure.cause if is_operator else "",
            }
            for failure in JobFailure.objects.filter(account=access.account_id, job__in=labels).order_by(
                "failing_since"
            )
        ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ReadOnlyChangeList]:
        return ReadOnlyChangeList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only our own filters narrow a list."""
        return lookup in parameters_of(self.get_list_filter(request) if request else ())

    def row_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """The row, where the person may look at it.

        Raises:
            MissingPermission: they may look at none.
            Http404: there is none of that id for them.
        """
        self.require_look(request)
        digits = object_id.isascii() and object_id.isdigit() and len(object_id) < 19
        row = self.get_queryset(request).filter(pk=int(object_id)).first() if digits else None
        if row is None:
            raise Http404
        return row

    def page(self, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> TemplateResponse:
        """A page of this table."""
        request.current_app = self.admin_site.name
        shared = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return TemplateResponse(request, template, {**shared, **context})


class ChoiceFilter(admin.SimpleListFilter):
    """A filter by one of our choices; a value that was not offered finds nothing."""

    def chosen(self) -> str | None:
        """The chosen value, None where there is none; an impossible one is empty."""
        value = self.value()
        if value is None or value == "":
            return None
        return value if value in {str(choice) for choice, _ in self.lookup_choices} else ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        if chosen is None:
            return queryset
        return queryset.none() if chosen == "" else self.narrowed(request, queryset, chosen)

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        """The rows of that choice."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The choices."""
        raise NotImplementedError
