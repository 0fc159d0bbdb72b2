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

from apps.access.context import AccessContext
from apps.crm.errors import EntryInUse, LastPipeline
from apps.crm.forms import (
    CallResultForm,
    EntryForm,
    LeadStatusForm,
    OpportunityStatusForm,
    PipelineForm,
    SourceForm,
)
from apps.crm.models import CallResult, LeadStatus, OpportunityStatus, Pipeline, Source
from apps.crm.models.customisation import ListEntry
from apps.crm.services.customisation import delete_entry, move_entry, save_entry
from apps.pages.views.page import page, show
from apps.pages.views.settings import SettingsPage, crumbs_of, offer_setting

MANAGES = "manage_statuses"
BIGGEST = 2**63 - 1
PIPELINES, STATUSES = "pipelines", "pipeline-statuses"


@dataclass(frozen=True, slots=True)
class EditableList:
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
        EditableList(
            "lead-statuses",
            noop("Lead statuses"),
            noop("Add status"),
            noop("The stages of a lead, from first contact to won or lost."),
            "flag",
            LeadStatus,
            LeadStatusForm,
        ),
        EditableList(
            PIPELINES,
            noop("Pipelines"),
            noop("Add pipeline"),
            noop("The stages that opportunities move through."),
            "stairs",
            Pipeline,
            PipelineForm,
        ),
        EditableList(
            STATUSES,
            noop("Statuses of “%(pipeline)s”"),
            noop("Add status"),
            noop("The stages of this pipeline, with the probability of winning."),
            "flag",
            OpportunityStatus,
            OpportunityStatusForm,
        ),
        EditableList(
            "sources",
            noop("Sources"),
            noop("Add source"),
            noop("Where leads, companies and opportunities come from."),
            "explore",
            Source,
            SourceForm,
        ),
        EditableList(
            "call-results",
            noop("Call results"),
            noop("Add result"),
            noop("Outcomes of a call, such as “reached” or “call back later”."),
            "call_end",
            CallResult,
            CallResultForm,
        ),
    )
}
for _kept in LISTS.values():
    # The statuses of a pipeline are found under it.
    if _kept.key != STATUSES:
        offer_setting("Customisation", SettingsPage(f"crm:{_kept.key}", _kept.title, _kept.text, _kept.icon, MANAGES))


class OpenList:
    """One of the lists of the current account; the statuses of opportunities are those of one pipeline.

    Raises:
        Http404: the account has no such pipeline.
    """

    def __init__(self, access: AccessContext, kept: str, pipeline: int | None = None) -> None:
        assert access.account is not None
        self.access = access
        self.of = LISTS[kept]
        self.pipeline: Pipeline | None = None
        if pipeline is not None:
            self.pipeline = _or_404(Pipeline(account=access.account), pipeline)

    @property
    def address(self) -> str:
        """Where the list is shown."""
        assert self.access.account is not None
        inside = [] if self.pipeline is None else [self.pipeline.pk]
        return reverse(f"crm:{self.of.key}", args=[self.access.account.slug, *inside])

    @property
    def title(self) -> str:
        """What the list is called."""
        return _(self.of.title) % {"pipeline": self.pipeline}

    @property
    def crumbs(self) -> list[tuple[str, str]]:
        """The way back to the settings, for a pipeline's statuses by the pipelines."""
        above = OpenList(self.access, PIPELINES) if self.pipeline else None
        return [*crumbs_of(self.access), *([(above.address, above.title)] if above else [])]

    def blank(self) -> ListEntry:
        """An entry that the list does not have yet, at its end."""
        inside = {} if self.pipeline is None else {"pipeline": self.pipeline}
        entry = self.of.model(account=self.access.account, **inside)
        last = entry.list_of().aggregate(last=Max("position"))["last"]
        entry.position = 0 if last is None else last + 1
        return entry

    def entry(self, pk: int) -> Any:
        """An entry of the list.

        Raises:
            Http404: there is no such one.
        """
        return _or_404(self.blank(), pk)

    def shown(self) -> dict[str, Any]:
        """The entries as the page lists them, and which of them cannot be spared."""
        rows = self.blank().list_of()
        if self.of.key != PIPELINES:
            return {"rows": list(rows)}
        pipelines = list(rows.prefetch_related("statuses"))
        offered = [pipeline for pipeline in pipelines if pipeline.offered]
        return {"rows": pipelines, "holds_statuses": True, "only": offered[0] if len(offered) == 1 else None}


@page(MANAGES, sends=True)
def entries(request: HttpRequest, access: AccessContext, kept: str, pipeline: int | None = None) -> HttpResponse:
    """The list in its order, and a form for one more. Where a pipeline is added, its statuses come next."""
    of = OpenList(access, kept, pipeline)
    form = of.of.form(request.POST if request.method == "POST" else None, instance=of.blank())
    if request.method == "POST" and form.is_valid():
        added = save_entry(form.instance, actor=access.user)
        messages.success(request, _("“%(name)s” added.") % {"name": added})
        following = OpenList(access, STATUSES, added.pk) if kept == PIPELINES else of
        return HttpResponseRedirect(following.address)
    context = {
        **of.shown(),
        "form": form,
        "kept": of.of,
        "pipeline": of.pipeline,
        "text": _(of.of.text),
        "one": _(of.of.one),
        "crumbs": of.crumbs,
    }
    return show(request, access, "pages/settings/list.html", of.title, context)


@page(MANAGES, sends=True)
def entry(
    request: HttpRequest, access: AccessContext, kept: str, entry: int, pipeline: int | None = None
) -> HttpResponse:
    """One entry gets another name, or whatever else the list tells of it."""
    of = OpenList(access, kept, pipeline)
    row = of.entry(entry)
    named = row.name
    form = of.of.form(request.POST if request.method == "POST" else None, instance=row)
    if request.method == "POST" and form.is_valid():
        save_entry(form.instance, actor=access.user)
        messages.success(request, _("“%(name)s” saved.") % {"name": form.instance})
        return HttpResponseRedirect(of.address)
    return _entry_page(request, of, "entry", named, {"form": form, "button": _("Save")})


@page(MANAGES, sends=True)
def remove(
    request: HttpRequest, access: AccessContext, kept: str, entry: int, pipeline: int | None = None
) -> HttpResponse:
    """An entry goes that nothing has; one that something has can be offered no longer."""
    of = OpenList(access, kept, pipeline)
    row, error = of.entry(entry), ""
    name = row.name
    spared = row.offered
    if request.method == "POST":
        try:
            delete_entry(row, actor=access.user)
        except LastPipeline:
            error, spared = _last(name), False
        except EntryInUse:
            error = _in_use(kept, name)
        else:
            messages.success(request, _("“%(name)s” deleted.") % {"name": name})
            return HttpResponseRedirect(of.address)
    title = _("Delete “%(name)s”") % {"name": name}
    context = {"error": error, "offered": spared, "row": row, "holds_statuses": kept == PIPELINES}
    return _entry_page(request, of, "remove", title, context)


@page(MANAGES, sends=True)
@require_POST
def arrange(
    request: HttpRequest, access: AccessContext, kept: str, entry: int, pipeline: int | None = None
) -> HttpResponse:
    """An entry goes up or down in its list, is offered no longer, or again.

    Raises:
        Http404: it is asked for something else.
    """
    of = OpenList(access, kept, pipeline)
    row, act = of.entry(entry), request.POST.get("act")
    if act in {"up", "down"}:
        move_entry(row, actor=access.user, up=act == "up")
    elif act in {"offer", "retire"}:
        row.offered = act == "offer"
        try:
            save_entry(row, actor=access.user)
        except LastPipeline:
            messages.error(request, _last(row.name))
    else:
        raise Http404
    return HttpResponseRedirect(of.address)


def _last(name: str) -> str:
    return _("“%(name)s” is the only pipeline offered. Offer another one first.") % {"name": name}


def _in_use(kept: str, name: str) -> str:
    if kept == PIPELINES:
        message = _("“%(name)s” has statuses. Stop offering it instead, or delete its statuses first.")
    else:
        message = _("“%(name)s” is in use. Stop offering it instead. Records that use it keep it.")
    return message % {"name": name}


def _or_404(blank: ListEntry, pk: int) -> Any:
    row = blank.list_of().filter(pk=pk).first() if pk <= BIGGEST else None
    if row is None:
        raise Http404
    return row


def _entry_page(request: HttpRequest, of: OpenList, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    crumbs = [*of.crumbs, (of.address, of.title)]
    context |= {"back": of.address, "crumbs": crumbs}
    return show(request, of.access, f"pages/settings/{template}.html", title, context)
