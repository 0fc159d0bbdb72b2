"""A record's history, limited to what its reader may see."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from apps.access.context import access_of
from apps.crm.models import CrmRecord
from apps.crm.services.history import history_of


def history_page(admin: Any, request: HttpRequest, record: CrmRecord) -> TemplateResponse:
    """The page of what happened to a record, newest first."""
    request.current_app = admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/crm/history.html",
        {
            **admin.admin_site.each_context(request),
            "title": _("History"),
            "subtitle": str(record),
            "opts": admin.opts,
            "original": record,
            "entries": history_of(record, reader=access_of(request).user),
        },
    )
