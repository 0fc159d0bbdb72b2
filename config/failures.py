"""What people are answered when a page fails."""

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

from apps.accounts.faults import DatabaseFault, database_fault

SECONDS_TO_RETRY = 30


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 to a request that cannot be read, without reading it once more."""
    return HttpResponse(render_to_string("400.html"), status=400)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer 503 where the database does not work, saying what is wrong with it, and 500 elsewhere.

    Neither page asks the database anything. The cause stands in the server's log (`config.logs`).
    """
    fault = database_fault(sys.exception())
    if fault is None:
        return server_error(request)
    page = render_to_string("503.html", {"sentence": fault.sentence, "is_full": fault is DatabaseFault.DISK_FULL})
    return HttpResponse(page, status=503, headers={"Retry-After": str(SECONDS_TO_RETRY)})
