"""The tables of access in the admin: lists of current rows, and the changes that can be made of each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.contrib.admin.utils import label_for_field
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from apps.access.context import access_of
from apps.access.history.entry_text import image_of
from apps.access.history.log_access import in_words, reader_of
from apps.access.records import place_of
from apps.access.shield import shielded
from apps.backoffice.changing import changing
from apps.backoffice.listing import ChoiceFilter, ReadOnlyAdmin
from apps.pages.access_requests import missing
from apps.pages.forms.base import ChangeForm
from apps.roles import catalogue
from apps.roles.models import Role
from apps.teams.models import ParentMembership

HISTORY = 200
ADDRESS = "user__email"


@dataclass(frozen=True, slots=True)
class RowAction:
    """A change that the page of a row offers; where `missing` is filled, disabled with that sentence."""

    title: str
    link: str
    missing: str = ""
    danger: bool = False


class AccessTableAdmin(ReadOnlyAdmin):
    """Rows of one table of access, and the forms that change them through the services.

    `adds` is the form for a new row, `acts` are those of a row, by the name that the address gives them (`?do=role`),
    and `removes` is the one behind "delete".
    """

    adds: ClassVar[type[ChangeForm] | None] = None
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {}
    removes: ClassVar[type[ChangeForm] | None] = None
    row_template: ClassVar[str] = "admin/access/row.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the account that the person may look at."""
        access = access_of(request)
        rows: QuerySet[Any] = self.model._default_manager.filter(account=access.account_id)
        if catalogue.get(self.views).target is catalogue.Target.BRANCH:
            return rows.filter(branch__in=[branch.pk for branch in access.branches_where(self.views)])
        return rows if access.may_anywhere(self.views) else rows.none()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """As Django finds rows; those of the shielded are not found by the address that is not shown."""
        matching, several = super().get_search_results(request, queryset, search_term)
        fields = self.get_search_fields(request)
        hidden = shielded(access_of(request)) if ADDRESS in fields else frozenset()
        if search_term and hidden:
            theirs = queryset.filter(user__in=hidden)
            for word in search_term.split():
                matches = (Q(**{f"{field}__icontains": word}) for field in fields if field != ADDRESS)
                theirs = theirs.filter(reduce(or_, matches))
            matching = queryset.filter(Q(pk__in=matching.exclude(user__in=hidden)) | Q(pk__in=theirs))
        return matching, several

    def adding(self, request: HttpRequest) -> tuple[str, str]:
        if self.adds is None:
            return "", ""
        return str(self.adds.title), self.missing(request, self.adds, None)

    def missing(self, request: HttpRequest, form: type[ChangeForm], row: Any) -> str:
        """Return why the person can't make this change of the row; an empty text if they can."""
        access = access_of(request)
        lacking = form.lacking(access, row)
        return missing(access, *lacking) if lacking is not None else form.barred(access, row)

    # Pages

    def further_urls(self) -> list[URLPattern]:
        items = [self.route("<path:object_id>/history/", self.history_view, "history")]
        if self.adds is not None:
            items.append(self.route("add/", self.add_view, "add"))
        if self.removes is not None:
            items.append(self.route("<path:object_id>/delete/", self.delete_view, "delete"))
        return items

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form for a new row; what the address says is filled in already."""
        self.require_look(request)
        if self.adds is None:
            raise Http404
        data = request.POST if request.method == "POST" else None
        # A link may fill in choices, but never the reason.
        chosen = {name: value for name, value in request.GET.items() if name not in {"reason", "seen"}}
        form = self.adds(data, access=access_of(request), initial=chosen)
        back = self.address("changelist")
        return changing(request, form, back=back, opts=self.opts, site=self.admin_site, subject=str(form.title))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A row with what can be done to it, or (with `do`) the form of one of these changes."""
        row = self.row_or_404(request, object_id)
        name = request.GET.get("do")
        if name is None:
            return self._page(request, row)
        if name not in self.acts:
            raise Http404
        return self._changing(request, row, self.acts[name], self.address("change", row.pk))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The form that takes the row away."""
        row = self.row_or_404(request, object_id)
        if self.removes is None:
            raise Http404
        return self._changing(request, row, self.removes, self.address("changelist"))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What the audit log says about the row, limited to what the person may read."""
        row = self.row_or_404(request, object_id)
        place = place_of(row)
        access_of(request).require("view_audit_log", place)
        entries = reader_of(request).entries().about(row._meta.label_lower, row.pk)
        result = entries.select_related("operation").order_by("-pk")[:HISTORY]
        context = {
            "subject": self.name_of(row),
            "events": [(in_words(entry.operation.verb), image_of(entry)) for entry in result],
            "back": self.address("change", row.pk),
        }
        return self.page(request, "admin/access/history.html", _("History"), context)

    def _changing(self, request: HttpRequest, row: Any, form_class: type[ChangeForm], back: str) -> HttpResponse:
        access = access_of(request)
        if not form_class.applies(access, row):
            raise Http404
        form = form_class(request.POST if request.method == "POST" else None, access=access, row=row)
        return changing(
            request, form, back=back, opts=self.opts, site=self.admin_site, subject=f"{form.title}: {self.name_of(row)}"
        )

    def _page(self, request: HttpRequest, row: Any) -> HttpResponse:
        access = access_of(request)
        items = [(form, f"{self.address('change', row.pk)}?do={name}") for name, form in self.acts.items()]
        if self.removes is not None:
            items.append((self.removes, self.address("delete", row.pk)))
        acts = [
            RowAction(str(form.title), link, self.missing(request, form, row), form.danger)
            for form, link in items
            if form.applies(access, row)
        ]
        place = place_of(row)
        reads = access.may_anywhere("view_audit_log") if place is None else access.may("view_audit_log", place)
        context = {
            "row": row,
            "facts": [(label, value) for label, value in self.facts_of(request, row) if value not in (None, "")],
            "acts": [*acts, *self.further_acts(request, row)],
            "history": self.address("history", row.pk) if reads else "",
            "back": self.address("changelist"),
            "list": str(self.opts.verbose_name_plural).capitalize(),
            **self.more(request, row),
        }
        return self.page(request, self.row_template, self.name_of(row), context)

    def name_of(self, row: Any) -> str:
        """Return the title of a row's pages."""
        return str(row)

    def facts_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        """Return the facts on a row's page as label and value: by default, the columns of the list."""
        names = list(self.get_list_display(request))
        return [
            (str(label_for_field(name, self.model, self)).capitalize(), getattr(self, str(name))(row)) for name in names
        ]

    def further_acts(self, request: HttpRequest, row: Any) -> list[RowAction]:
        """Return further links on a row's page."""
        return []

    def more(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return further parts of a row's page."""
        return {}


class RoleFilter(ChoiceFilter, DropdownFilter):
    """The roles of the account's scheme, of the table's kind."""

    title = gettext_lazy("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        access = access_of(request)
        kind = Role.Kind.PARENT if model_admin.model is ParentMembership else Role.Kind.BRANCH
        assert access.account is not None
        usable = Role.objects.usable_in(access.account_id, access.account.scheme).filter(kind=kind)
        return [(str(role.pk), role.name) for role in usable.order_by("-rank", "name")]

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        return queryset.filter(role=int(chosen))


class PlaceFilter(ChoiceFilter, DropdownFilter):
    """The branches on which the person may see the table's rows; no filter where there is only one."""

    title = gettext_lazy("branch")
    parameter_name = "branch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        result = access_of(request).branches_where(model_admin.views)
        return [(str(branch.pk), branch.name) for branch in result] if len(result) > 1 else []

    def narrowed(self, request: HttpRequest, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        return queryset.filter(branch=int(chosen))
