"""Today: what waits for me, what I am about to win, and what has just come in."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from djmoney.money import Money

from apps.access import lists
from apps.access.desk import Desk, desk_of, veil
from apps.access.reasons import tooltip
from apps.crm.models import Outcome
from apps.crm.templatetags.crm_columns import money

TASKS = 8
NEW = 6


@dataclass(frozen=True, slots=True)
class Stage:
    """One status of my pipeline: how many deals, and how much in each currency."""

    name: str
    count: int
    sums: list[SafeString]
    share: int
    link: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The context of the admin's index."""
    desk = desk_of(request)
    if desk.mandate is None:
        return context
    return {
        **context,
        "tasks": _my_tasks(desk) if desk.may_anywhere("view_task") else None,
        "stages": _my_pipeline(desk) if desk.may_anywhere("view_pipeline") else None,
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


def _my_pipeline(desk: Desk) -> list[Stage]:
    """My open deals by status, on the branches whose pipeline I may see."""
    places = [branch.pk for branch in desk.branches_where("view_pipeline")]
    rows = desk.rows("view_opportunity", "opportunity").filter(
        responsible=desk.user, status__outcome=Outcome.OPEN, branch__in=places
    )
    groups = (
        rows.order_by("status__position", "status_id")
        .values("status_id", "status__name", "amount_currency")
        .annotate(deals=Count("pk"), total=Sum("amount"))
    )
    found: dict[int, tuple[str, int, list[tuple[Decimal, str]]]] = {}
    for group in groups:
        name, count, sums = found.setdefault(group["status_id"], (group["status__name"], 0, []))
        if group["total"] is not None:
            sums.append((group["total"], group["amount_currency"]))
        found[group["status_id"]] = (name, count + group["deals"], sums)
    most = max((count for _, count, _ in found.values()), default=1)
    base = reverse("admin:crm_opportunity_changelist")
    return [
        Stage(
            name,
            count,
            [money(Money(total, currency)) or SafeString() for total, currency in sorted(sums, reverse=True)],
            round(100 * count / most),
            f"{base}?responsible=me&status={status_id}",
        )
        for status_id, (name, count, sums) in found.items()
    ]


def _newest(desk: Desk, record_type: str, *related: str) -> list[Any] | None:
    """The newest visible records of a type; None for those who may view none."""
    codename = f"view_{record_type}"
    mandate = desk.mandate
    if mandate is None or not desk.may_anywhere(codename):
        return None
    rows = list(lists.page(mandate, codename, record_type=record_type, size=NEW).select_related(*related))
    veil(desk, rows)
    return rows
