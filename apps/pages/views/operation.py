"""One operation of the audit log in full, and undo."""

from __future__ import annotations

from typing import Any

from django.db.models import Max, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.access.errors import OlderThanThePlan
from apps.access.history.entry_text import image_of
from apps.access.history.log_access import SEES, LogAccess, in_words, named, reader_of
from apps.audit.models import Entry, Link, Operation
from apps.changes.base import KINDS
from apps.changes.undo import TARGET
from apps.pages.forms.undoing import UndoForm
from apps.pages.views.page import change_page, page, show

SHOWN = 100
BIGGEST = 2**63 - 1


@page(SEES)
def operation(request: HttpRequest, access: AccessContext, operation: int) -> HttpResponse:
    """Show the operation with every entry before and after."""
    reader = reader_of(request)
    row = _row_or_404(reader, operation)
    behind = request.GET.get("behind", "")
    entries = reader.entries().filter(operation=row).exclude(target_type=TARGET).order_by("pk")
    if behind.isascii() and behind.isdigit() and len(behind) < 19:
        entries = entries.filter(pk__gt=int(behind))
    items = list(entries[: SHOWN + 1])
    context = {
        "operation": row,
        "who": named(row),
        "images": [image_of(entry) for entry in items[:SHOWN]],
        "behind": items[SHOWN - 1].pk if len(items) > SHOWN else None,
        "sealed": _sealed(access, row) if reader.everywhere else None,
        "crumbs": _crumbs(access),
        **_undoing(reader, row),
    }
    return show(request, access, "pages/log/operation.html", in_words(row.verb), context)


@page(SEES, sends=True)
def undo(request: HttpRequest, access: AccessContext, operation: int) -> HttpResponse:
    """The form that undoes an operation, its preview, and back to the operation."""
    row = _row_or_404(reader_of(request), operation)
    address = _address(access, row.pk)
    form = UndoForm(request.POST if request.method == "POST" else None, access=access, row=row)
    words = in_words(row.verb)
    return change_page(
        request,
        access,
        form,
        back=address,
        subject=_("Undo: %(what)s, by %(who)s") % {"what": words[:1].lower() + words[1:], "who": named(row)},
        crumbs=[*_crumbs(access), (address, _("Change %(number)d") % {"number": row.pk})],
    )


def _row_or_404(reader: LogAccess, operation_id: int) -> Operation:
    """The operation, if the person may read any of it.

    Raises:
        Http404: there is none for them.
        OlderThanThePlan: they might, if the account's plan showed as much of the log.
    """
    row = reader.operations().filter(pk=operation_id).first() if operation_id <= BIGGEST else None
    if row is None and operation_id <= BIGGEST and reader.older().filter(pk=operation_id).exists():
        raise OlderThanThePlan
    if row is None:
        raise Http404
    return row


def _undoing(reader: LogAccess, row: Operation) -> dict[str, Any]:
    """Whether it can be undone, by what it was, and what it undid itself."""
    access, found = reader.access, {}
    undid = reader.entries().filter(operation=row, target_type=TARGET).first()
    if undid is not None:
        found["undid"] = _told(access, int(undid.target_id), in_words(undid.target_text))
    kind = KINDS.get(row.verb)
    if kind is None:
        return found
    undone = (
        Entry.objects.of_account(access.account_id).about(TARGET, row.pk).values_list("operation", flat=True).first()
    )
    if undone is not None:
        # Readers of one branch may not read who reviewed it.
        by = reader.operations().filter(pk=undone).first()
        told = by and {**_told(access, by.pk, named(by)), "at": by.at, "reason": by.reason}
        return {**found, "undone": told, "is_undone": True}
    address = reverse("pages:operation-undo", args=[access.account.slug if access.account else "", row.pk])
    return {**found, "undo": {"final": kind.final, "address": address}}


def _told(access: AccessContext, operation_id: int, label: str) -> dict[str, Any]:
    return {"address": _address(access, operation_id), "label": label, "number": operation_id}


def _sealed(access: AccessContext, row: Operation) -> list[int]:
    """The numbers of the first and the last link that seal the operation."""
    links = Link.objects.filter(account_id=access.account_id, operation=row)
    ends = links.aggregate(first=Min("seq"), last=Max("seq"))
    return sorted({seq for seq in ends.values() if seq is not None})


def _address(access: AccessContext, operation_id: int) -> str:
    assert access.account is not None
    return reverse("pages:operation", args=[access.account.slug, operation_id])


def _crumbs(access: AccessContext) -> list[tuple[str, str]]:
    assert access.account is not None
    return [(reverse("pages:log", args=[access.account.slug]), _("Audit log"))]
