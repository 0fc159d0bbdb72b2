"""Changes of access through forms: a form with a reason, a preview, then a confirmation.

The admin and the account pages share this flow; each passes its own `ChangePages`.
"""

from __future__ import annotations

from typing import Any, Protocol

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import AccessContext, access_of
from apps.access.models import QueuedPreview
from apps.accounts.models import User
from apps.changes.base import Change
from apps.changes.preview import preview
from apps.changes.previews.queued import ask, concerns_many, find
from apps.changes.refusals import ChangedMeanwhile, ManyRefused, PermissionMissing, Refusal
from apps.changes.serializing import load
from apps.pages.forms.base import OURS, ChangeForm

State = QueuedPreview.State

# The parameter of an address that names a queued preview, and how long a number of one can be.
ASKED, LONGEST = "preview", 18
UNKNOWN = gettext_lazy("The preview could not be calculated. Try again in a few minutes.")


class ChangePages(Protocol):
    """The pages of a change: in the admin or in the account's pages.

    `page` is `change` (the form), `confirm` (its preview), `waiting` (until the queue has the preview; refreshes
    itself) or `once` (shown once).
    """

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """Return the page with its context."""

    def operation_address(self, operation_id: int) -> str:
        """Return the address of an operation of the audit log."""


def answer(
    request: HttpRequest, form: ChangeForm, pages: ChangePages, *, back: str, subject: str, at_once: bool = False
) -> HttpResponse:
    """The page of a change: its form, then the preview, then what became of it, which leads `back`.

    A preview of a change that concerns very many is computed in the queue, and the waiting page has the same
    address, with the number of what was queued. `at_once` is for changes that affect no access, so
    that a preview would be empty.

    Raises:
        MissingPermission: the person may not.
    """
    form.require()
    context = {"form": form, "title": form.title, "subject": subject, "back": back, "at_once": at_once}
    queued = queued_preview(request, form.access)
    if queued is not None:
        return _computed(request, form, pages, context, queued)
    if request.method == "POST" and form.is_valid():
        try:
            return (
                _made(request, form, pages, context)
                if at_once or "confirmed" in request.POST
                else _shown(request, form, pages, context)
            )
        except PermissionMissing:
            raise
        except ChangedMeanwhile as refusal:
            form.add_error(None, str(refusal))
            form.overtaken(refusal)
        except (Refusal, ManyRefused) as refusal:
            form.refused(str(refusal))
    return pages.show("change", form, context)


def _made(request: HttpRequest, form: ChangeForm, pages: ChangePages, context: dict[str, Any]) -> HttpResponse:
    if held_back := form.held_back(request):
        form.refused(held_back)
        return pages.show("change", form, context)
    change = form.change()
    done = change.apply(actor=access_of(request).user, reason=form.cleaned_data["reason"])
    shown_once = form.once(request, change)
    if shown_once is not None:
        return pages.show("once", form, {**context, "once": shown_once})
    _say(request, pages, done.operation_id)
    return HttpResponseRedirect(context["back"])


def _shown(request: HttpRequest, form: ChangeForm, pages: ChangePages, context: dict[str, Any]) -> HttpResponse:
    change, actor = form.change(), access_of(request).user
    kept = kept_of(request)
    if concerns_many(change, actor=actor):
        return queue(request, change, actor)
    lines = list(preview(change, actor=actor).lines())
    return pages.show("confirm", form, {**context, "lines": lines, "kept": kept})


def kept_of(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the sent fields, to be sent again with the confirmation."""
    return [(name, value) for name, values in request.POST.lists() for value in values if name not in OURS]


def queue(request: HttpRequest, change: Change, actor: User) -> HttpResponse:
    """Preview the change in the queue, and redirect to the page that waits for it."""
    queued = ask(change, actor=actor, address=request.path, sent=kept_of(request))
    return HttpResponseRedirect(address_of(request, queued))


def sent_to(request: HttpRequest, access: AccessContext) -> QueryDict | None:
    """Return the fields sent now, or with the queued preview that the page shows; None without any."""
    if request.method == "POST":
        return request.POST
    queued = queued_preview(request, access)
    return None if queued is None else data_of(queued)


def queued_preview(request: HttpRequest, access: AccessContext) -> QueuedPreview | None:
    """Return the queued preview that the address names, if this person queued it on this page."""
    number = request.GET.get(ASKED, "")
    if access.user.viewed_by is not None:
        # The preview counts private records that only that person may know of.
        return None
    if request.method != "GET" or not number.isdecimal() or len(number) > LONGEST:
        return None
    return find(int(number), account_id=access.account_id, actor=access.user, address=request.path)


def data_of(queued: QueuedPreview) -> QueryDict:
    """Return the fields as they were sent with the queued preview."""
    data = QueryDict(mutable=True)
    for name, value in queued.sent:
        data.appendlist(name, value)
    return data


def _computed(
    request: HttpRequest, form: ChangeForm, pages: ChangePages, context: dict[str, Any], queued: QueuedPreview
) -> HttpResponse:
    """Return the page of a queued preview, with the form as it was sent."""
    form.data = data_of(queued)
    form.is_bound = True
    if form.is_valid():
        if queued.state == State.WAITING:
            return pages.show("waiting", form, {**context, "again": address_of(request, queued)})
        if queued.state == State.DONE:
            values = {"lines": queued.result["lines"], "more": queued.result["more"], "computed_at": queued.computed_at}
            return pages.show("confirm", form, {**context, **values, "kept": queued.sent})
        message = queued.result.get("refusal", UNKNOWN)
        form.refused(message)
        if differences := load(queued.result.get("differences", {"map": []})):
            form.overtaken(ChangedMeanwhile(message, differences))
    return pages.show("change", form, context)


def address_of(request: HttpRequest, queued: QueuedPreview) -> str:
    """Return the address of this page with the number of a queued preview."""
    query = request.GET.copy()
    query[ASKED] = str(queued.pk)
    return f"{request.path}?{query.urlencode()}"


def _say(request: HttpRequest, pages: ChangePages, operation_id: int | None) -> None:
    if operation_id is None:
        messages.info(request, _("Nothing changed. It was already set this way."))
    elif access_of(request).may_anywhere("view_audit_log"):
        link = pages.operation_address(operation_id)
        done = format_html(_('Changes saved. <a class="m-link" href="{link}">View in audit log</a>.'), link=link)
        messages.success(request, done)
    else:
        messages.success(request, _("Changes saved. The audit log keeps the reason."))
