"""Today: what waits for me, what I am about to win, and what has just come in."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.http import HttpRequest

from apps.access import lists
from apps.access.context import AccessContext, access_of, veil
from apps.access.reasons import tooltip
from apps.crm.pipelines import my_pipelines

TASKS = 8
NEW = 6


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The context of the admin's index."""
    access = access_of(request)
    if access.mandate is None:
        return context
    return {
        **context,
        "tasks": _my_tasks(access) if access.may_anywhere("view_task") else None,
        "pipelines": my_pipelines(access) if access.may_anywhere("view_pipeline") else None,
        "leads": _newest(access, "lead", "status", "responsible"),
        "activities": _newest(access, "activity", "created_by") if access.may_anywhere("view_activity_page") else None,
        "missing": {
            codename: tooltip(access, codename)
            for codename in ("view_task", "view_pipeline", "view_lead", "view_activity_page")
            if not access.may_anywhere(codename)
        },
    }


def _my_tasks(access: AccessContext) -> list[Any]:
    """My open tasks, what is due first at the top and what has no date last."""
    rows = access.rows("view_task", "task").filter(responsible=access.user, done=False)
    items = list(rows.order_by(F("due_at").asc(nulls_last=True), "pk")[:TASKS])
    veil(access, items)
    return items


def _newest(access: AccessContext, record_type: str, *related: str) -> list[Any] | None:
    """The newest visible records of a type; None for those who may view none."""
    codename = f"view_{record_type}"
    mandate = access.mandate
    if mandate is None or not access.may_anywhere(codename):
        return None
    rows = list(lists.page(mandate, codename, record_type=record_type, size=NEW).select_related(*related))
    veil(access, rows)
    return rows
