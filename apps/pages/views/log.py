"""The account's log: list, export and verification."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.access.context import AccessContext
from apps.access.history.entry_text import target_in_words
from apps.access.history.log_access import FILES, SEES, LogAccess, export, in_words, limit_of, named, reader_of
from apps.audit.models import Operation
from apps.audit.verified import state_of
from apps.pages.api_tokens import for_tokens
from apps.pages.forms.log import LogFilter
from apps.pages.views.page import page, show

# So many of the things that an operation changed are named in its row.
NAMED = 3


@page(SEES)
def log(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The operations that the person may read, newest first."""
    reader = reader_of(request)
    form = LogFilter(request.GET, reader=reader)
    # A page of the list begins behind an operation: the one with this number, or a newer one that has been read.
    before, after = (_number(request.GET.get(name)) for name in ("before", "after"))
    rows, newer, older = _page(reader, form, before, after)
    context = {
        "form": form,
        "rows": rows,
        "newer": _turned(request, "after", newer),
        "older": _turned(request, "before", older),
        "asked": _query(request),
        "narrowed": not form.is_valid() or bool(form.narrowed),
        "everywhere": reader.everywhere,
        "limit": limit_of(access, reader),
        "chain": state_of(access.account_id),
        "kinds": [(kind, kind.upper()) for kind in FILES],
    }
    return show(request, access, "pages/log/log.html", _("Audit log"), context)


@for_tokens
@page(SEES, sends=True)
@require_POST
def export_log(request: HttpRequest, access: AccessContext) -> HttpResponseBase:
    """What the list shows, as a file; the export is recorded in the audit log.

    Raises:
        Http404: there is no such kind of file.
    """
    kind = request.POST.get("file", "")
    if kind not in FILES:
        raise Http404
    reader = reader_of(request)
    form = LogFilter(request.GET, reader=reader)
    operations = form.found()
    if not form.is_valid():
        assert access.account is not None
        return HttpResponseRedirect(f"{reverse('pages:log', args=[access.account.slug])}?{_query(request)}")
    return export(reader, operations, kind, form.narrowed)


def _page(
    reader: LogAccess, form: LogFilter, before: int | None, after: int | None
) -> tuple[list[dict[str, Any]], int | None, int | None]:
    """The rows, and the numbers behind which newer and older ones follow; None where none do."""
    size = reader.access.rows_per_page
    entries = reader.entries().filter(operation=OuterRef("pk")).order_by("pk")
    operations = form.found().annotate(targets=ArraySubquery(entries.values("target_text")[: NAMED + 1]))
    if after is not None:
        items = list(operations.filter(pk__gt=after).order_by("pk")[: size + 1])
        more, shown = len(items) > size, items[:size][::-1]
        newer, older = (shown[0].pk if more else None), (shown[-1].pk if shown else None)
    else:
        if before is not None:
            operations = operations.filter(pk__lt=before)
        items = list(operations.newest_first()[: size + 1])
        more, shown = len(items) > size, items[:size]
        newer, older = (shown[0].pk if shown and before is not None else None), (shown[-1].pk if more else None)
    return [_row(reader.access, operation) for operation in shown], newer, older


def _row(access: AccessContext, operation: Operation) -> dict[str, Any]:
    assert access.account is not None
    targets: list[str] = operation.targets  # type: ignore[attr-defined] # annotated
    return {
        "operation": operation,
        "words": in_words(operation.verb),
        "who": named(operation),
        "targets": [target_in_words(text) for text in dict.fromkeys(targets[:NAMED])],
        "further": len(targets) > NAMED,
        "address": reverse("pages:operation", args=[access.account.slug, operation.pk]),
    }


def _number(text: str | None) -> int | None:
    """A number of an operation as an address has it; None for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _query(request: HttpRequest, **turned: int) -> str:
    """Return the query string of another page with the same filters."""
    asked = request.GET.copy()
    for name in ("before", "after"):
        asked.pop(name, None)
    for name in [name for name, value in asked.items() if not value]:
        del asked[name]
    for name, number in turned.items():
        asked[name] = str(number)
    return asked.urlencode()


def _turned(request: HttpRequest, name: str, number: int | None) -> str:
    return "" if number is None else f"?{_query(request, **{name: number})}"
