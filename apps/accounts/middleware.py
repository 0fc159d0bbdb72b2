"""What is asked of every request of somebody who is signed in, before its page."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from apps.accounts.lifetime import has_run_out
from apps.accounts.sessions import note


class SessionMiddleware:
    """A session ends after a week, and after half a day without a request (`SESSION_COOKIE_AGE`)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Sign out whoever stays too long, and let the others' sessions go on."""
        if request.user.is_authenticated:
            if has_run_out(request.session):
                logout(request)
            else:
                note(request.session)
        return self.get_response(request)
