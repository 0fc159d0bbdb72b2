"""Side effects of a deletion, shown on its confirmation page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from apps.access.context import access_of
from apps.crm.services import consequences
from apps.roles import catalogue


def consequences_of(request: HttpRequest, record: Any) -> Iterator[tuple[int, str]]:
    """The level and the sentence of each consequence, limited to what the person may see."""
    access = access_of(request)
    if not access.may(f"delete_{record.record_type}", record):
        return
    result = consequences.of_deletion(record, actor=access.user)
    emptied = []
    for rows in result.emptied.values():
        if count := rows.count():
            kind = catalogue.record_type(rows.model.record_type)
            emptied.append(kind.counted(count) % {"number": count})
    if emptied:
        yield (
            messages.INFO,
            _("%(emptied)s will no longer link to %(record)s.")
            % {"record": record.reference, "emptied": get_text_list(emptied, _("and"))},
        )
    if result.uncovers_tasks:
        yield (
            messages.WARNING,
            _("The contact is private. Tasks about it stay, and other members may then see them."),
        )
