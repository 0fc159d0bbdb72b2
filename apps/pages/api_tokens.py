"""What a program reads with an API token: a few addresses that give data, each judged as for the token's owner.

Such a request has no session and gets none, sends no cookie, and changes nothing but the log, in which an export
stands. Refusals are JSON.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from allauth.core.internal import ratelimit
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.errors import MissingPermission
from apps.accounts.network import client_ip
from apps.accounts.tokens import owner_of

V = TypeVar("V", bound=Callable[..., Any])
SCHEME = "bearer"
# Wrong tokens from one address of the network.
LIMIT = {"api_token": "60/m/ip"}
logger = logging.getLogger("mandate.security")


def for_tokens(view: V) -> V:
    """Let programs read this page with a token; it has to change nothing."""
    view.for_tokens = True  # type: ignore[attr-defined]
    return view


def has_token(request: HttpRequest) -> bool:
    """Whether a program asks, with a token that counts."""
    return hasattr(request, "with_token")


class TokenMiddleware:
    """Whose request it is, where it carries a token; a session that comes along does not count then."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer for the token's owner, or refuse what is no token."""
        kind, _space, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != SCHEME:
            return self.get_response(request)
        user = owner_of(token.strip())
        if user is None:
            return self._refused(request)
        session = request.session
        request.user, request.session = user, SessionStore()
        request.with_token = True  # type: ignore[attr-defined]
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined] # no browser sends a token by itself
        try:
            return self._told(self.get_response(request))
        finally:
            request.session = session
            # A page of an error may have a form in it; its token's cookie is for browsers.
            request.META.pop("CSRF_COOKIE_NEEDS_UPDATE", None)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Refuse every address that is not for tokens."""
        if not has_token(request) or getattr(view, "for_tokens", False):
            return None
        return _problem(403, _("API tokens can’t be used for this address."))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Name the permission that is missing."""
        if not has_token(request) or not isinstance(exception, MissingPermission):
            return None
        return _problem(403, str(exception), permission=exception.codename)

    def _told(self, response: HttpResponse) -> HttpResponse:
        """The answer as it is, or what a browser would be led to or shown, for a program."""
        if response.status_code == 302:
            if response.headers["Location"] == reverse("mfa_index"):
                return _problem(
                    403, _("The account requires two-factor authentication. The token’s owner hasn’t set it up.")
                )
            return _problem(400, _("The request is not valid."))
        if response.status_code < 400 or response.headers.get("Content-Type", "").startswith("application/json"):
            return response
        sentences = {404: _("Not found."), 405: _("This address doesn’t allow this HTTP method.")}
        return _problem(response.status_code, sentences.get(response.status_code, response.reason_phrase))

    def _refused(self, request: HttpRequest) -> HttpResponse:
        usage = ratelimit.consume(request, app="mandate", action="api_token", config=LIMIT, limit_get=True)
        if not usage:
            return _problem(429, _("Too many attempts. Try again in a few minutes."))
        logger.warning("A wrong API token came from %s", client_ip(request))
        response = _problem(401, _("This API token is not valid. It may be incomplete or expired."))
        response["WWW-Authenticate"] = "Bearer"
        return response


def _problem(status: int, sentence: str, **more: str) -> JsonResponse:
    return JsonResponse({"error": sentence, **more}, status=status)
