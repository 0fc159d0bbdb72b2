"""The page that explains a refusal, in the frame of the pages or the admin."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.access.context import AccessContext, access_of
from apps.access.errors import MissingPermission, OlderThanThePlan
from apps.access.history.log_access import limit_of, reader_of
from apps.access.reasons import why_not
from apps.accounts.models import User
from apps.pages.access_requests import asking_address
from apps.pages.views.navigation import sections

logger = logging.getLogger(__name__)


def refuse(
    request: HttpRequest, exception: Exception, frame: Callable[[HttpRequest, AccessContext], dict[str, Any]]
) -> HttpResponse:
    """Answer 403 in a frame, naming the missing permission, why it is missing, and who can grant it.

    `frame` returns the context of the page around the answer, with its template as `layout`.
    """
    if not isinstance(request.user, User):
        return render(request, "403.html", {"why": None, "layout": "pages/plain.html"}, status=403)
    access = access_of(request)
    context = frame(request, access)
    if isinstance(exception, MissingPermission):
        _note(request, request.user, access, exception)
        context |= {"why": why_not(access, exception.codename, exception.target), "target": exception.target}
        if access.account is not None:
            context["asking"] = asking_address(access, exception.codename, exception.target)
    elif isinstance(exception, OlderThanThePlan):
        context["limit"] = limit_of(access, reader_of(request))
    return render(request, "403.html", context, status=403)


def _note(request: HttpRequest, user: User, access: AccessContext, refused: MissingPermission) -> None:
    """Write down who was refused what, in place of the line that Django would write about the same answer."""
    request.refusal_is_logged = True  # type: ignore[attr-defined]
    account = access.account_id if access.account is not None else "none"
    logger.warning("User %s in account %s was refused %s at %s", user.pk, account, refused.codename, request.path)


def page_frame(request: HttpRequest, access: AccessContext) -> dict[str, Any]:
    """Return the frame of the account's pages; without an account, the plain one."""
    if access.account is None:
        return {"access": access, "layout": "pages/plain.html"}
    return {
        "access": access,
        "account": access.account,
        "title": _("Not allowed"),
        "navigation": sections(request, access),
        "layout": "pages/base.html",
    }
