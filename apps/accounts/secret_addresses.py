"""Pages whose URL contains a secret, such as a password reset link: the URL never leaks through the referrer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

# The path is sent to no site, not even to our own. `no-referrer` would do the same, but makes browsers send forms
# from nowhere (`Origin: null`), which the protection against forms from elsewhere refuses.
POLICY = "strict-origin"


def with_secret_address(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view, whose address a browser sends along with no request. That nothing is kept, the middleware says."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = view(request, *args, **kwargs)
        response.headers["Referrer-Policy"] = POLICY
        return response

    return answer
