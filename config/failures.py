"""What people are answered when a page fails."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

SECONDS_TO_RETRY = 30


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 to a request that cannot be read, without reading it once more."""
    return HttpResponse(render_to_string("400.html"), status=400)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer 503 where the database is out of reach, full or overloaded, and 500 elsewhere.

    Neither page asks the database anything. What went wrong stands in the server's log.
    """
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(SECONDS_TO_RETRY)})
    return server_error(request)
