"""The base of every page of an account: the account in its address, the permission that it declares, its frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods

from apps.access.context import AccessContext, access_of
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.flow import answer
from apps.pages.views.navigation import sections
from apps.roles import catalogue

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
# A page as it is written: the request, who asks in which account, and the rest of the address.
PageView = Callable[Concatenate[HttpRequest, AccessContext, P], R]
EVERYBODY = ""


def page(codename: str, *, sends: bool = False) -> Callable[[PageView[P, R]], Callable[..., HttpResponseBase]]:
    """Declare a view as a page of the account in its address, for those who hold the permission anywhere in it.

    `EVERYBODY` opens it to all who work in the account; what such a page shows, it asks for itself. Signed out, it
    leads to signing in; an account that one does not belong to answers as one that does not exist. It is only looked
    at unless it `sends` a form, and answers any other method with 405.

    Raises:
        UnknownPermission: the catalogue lacks the codename; at start-up.
    """
    needed = codename and catalogue.get(codename).codename
    methods = ["GET", "HEAD", "POST"] if sends else ["GET", "HEAD"]

    def declare(view: PageView[P, R]) -> Callable[..., HttpResponseBase]:
        answered = require_http_methods(methods)(view)

        @wraps(view)
        @login_required
        def guarded(request: HttpRequest, account: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            access = access_of(request)
            if access.account is None or access.account.slug != account:
                raise Http404
            if needed:
                access.require(needed)
            return answered(request, access, *args, **kwargs)

        guarded.permission = needed  # type: ignore[attr-defined]
        return guarded

    return declare


def account_page(route: str, view: Callable[..., HttpResponseBase], name: str, **named: str) -> URLPattern:
    """The address of a page under `/a/<account>/`; `named` are arguments of the view that its address does not carry.

    Raises:
        ImproperlyConfigured: the view declares no permission.
    """
    if getattr(view, "permission", None) is None:
        raise ImproperlyConfigured(f"The page {view.__module__}.{view.__qualname__} declares no permission: use @page.")
    return path(f"a/<slug:account>/{route}", view, named, name=name)


def show(
    request: HttpRequest,
    access: AccessContext,
    template: str,
    title: str,
    context: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """The page in the account's frame."""
    shared = {"access": access, "account": access.account, "title": title, "navigation": sections(request, access)}
    return render(request, template, {**shared, **(context or {})}, status=status)


class AccountChangePages:
    """The pages of a change of access in the account's pages. `crumbs` are addresses and their names."""

    def __init__(
        self, request: HttpRequest, access: AccessContext, *, crumbs: list[tuple[str, str]] | None = None
    ) -> None:
        self.request = request
        self.access = access
        self.crumbs = crumbs or []

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """One of the three pages: the form, its preview, or what is shown once."""
        return show(
            self.request,
            self.access,
            f"pages/change/{page}.html",
            context["subject"],
            {**context, "crumbs": self.crumbs},
        )

    def operation_address(self, operation_id: int) -> str:
        """The operation in the account's log."""
        assert self.access.account is not None
        return reverse("pages:operation", args=[self.access.account.slug, operation_id])


def change_page(
    request: HttpRequest,
    access: AccessContext,
    form: ChangeForm,
    *,
    back: str,
    subject: str,
    crumbs: list[tuple[str, str]] | None = None,
    at_once: bool = False,
) -> HttpResponse:
    """A page on which one change of access is made: its form, its preview (unless `at_once`), and the way back.

    Raises:
        MissingPermission: the person may not.
    """
    pages = AccountChangePages(request, access, crumbs=crumbs)
    return answer(request, form, pages, back=back, subject=subject, at_once=at_once)
