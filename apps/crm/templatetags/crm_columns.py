"""How values look, in lists and on pages: badges, money, links."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from djmoney.money import Money

from apps.access.records import Record
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.crm.models import Outcome, Task

register = template.Library()

_TONES = {Outcome.OPEN: "info", Outcome.WON: "success", Outcome.LOST: "danger"}


def badge(text: str, tone: str = "") -> SafeString:
    """A small coloured label."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": tone})


@register.simple_tag(name="status")
def status_badge(status: Any) -> SafeString:
    """A status in the colour of its outcome."""
    return badge(status.name, _TONES[Outcome(status.outcome)]) if status is not None else SafeString()


@register.simple_tag(name="due")
def due_badge(task: Task) -> SafeString:
    """Done, overdue, or when it is due."""
    if task.done:
        return badge(_("Done"), "success")
    if task.due_at is None:
        return badge(_("Open"))
    due = timezone.localtime(task.due_at)
    if due < timezone.now():
        return badge(_("Overdue · %(day)s") % {"day": written(due, DateTimeForm.SHORT_DAY)}, "danger")
    if due.date() == timezone.localdate():
        return badge(_("Today · %(time)s") % {"time": written(due, DateTimeForm.TIME)}, "warning")
    return badge(_("Due %(day)s") % {"day": written(due, DateTimeForm.SHORT_DAY)})


@register.filter
def money(amount: Money | None) -> SafeString | None:
    """An amount with its currency, without the cents of round sums."""
    if amount is None:
        return None
    number = amount.amount
    text = f"{number:,.0f}" if number == number.to_integral_value() else f"{number:,.2f}"
    return format_html('<span class="m-amount">{} {}</span>', text, amount.currency.code)


def link_to(record: Record | None) -> SafeString | None:
    """A link to a record's page. The caller has veiled what is not visible."""
    if record is None:
        return None
    url = reverse(f"admin:crm_{record.record_type}_change", args=[record.pk])
    return format_html('<a href="{}" class="m-link">{}</a>', url, str(record) if str(record) else record.reference)
