"""Gives each request a number, which its answer and its lines in the log carry."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

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
