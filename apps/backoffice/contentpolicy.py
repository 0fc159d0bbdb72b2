"""The admin's content security policy, added to that of the pages in the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from csp.constants import UNSAFE_EVAL
from csp.decorators import csp, csp_update
from django.http.response import HttpResponseBase

_Answer = TypeVar("_Answer", bound=HttpResponseBase)
# Unfold's Alpine compiles the expressions in unfold's templates, and nothing else needs this. Scripts and styles come
# from our files alone, as on the pages: no inline script of a page runs, and no nonce is needed.
ADDED = {"script-src": [UNSAFE_EVAL]}
# The libraries write markup, so a browser only reports it, to its own console.
REPORTED = {"require-trusted-types-for": ["'script'"]}


def under_admin_policy(view: Callable[..., _Answer]) -> Callable[..., _Answer]:
    """Return the view, whose answers carry the admin's content security policy."""
    decorated: Callable[..., Any] = csp_update(ADDED)(csp(REPORTED, REPORT_ONLY=True)(view))
    return decorated
