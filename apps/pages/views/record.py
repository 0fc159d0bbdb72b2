"""One record: who has access and why, its shares, and its access history."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access import records, shares
from apps.access.context import AccessContext
from apps.access.history.entry_text import target_in_words
from apps.access.history.log_access import in_words, named
from apps.access.models import AccessRequest
from apps.access.record_audience import RecordAudience
from apps.access.records import Record
from apps.access.shield import shielded
from apps.accounts.models import User
from apps.audit.models import Entry, EntryQuerySet
from apps.pages.access_requests import missing
from apps.pages.forms.sharing import FORMS, ShareHolder, holders_of
from apps.pages.views.page import change_page, page, show

SEES = "view_access_history"
SHOWN, EVENTS = 50, 30
LONGEST_REFERENCE = 60


@page(SEES, sends=True)
def record_access(request: HttpRequest, access: AccessContext, kind: str, reference: str) -> HttpResponse:
    """Show who has access, the shares and the access history; or (with `do`) the form of a share.

    Raises:
        Http404: there is no such visible record.
        MissingPermission: the person may not see the history of its access.
    """
    record = _in_sight(access, kind, reference)
    access.require(SEES, record)
    if "do" in request.GET:
        return _share(request, access, record)
    assert access.mandate is not None
    sight = RecordAudience(record, access.mandate.facts.account)
    words = request.GET.get("q", "").casefold().split()
    hidden = shielded(access)
    matching = [user for user in sight.users if all(word in _findable(user, hidden) for word in words)]
    context = {
        "record": record,
        "many": len(sight.users),
        "matching": len(matching),
        "shown": SHOWN,
        "seers": sight.seers(matching[:SHOWN]),
        "q": request.GET.get("q", ""),
        "holders": holders_of(record, sight.subjects, sight.people),
        "shielded": hidden,
        "may_ask": access.may("view_member_permissions", record.branch),
        "shareable": shares.tables(record.record_type) is not None,
        "missing": {
            name: "" if access.may(form.needs[0], record) else missing(access, form.needs[0], record)
            for name, form in FORMS.items()
        },
        "events": _events(record),
        "admin": reverse(f"admin:{record._meta.label_lower.replace('.', '_')}_change", args=[record.pk]),
    }
    return show(request, access, "pages/record.html", _title(record), context)


def _share(request: HttpRequest, access: AccessContext, record: Record) -> HttpResponse:
    """The form of one change of the record's shares."""
    name = request.GET["do"]
    if name not in FORMS or shares.tables(record.record_type) is None:
        raise Http404
    holder = None if name == "grant" else _holder(request, record)
    data = request.POST if request.method == "POST" else None
    form = FORMS[name](data, access=access, row=record, holder=holder, initial=_chosen(request))
    subject = str(form.title) if holder is None else f"{form.title}: {holder.name}"
    return change_page(
        request, access, form, back=request.path, subject=subject, crumbs=[(request.path, _title(record))]
    )


def _chosen(request: HttpRequest) -> dict[str, Any]:
    """Return what a link preselects of a new share: recipient and verbs."""
    chosen: dict[str, Any] = {"who": request.GET["who"]} if "who" in request.GET else {}
    return chosen | ({"verbs": request.GET.getlist("verbs")} if "verbs" in request.GET else {})


def _in_sight(access: AccessContext, kind: str, reference: str) -> Record:
    if kind not in records.registered() or len(reference) > LONGEST_REFERENCE or "\0" in reference:
        raise Http404
    rows = access.rows(f"view_{kind}", kind).filter(reference=reference)
    record: Record | None = rows.select_related("account", "branch", "responsible").first()
    if record is None:
        raise Http404
    return record


def _holder(request: HttpRequest, record: Record) -> ShareHolder:
    wanted = {f"{kind}={request.GET.get(kind)}" for kind in ("user", "team") if kind in request.GET}
    for holder in holders_of(record):
        if wanted == {holder.named}:
            return holder
    raise Http404


def _events(record: Record) -> list[dict[str, Any]]:
    """Return the record's access history, newest first: shares, requests, and writes of operators."""
    result = _entries(record).select_related("operation").order_by("-operation_id", "pk")[:EVENTS]
    return [
        {
            "operation": operation,
            "words": in_words(operation.verb),
            "who": named(operation),
            "about": list(dict.fromkeys(target_in_words(entry.target_text) for entry in entries)),
        }
        for operation, entries in groupby(result, key=lambda entry: entry.operation)
    ]


def _entries(record: Record) -> EntryQuerySet:
    asked = AccessRequest.objects.filter(account=record.account_id, record_type=record.record_type, record_id=record.pk)
    requests = asked.annotate(text=Cast("pk", TextField())).values("text")
    types = [table._meta.label_lower for table in shares.tables(record.record_type) or ()]
    of_shares = Q(target_type__in=[*types, record.record_type], target_id=str(record.pk))
    of_requests = Q(target_type=AccessRequest._meta.label_lower, target_id__in=requests)
    return Entry.objects.of_account(record.account_id).filter(of_shares | of_requests)


def _findable(user: User, hidden: frozenset[int]) -> str:
    """Return the searchable text of a person: name, and address unless shielded."""
    return (user.name if user.pk in hidden else f"{user.name} {user.email}").casefold()


def _title(record: Record) -> str:
    return _("Access to %(record)s (%(reference)s)") % {"record": record, "reference": record.reference}
