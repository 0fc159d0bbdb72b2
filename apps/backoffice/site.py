"""The admin's site: for staff, in one account at a time, with nothing on it that does not ask the engine."""

from __future__ import annotations

from datetime import time
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.views import LogoutView
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import ForeignKey
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.i18n import JavaScriptCatalog
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from apps.access.context import access_of
from apps.accounts.datetime_formats import DateTimeForm, current, written
from apps.backoffice.contentpolicy import under_admin_policy
from apps.backoffice.operator import end_operator_session, operator_page
from apps.backoffice.options import MandateAdmin

FOUND = 6
SHORTEST_SEARCH = 2


class RecordAutocomplete(AutocompleteJsonView):
    """The options of a picker: visible records of a type, for people who may view some."""

    def process_request(self, request: HttpRequest) -> tuple[str, Any, Any, str]:
        """The words, and of what they are searched.

        Raises:
            PermissionDenied: the parameters name no link to records, or not all of them are there.
        """
        try:
            term, model_admin, source_field, to_field_name = super().process_request(request)
        except (AttributeError, FieldDoesNotExist, ValueError) as error:
            raise PermissionDenied from error
        if not isinstance(model_admin, MandateAdmin) or not isinstance(source_field, ForeignKey):
            raise PermissionDenied
        return term.replace("\0", ""), model_admin, source_field, to_field_name

    def has_perm(self, request: HttpRequest, obj: Any = None) -> bool:
        admin: Any = self.model_admin
        access_of(request).require(admin.codename("view"))
        return True

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        result: dict[str, str] = super().serialize_result(obj, to_field_name)
        return {**result, "text": f"{obj} ({obj.reference})" if str(obj) != obj.reference else obj.reference}


class ScriptCatalog(JavaScriptCatalog):
    """Django's, with calendars and clocks as the account has chosen them."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        result: dict[str, Any] = super().get_context_data(**kwargs)
        formats = {name: str(each) for name, each in result["formats"].items() if isinstance(each, str)}
        result["formats"] |= {**formats, "FIRST_DAY_OF_WEEK": current().week_begins}
        hours = {"6 a.m.": time(6), "6 p.m.": time(18)}
        result["catalog"] |= {words: written(hour, DateTimeForm.TIME) for words, hour in hours.items()}
        return result


class MandateSite(UnfoldAdminSite):
    """Django's log is not shown, there is no "view on site", and the search is not kept: rights change at once."""

    site_title = "Mandate"
    site_header = "Mandate"
    index_title = _("Today")
    enable_nav_sidebar = True

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Django's and unfold's, without the redirect that tells which ids exist; and the operator's own page."""
        urls = [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]
        return [
            path("operator/", self.admin_view(self.operator_view), name="operator"),
            path("operator/end/", self.admin_view(self.end_operator_session_view), name="operator_end"),
            *urls,
        ]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Django's, under the admin's content security policy."""
        return under_admin_policy(super().admin_view(view, cacheable))

    @method_decorator(secure_admin_login)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirect to the one sign-in page; signed-in people who are not staff can't open the admin."""
        return super().login(request, extra_context)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Sign out, and lead to signing in."""
        return LogoutView.as_view()(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead to the one page on which a password is changed."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """See above."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def operator_view(self, request: HttpRequest) -> HttpResponse:
        """See `operator_page`."""
        return operator_page(self, request)

    def end_operator_session_view(self, request: HttpRequest) -> HttpResponse:
        """See `end_operator_session`."""
        return end_operator_session(request)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Unfold's, without the colours that it would write into each page: they are in our stylesheets."""
        context = super().each_context(request) | {"colors": None}
        if context["has_permission"]:
            access = access_of(request)
            context |= {"access": access, "current_account": access.account}
        return context

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the apps that the person may open; none without a sign-in."""
        return super().get_app_list(request, app_label) if self.has_permission(request) else []

    def i18n_javascript(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """The words of the admin's scripts."""
        return ScriptCatalog.as_view(packages=["django.contrib.admin"])(request)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        return RecordAutocomplete.as_view(admin_site=self)(request)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The first visible records of each type that the words lead to, newest first."""
        words = request.GET.get("s", "").strip()
        if len(words) < SHORTEST_SEARCH:
            return HttpResponse()
        results = [result for admin in self._registry.values() for result in self._found(request, admin, words)]
        paginator = Paginator(results, max(len(results), 1))
        return TemplateResponse(
            request,
            "unfold/helpers/command_results.html"
            if "extended" in request.GET
            else "unfold/helpers/search_results.html",
            {
                "page_obj": paginator,
                "results": paginator.page(1),
                "page_counter": 0,
                "execution_time": 0,
                "command_show_history": False,
            },
            headers={"HX-Trigger": "search"},
        )

    def _found(self, request: HttpRequest, admin: Any, words: str) -> list[SearchResult]:
        if not isinstance(admin, MandateAdmin) or not admin.has_view_permission(request):
            return []
        rows, _duplicates = admin.get_search_results(request, admin.get_queryset(request), words)
        change = f"{self.name}:{admin.opts.app_label}_{admin.opts.model_name}_change"
        return [
            SearchResult(
                title=str(row),
                description=f"{str(admin.opts.verbose_name).capitalize()} {row.reference}",
                link=reverse(change, args=[row.pk]),
                icon="search",
            )
            for row in rows[:FOUND]
        ]


site = MandateSite(name="admin")
