"""Binds the account that a request works in to its user, and tells the database."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.access.mandates import bind_account, choose_account
from apps.accounts import fence
from apps.accounts.models import Account, User
from apps.audit.services import origin

SESSION_KEY = "account"


def work_in(user: User, account: Account) -> None:
    """Let the request of this user work in the account from here on: for the engine, and for the database."""
    fence.tell(account.pk, user.pk)
    bind_account(user, account)


class CurrentAccountMiddleware:
    """A request works in one account at a time: the one chosen in the session, or the user's first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Bind the account before the view asks anything. A chosen account that the user left is forgotten."""
        fence.forget()
        if request.user.is_authenticated:
            fence.tell(None, request.user.pk)
            account = choose_account(request.user, request.session.get(SESSION_KEY))
            if account is None:
                request.session.pop(SESSION_KEY, None)
            else:
                work_in(request.user, account)
        with origin(ip=request.META.get("REMOTE_ADDR")):
            return self.get_response(request)
