"""Binds the account that a request works in to its user, and tells the database; and the reader's time zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from zoneinfo import available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.access.mandates import bind_account, choose_account, own_account, some_accounts_of
from apps.accounts import fence
from apps.accounts.models import Account, User
from apps.audit.services import origin

SESSION_KEY = "account"
# The account's own pages carry it in their address.
IN_ADDRESS = re.compile(r"/a/(?P<slug>[-a-zA-Z0-9_]+)/")


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
        timezone.deactivate()
        if isinstance(request.user, User):
            fence.tell(None, request.user.pk)
            account = self._account(request, request.user)
            if account is not None:
                work_in(request.user, account)
            if request.user.time_zone in available_timezones():
                timezone.activate(request.user.time_zone)
        with origin(ip=request.META.get("REMOTE_ADDR")):
            return self.get_response(request)

    def _account(self, request: HttpRequest, user: User) -> Account | None:
        chosen = request.session.get(SESSION_KEY)
        user.accounts = some_accounts_of(user)
        named = IN_ADDRESS.match(request.path_info)
        if named is not None:
            account = own_account(user, user.accounts, slug=named["slug"])
            if account is not None and account.pk != chosen:
                # The admin goes on in the account that one has just been in.
                request.session[SESSION_KEY] = account.pk
            return account
        account = choose_account(user, chosen, user.accounts)
        if account is None:
            request.session.pop(SESSION_KEY, None)
        return account


class PrivatePagesMiddleware:
    """What somebody who is signed in is shown is kept by no browser and no proxy: it is theirs, and rights change."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Say so, whatever else a page says about being kept."""
        response = self.get_response(request)
        if isinstance(request.user, User):
            response.headers["Cache-Control"] = "private, no-store"
        return response
