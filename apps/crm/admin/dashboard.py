"""Today: what waits for me, what I am about to win, and what has just come in."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.http import HttpRequest

from apps.access import lists
from apps.access.context import Desk, desk_of, veil
from apps.access.reasons import tooltip
from apps.crm.pipelines import my_pipelines

TASKS = 8
NEW = 6


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The context of the admin's index."""
    desk = desk_of(request)
    if desk.mandate is None:
        return context
    return {
        **context,
        "tasks": _my_tasks(desk) if desk.may_anywhere("view_task") else None,
        "pipelines": my_pipelines(desk) if desk.may_anywhere("view_pipeline") else None,
        "leads": _newest(desk, "lead", "status", "responsible"),
        "activities": _newest(desk, "activity", "created_by") if desk.may_anywhere("view_activity_page") else None,
        "missing": {
            codename: tooltip(desk, codename)
            for codename in ("view_task", "view_pipeline", "view_lead", "view_activity_page")
            if not desk.may_anywhere(codename)
        },
    }


def _my_tasks(desk: Desk) -> list[Any]:
    """My open tasks, what is due first at the top and what has no date last."""
    rows = desk.rows("view_task", "task").filter(responsible=desk.user, done=False)
    found = list(rows.order_by(F("due_at").asc(nulls_last=True), "pk")[:TASKS])
    veil(desk, found)
    return found


def _newest(desk: Desk, record_type: str, *related: str) -> list[Any] | None:
    """The newest visible records of a type; None for those who may view none."""
    codename = f"view_{record_type}"
    mandate = desk.mandate
    if mandate is None or not desk.may_anywhere(codename):
        return None
    rows = list(lists.page(mandate, codename, record_type=record_type, size=NEW).select_related(*related))
    veil(desk, rows)
    return rows
