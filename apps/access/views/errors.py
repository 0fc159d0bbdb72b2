"""The page that says why somebody may not, in the frame that they are in."""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.access.admin.site import POLICY, site
from apps.access.desk import Desk, desk_of
from apps.access.errors import MissingPermission, OlderThanThePlan
from apps.access.forms.requests import asking_address
from apps.access.reading import limit_of, reader_of
from apps.access.reasons import why_not
from apps.access.views.navigation import sections
from apps.accounts.models import User

ADMIN = "/admin/"
logger = logging.getLogger(__name__)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403, naming the missing permission, why it is missing, and who can grant it."""
    if not isinstance(request.user, User):
        return render(request, "403.html", {"why": None, "layout": "pages/plain.html"}, status=403)
    desk = desk_of(request)
    in_admin = request.path.startswith(ADMIN) and site.has_permission(request)
    context = _admin_frame(request) if in_admin else _frame(request, desk)
    if isinstance(exception, MissingPermission):
        _note(request, request.user, desk, exception)
        context |= {"why": why_not(desk, exception.codename, exception.target), "target": exception.target}
        if desk.account is not None:
            context["asking"] = asking_address(desk, exception.codename, exception.target)
    elif isinstance(exception, OlderThanThePlan):
        context["limit"] = limit_of(desk, reader_of(request))
    response = render(request, "403.html", context, status=403)
    if in_admin:
        response._csp_update = POLICY  # type: ignore[attr-defined]
    return response


def _note(request: HttpRequest, user: User, desk: Desk, refused: MissingPermission) -> None:
    """Write down who was refused what, in place of the line that Django would write about the same answer."""
    request.refusal_is_logged = True  # type: ignore[attr-defined]
    account = desk.account_id if desk.account is not None else "none"
    logger.warning("User %s in account %s was refused %s at %s", user.pk, account, refused.codename, request.path)


def _admin_frame(request: HttpRequest) -> dict[str, Any]:
    return {**site.each_context(request), "title": _("Not allowed"), "layout": "admin/base_site.html"}


def _frame(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    if desk.account is None:
        return {"desk": desk, "layout": "pages/plain.html"}
    return {
        "desk": desk,
        "account": desk.account,
        "title": _("Not allowed"),
        "navigation": sections(request, desk),
        "layout": "pages/base.html",
    }
