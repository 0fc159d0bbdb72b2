"""Lists of records: rows, filters, search and counts come from what the user may see, at the cost of an index walk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import InvalidPage, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from apps.access import lists
from apps.access.context import access_of, veil
from apps.access.records import Record
from apps.pages.access_requests import missing

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator


class CountedPaginator(_Paginator):
    """A paginator that gets the count, so that it never counts itself."""

    def __init__(self, object_list: Any, per_page: int, counted: int) -> None:
        self.counted = counted
        super().__init__(object_list, per_page)

    @cached_property
    def count(self) -> int:
        """The count that it was told."""
        return self.counted


class RecordChangeList(ChangeList):
    """A list of visible records. In its own order it is read by `lists.page`; other orders go through `visible_to`."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.title = str(self.opts.verbose_name_plural).capitalize()

    def get_queryset(self, request: HttpRequest, exclude_parameters: list[str] | None = None) -> QuerySet[Any]:
        """The visible records with filters and search applied, ordered."""
        specs, self.has_filters, remaining, _, self.has_active_filters = self.get_filters(request)
        self.filter_specs = specs
        if remaining:
            raise IncorrectLookupParameters
        self.clear_all_filters_qs = self.get_query_string(remove=list(self.get_filters_params()))
        rows = self.narrow(request, self.root_queryset)
        self.ordered_by = self.get_ordering(request, rows)
        return rows.order_by(*self.ordered_by)

    def narrow(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Filters and search; they never join, so no row comes twice."""
        for spec in self.filter_specs:
            filtered = spec.queryset(request, rows)
            rows = rows if filtered is None else filtered
        found, _ = self.model_admin.get_search_results(request, rows, self.query)
        return found

    def get_results(self, request: HttpRequest) -> None:
        """One page and a capped count; the links of the rows are veiled."""
        access, model = access_of(request), self.model
        codename = f"view_{model.record_type}"
        mandate = access.mandate
        if mandate is None or not issubclass(model, Record):
            raise IncorrectLookupParameters

        def narrow(rows: QuerySet[Any]) -> QuerySet[Any]:
            return self.narrow(request, rows)

        self.list_per_page = access.rows_per_page
        counted = lists.capped_count(mandate, codename, record_type=model.record_type, narrow=narrow)
        self.paginator = CountedPaginator(self.queryset, self.list_per_page, min(counted, lists.CAP))
        try:
            page_num: int = self.paginator.validate_number(request.GET.get(PAGE_VAR, 1))
        except InvalidPage as error:
            raise IncorrectLookupParameters from error
        self.page_num = page_num
        offset = (page_num - 1) * self.list_per_page
        if tuple(self.ordered_by) == lists.NEWEST_FIRST:
            result = lists.page(
                mandate,
                codename,
                record_type=model.record_type,
                size=self.list_per_page,
                narrow=narrow,
                offset=offset,
            )
        else:
            result = self.queryset[offset : offset + self.list_per_page]
        self.result_list = list(result.select_related(*self.model_admin.list_select_related))
        veil(access, self.result_list, self.model_admin.list_links)
        self.result_count = self.full_result_count = min(counted, lists.CAP)
        self.result_count_text = f"{lists.CAP:,}+" if counted > lists.CAP else f"{counted:,}"
        self.show_full_result_count = False
        self.show_admin_actions = counted > 0
        add = f"add_{model.record_type}"
        self.add_missing = "" if access.may_anywhere(add) else missing(access, add)
        self.can_show_all = False
        self.multi_page = counted > self.list_per_page
