"""The page that says why somebody may not, in the frame that they are in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.access.context import Desk, desk_of
from apps.access.errors import MissingPermission, OlderThanThePlan
from apps.access.history.log_access import limit_of, reader_of
from apps.access.reasons import why_not
from apps.accounts.models import User
from apps.pages.access_requests import asking_address
from apps.pages.views.navigation import sections

logger = logging.getLogger(__name__)


def refuse(
    request: HttpRequest, exception: Exception, frame: Callable[[HttpRequest, Desk], dict[str, Any]]
) -> HttpResponse:
    """Answer 403 in a frame, naming the missing permission, why it is missing, and who can grant it.

    `frame` returns the context of the page around the answer, with its template as `layout`.
    """
    if not isinstance(request.user, User):
        return render(request, "403.html", {"why": None, "layout": "pages/plain.html"}, status=403)
    desk = desk_of(request)
    context = frame(request, desk)
    if isinstance(exception, MissingPermission):
        _note(request, request.user, desk, exception)
        context |= {"why": why_not(desk, exception.codename, exception.target), "target": exception.target}
        if desk.account is not None:
            context["asking"] = asking_address(desk, exception.codename, exception.target)
    elif isinstance(exception, OlderThanThePlan):
        context["limit"] = limit_of(desk, reader_of(request))
    return render(request, "403.html", context, status=403)


def _note(request: HttpRequest, user: User, desk: Desk, refused: MissingPermission) -> None:
    """Write down who was refused what, in place of the line that Django would write about the same answer."""
    request.refusal_is_logged = True  # type: ignore[attr-defined]
    account = desk.account_id if desk.account is not None else "none"
    logger.warning("User %s in account %s was refused %s at %s", user.pk, account, refused.codename, request.path)


def page_frame(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    """Return the frame of the account's pages; without an account, the plain one."""
    if desk.account is None:
        return {"desk": desk, "layout": "pages/plain.html"}
    return {
        "desk": desk,
        "account": desk.account,
        "title": _("Not allowed"),
        "navigation": sections(request, desk),
        "layout": "pages/base.html",
    }
