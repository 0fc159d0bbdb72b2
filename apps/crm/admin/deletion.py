"""What a deletion changes elsewhere, told on the page that asks before it happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from apps.access.desk import desk_of
from apps.crm.services import consequences


def consequences_of(request: HttpRequest, record: Any) -> Iterator[tuple[int, str]]:
    """The level and the sentence of each consequence, as far as the person may see it."""
    desk = desk_of(request)
    if not desk.may(f"delete_{record.record_type}", record):
        return
    found = consequences.of_deletion(record, actor=desk.user)
    emptied = []
    for rows in found.emptied.values():
        if count := rows.count():
            names = rows.model._meta
            emptied.append(f"{count} {names.verbose_name if count == 1 else names.verbose_name_plural}")
    if emptied:
        yield messages.INFO, f"The link to {record.reference} becomes empty in {' and '.join(emptied)}."
    if found.uncovers_tasks:
        yield messages.WARNING, "The contact is private. The tasks about it stay, and become as visible as other tasks."
