"""The lists that an account keeps for itself: their entries added, changed, ordered, no longer offered, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop
from django.views.decorators.http import require_POST

from apps.access.desk import Desk
from apps.access.views.page import page, show
from apps.access.views.settings import Setting, crumbs_of, offer_setting
from apps.crm.errors import EntryInUse
from apps.crm.forms import CallResultForm, EntryForm, LeadStatusForm, OpportunityStatusForm, SourceForm
from apps.crm.models import CallResult, LeadStatus, OpportunityStatus, Source
from apps.crm.models.customisation import ListEntry
from apps.crm.services.customisation import delete_entry, move_entry, save_entry

MANAGES = "manage_statuses"
BIGGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A list that an account keeps: its word in addresses, its names, its table and form."""

    key: str
    title: str
    one: str
    text: str
    icon: str
    model: type[ListEntry]
    form: type[EntryForm]


LISTS = {
    kept.key: kept
    for kept in (
        Kept(
            "lead-statuses",
            noop("Lead statuses"),
            noop("Add a status"),
            noop("How far a lead is, from the first contact to won or lost."),
            "flag",
            LeadStatus,
            LeadStatusForm,
        ),
        Kept(
            "opportunity-statuses",
            noop("Opportunity statuses"),
            noop("Add a status"),
            noop("The steps of the pipeline, each with how likely it is to be won."),
            "stairs",
            OpportunityStatus,
            OpportunityStatusForm,
        ),
        Kept(
            "sources",
            noop("Sources"),
            noop("Add a source"),
            noop("Where leads, companies and opportunities come from."),
            "explore",
            Source,
            SourceForm,
        ),
        Kept(
            "call-results",
            noop("Call results"),
            noop("Add a result"),
            noop("What came of a call, from reached to call back later."),
            "call_end",
            CallResult,
            CallResultForm,
        ),
    )
}
for _kept in LISTS.values():
    offer_setting("Customisation", Setting(f"crm:{_kept.key}", _kept.title, _kept.text, _kept.icon, MANAGES))


@page(MANAGES, sends=True)
def entries(request: HttpRequest, desk: Desk, kept: str) -> HttpResponse:
    """The list in its order, and a form for one more."""
    of = LISTS[kept]
    entry = _new(desk, of)
    form = of.form(request.POST if request.method == "POST" else None, instance=entry)
    if request.method == "POST" and form.is_valid():
        save_entry(form.instance, actor=desk.user)
        messages.success(request, _("“%(name)s” stands in the list now.") % {"name": form.instance})
        return HttpResponseRedirect(_list(desk, of))
    context = {
        "rows": list(of.model._default_manager.filter(account=desk.account)),
        "form": form,
        "kept": of,
        "text": _(of.text),
        "one": _(of.one),
        "crumbs": crumbs_of(desk),
    }
    return show(request, desk, "pages/settings/list.html", _(of.title), context)


@page(MANAGES, sends=True)
def entry(request: HttpRequest, desk: Desk, kept: str, entry: int) -> HttpResponse:
    """One entry gets another name, or whatever else the list tells of it."""
    of = LISTS[kept]
    row = _row_or_404(desk, of, entry)
    form = of.form(request.POST if request.method == "POST" else None, instance=row)
    if request.method == "POST" and form.is_valid():
        save_entry(form.instance, actor=desk.user)
        messages.success(request, _("“%(name)s” is stored.") % {"name": form.instance})
        return HttpResponseRedirect(_list(desk, of))
    named = of.model._default_manager.get(pk=row.pk).name
    return _entry_page(request, desk, of, "entry", named, {"form": form, "button": _("Save")})


@page(MANAGES, sends=True)
def remove(request: HttpRequest, desk: Desk, kept: str, entry: int) -> HttpResponse:
    """An entry goes that no record has; one that some have can be offered no longer."""
    of = LISTS[kept]
    row, error = _row_or_404(desk, of, entry), ""
    name = row.name
    if request.method == "POST":
        try:
            delete_entry(row, actor=desk.user)
        except EntryInUse:
            error = _("“%(name)s” is in use. Stop offering it instead: the records that have it keep it.")
            error %= {"name": name}
        else:
            messages.success(request, _("“%(name)s” is deleted.") % {"name": name})
            return HttpResponseRedirect(_list(desk, of))
    title = _("Delete “%(name)s”") % {"name": name}
    return _entry_page(request, desk, of, "remove", title, {"error": error, "offered": row.offered, "row": row})


@page(MANAGES, sends=True)
@require_POST
def arrange(request: HttpRequest, desk: Desk, kept: str, entry: int) -> HttpResponse:
    """An entry goes up or down in its list, is offered no longer, or again.

    Raises:
        Http404: it is asked for something else.
    """
    of = LISTS[kept]
    row, act = _row_or_404(desk, of, entry), request.POST.get("act")
    if act in {"up", "down"}:
        move_entry(row, actor=desk.user, up=act == "up")
    elif act in {"offer", "retire"}:
        row.offered = act == "offer"
        save_entry(row, actor=desk.user)
    else:
        raise Http404
    return HttpResponseRedirect(_list(desk, of))


def _new(desk: Desk, of: Kept) -> ListEntry:
    last = of.model._default_manager.filter(account=desk.account).aggregate(last=Max("position"))["last"]
    return of.model(account=desk.account, position=0 if last is None else last + 1)


def _row_or_404(desk: Desk, of: Kept, entry: int) -> Any:
    rows = of.model._default_manager.filter(account=desk.account)
    row = rows.filter(pk=entry).first() if entry <= BIGGEST else None
    if row is None:
        raise Http404
    return row


def _list(desk: Desk, of: Kept) -> str:
    assert desk.account is not None
    return reverse(f"crm:{of.key}", args=[desk.account.slug])


def _entry_page(
    request: HttpRequest, desk: Desk, of: Kept, template: str, title: str, context: dict[str, Any]
) -> HttpResponse:
    back = _list(desk, of)
    crumbs = [*crumbs_of(desk), (back, _(of.title))]
    return show(request, desk, f"pages/settings/{template}.html", title, {**context, "back": back, "crumbs": crumbs})
