"""Binds the account that a request works in to its user."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.access.mandates import bind_account, choose_account
from apps.audit.services import origin

SESSION_KEY = "account"


class CurrentAccountMiddleware:
    """A request works in one account at a time: the one chosen in the session, or the user's first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Bind the account before the view asks anything. A chosen account that the user left is forgotten."""
        if request.user.is_authenticated:
            account = choose_account(request.user, request.session.get(SESSION_KEY))
            if account is None:
                request.session.pop(SESSION_KEY, None)
            else:
                bind_account(request.user, account)
        with origin(ip=request.META.get("REMOTE_ADDR")):
            return self.get_response(request)
