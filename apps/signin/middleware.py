"""What is asked of every request before its page: its method, and who is signed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from apps.access.second_factor import lacks_second_factor
from apps.accounts.lifetime import has_run_out
from apps.accounts.models import User
from apps.accounts.sessions import note

# Sign-in, sign-out, the user's own pages, and what leads out of the account. All else is in the account; the
# first page shows several accounts, and asks for each by itself.
OUTSIDE = re.compile(
    r"/(?:login/.*|logout/|password/.*|mfa/.*|me/|me/access/|me/email/.*|me/(?:sessions|tokens)/.*|signup/.*|invitations/.*|account/.*"
    r"|viewing/stop/|admin/login/|admin/logout/|demo/mail/.*)?"
)

METHODS = ["GET", "HEAD", "OPTIONS", "POST"]


class MethodsMiddleware:
    """Pages are looked at and sent forms; no view has to know what PUT or DELETE would mean of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer every other method with 405."""
        return self.get_response(request) if request.method in METHODS else HttpResponseNotAllowed(METHODS)


class PrivatePagesMiddleware:
    """No browser and no proxy keeps a page: what it shows is one person's, rights change, and some links are secret."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Say so, whatever a page says about being kept."""
        response = self.get_response(request)
        response.headers["Cache-Control"] = "private, no-store"
        return response


class SessionMiddleware:
    """A session ends after a week, and after half a day without a request (`SESSION_COOKIE_AGE`)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Sign out users whose session is too old."""
        if request.user.is_authenticated:
            if has_run_out(request.session):
                logout(request)
            else:
                note(request.session)
        return self.get_response(request)


class SecondFactorMiddleware:
    """Redirect users to set up two-factor authentication if the account requires it and they have none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """See `process_view`: by then the account is bound, and a page of none is not found."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Lead to the page of the second factor, before the view is asked."""
        user = request.user
        if isinstance(user, User) and user.viewed_by is not None:
            # The requirement applies to the user who signed in, not to the one they view as.
            user = user.viewed_by
        if not isinstance(user, User) or user.current_account is None or OUTSIDE.fullmatch(request.path_info):
            return None
        if not lacks_second_factor(user, user.current_account):
            return None
        address = reverse("mfa_index")
        return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)  # type: ignore[attr-defined]
