"""What surrounds every request: its number, which its answer and its lines in the log carry, and HTTPS."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden

from config.logs import request_id

HEADER = "X-Request-ID"


class RequestIdMiddleware:
    """A client can't set this header: it must not choose what the log contains."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and say under which number."""
        number = secrets.token_hex(6)
        outer = request_id.set(number)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(outer)
        response[HEADER] = number
        return response


class HttpsOnlyMiddleware:
    """Refuses what a redirect to HTTPS would not protect: a form or an API token has crossed the network by then.

    Pages that a browser only reads are left to Django's SecurityMiddleware, which redirects them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.active: bool = settings.SECURE_SSL_REDIRECT

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 403 to a form or a token that came over plain HTTP."""
        reads = request.method in ("GET", "HEAD") and "Authorization" not in request.headers
        if not self.active or request.is_secure() or reads:
            return self.get_response(request)
        response = HttpResponseForbidden(
            "Send this to the https:// address.\n", content_type="text/plain; charset=utf-8"
        )
        response["X-Content-Type-Options"] = "nosniff"
        return response
