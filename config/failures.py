"""What people are answered when a page fails."""

import sys

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

SECONDS_TO_RETRY = 30


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 413 to a request that is too large, and 400 to another one that cannot be read, without reading on."""
    too_large = isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent)
    status = 413 if too_large else 400
    return HttpResponse(render_to_string(f"{status}.html"), status=status)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer 503 where the database is out of reach, full or overloaded, and 500 elsewhere.

    Neither page asks the database anything. What went wrong stands in the server's log.
    """
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(SECONDS_TO_RETRY)})
    return HttpResponse(render_to_string("500.html"), status=500)
