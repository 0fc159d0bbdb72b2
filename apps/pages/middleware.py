"""Binds the account that a request works in to its user, and tells the database; and how days and times are told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.access.mandate_cache import bind_account, choose_account, own_account, some_accounts_of
from apps.accounts import fence
from apps.accounts.models import Account, User
from apps.accounts.network import client_ip
from apps.accounts.preferences import as_read_by
from apps.audit.services import origin
from apps.changes.view_as import ViewAsSession, ViewingRefused, eyes_of, stop, viewing_of

SESSION_KEY = "account"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# The pages that “view as” affects; pages about the person themselves are not.
AS_SEEN = re.compile(r"/a/|/admin/(?!logout/|operator/|password_change/)")
# What ends it, and may be sent while it lasts.
SIGNING_OUT = frozenset({"/logout/", "/admin/logout/"})
LEAVING = SIGNING_OUT | {"/viewing/stop/"}
# The account's own pages carry it in their address.
IN_ADDRESS = re.compile(r"/a/(?P<slug>[-a-zA-Z0-9_]+)/")


def viewing_on(request: HttpRequest) -> ViewAsSession | None:
    """Return the member whom the user views as, on any page."""
    result: ViewAsSession | None = getattr(request, "viewing", None)
    return result


def work_in(user: User, account: Account) -> None:
    """Let the request of this user work in the account from here on: for the engine, and for the database."""
    fence.tell(account.pk, user.pk)
    bind_account(user, account)


class CurrentAccountMiddleware:
    """A request works in one account at a time: the one in its address, else the one chosen in the session, else the
    user's first. One in the address that the user does not belong to is none.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Bind the account before the view asks anything. A chosen account that the user left is forgotten."""
        fence.forget()
        reader: User | None = None
        account: Account | None = None
        if isinstance(request.user, User):
            reader = request.user
            fence.tell(None, reader.pk)
            account = self._account(request, reader)
            if account is not None:
                work_in(reader, account)
        ip, person = client_ip(request), self._eyes(request)
        with as_read_by(reader, account):
            if person is None:
                with origin(ip=ip):
                    return self.get_response(request)
            request.user = person
            with origin(ip=ip, acting=person.viewed_by, acting_as=person):
                return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """While a member views as another, refuse every write; say when viewing ends."""
        if ended := getattr(request, "viewing_ended", ""):
            messages.info(request, _("Viewing ended. %(why)s") % {"why": ended})
        if viewing_on(request) is None or request.method in SAFE or request.path_info in LEAVING:
            return None
        return render(request, "pages/viewing/refused.html", status=403)

    def _eyes(self, request: HttpRequest) -> User | None:
        """Return the member whom the page is viewed as, None otherwise. Ends an expired view."""
        viewing, real = viewing_of(request.session), request.user
        if viewing is None or not isinstance(real, User):
            return None
        person, account = None, real.current_account
        try:
            if viewing.is_over:
                raise ViewingRefused(_("The 30 minutes are over."))
            if request.method == "POST" and request.path_info in SIGNING_OUT:
                raise ViewingRefused(_("Signed out."))
            if account is not None and account.pk == viewing.account_id and AS_SEEN.match(request.path_info):
                person = eyes_of(request.session, real, account)
        except ViewingRefused as refusal:
            stop(request.session, real, how=str(refusal))
            request.viewing_ended = str(refusal)  # type: ignore[attr-defined]
        else:
            request.viewing = viewing  # type: ignore[attr-defined]
        return person

    def _account(self, request: HttpRequest, user: User) -> Account | None:
        viewing = viewing_of(request.session)
        chosen = request.session.get(SESSION_KEY) if viewing is None else viewing.account_id
        user.accounts = some_accounts_of(user)
        named = IN_ADDRESS.match(request.path_info)
        if named is not None:
            account = own_account(user, user.accounts, slug=named["slug"])
            if account is not None and account.pk != chosen and viewing is None:
                # The admin goes on in the account that one has just been in.
                request.session[SESSION_KEY] = account.pk
            return account
        account = choose_account(user, chosen, user.accounts)
        if account is None:
            request.session.pop(SESSION_KEY, None)
        return account
