"""Error pages for failed requests."""

import sys

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from apps.accounts.database_faults import DatabaseFault, database_fault

SECONDS_TO_RETRY = 30


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 413 to a request that is too large, and 400 to another one that cannot be read, without reading on."""
    too_large = isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent)
    status = 413 if too_large else 400
    return HttpResponse(render_to_string(f"{status}.html"), status=status)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer 503 where the database does not work, saying what is wrong with it, and 500 elsewhere.

    Neither page queries the database. The cause is in the server's log (`config.logs`).
    """
    fault = database_fault(sys.exception())
    if fault is None:
        return HttpResponse(render_to_string("500.html"), status=500)
    page = render_to_string("503.html", {"sentence": fault.sentence, "is_full": fault is DatabaseFault.DISK_FULL})
    return HttpResponse(page, status=503, headers={"Retry-After": str(SECONDS_TO_RETRY)})
