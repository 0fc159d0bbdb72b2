"""The page that says why an action is not allowed: in the admin's frame there, in the account's elsewhere."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.backoffice.contentpolicy import under_admin_policy
from apps.backoffice.site import site
from apps.pages.forbidden import page_frame, refuse

ADMIN = "/admin/"


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403 where the reader is: in the admin for staff in it, else on the account's pages."""
    if not (request.path.startswith(ADMIN) and site.has_permission(request)):
        return refuse(request, exception, page_frame)
    return under_admin_policy(refuse)(request, exception, _admin_frame)


def _admin_frame(request: HttpRequest, access: AccessContext) -> dict[str, Any]:
    return {**site.each_context(request), "title": _("Not allowed"), "layout": "admin/base_site.html"}
