"""How a change of access is made by hand: a form with a reason, a preview, and a confirmation. Never a save.

The admin and the owner's pages go this one way; a `ChangePages` is how each of them looks.
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
    """Where a change is asked for.

    `page` is `change` (the form), `confirm` (its preview), `waiting` (until the preview is computed; it looks again by
    itself) or `once` (shown once).
    """

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """The page, with what it is to show."""

    def operation_address(self, operation_id: int) -> str:
        """Where an operation of the log is read."""


def answer(
    request: HttpRequest, form: ChangeForm, face: ChangePages, *, back: str, subject: str, at_once: bool = False
) -> HttpResponse:
    """The page of a change: its form, then the preview, then what became of it, which leads `back`.

    A preview of a change that concerns very many is computed in the queue, and the waiting page has the same
    address, with the number of what was asked. `at_once` is for changes that affect no access, so
    that a preview would be empty.

    Raises:
        MissingPermission: the person may not.
    """
    form.require()
    context = {"form": form, "title": form.title, "subject": subject, "back": back, "at_once": at_once}
    asked = asked_by(request, form.access)
    if asked is not None:
        return _computed(request, form, face, context, asked)
    if request.method == "POST" and form.is_valid():
        try:
            return (
                _made(request, form, face, context)
                if at_once or "confirmed" in request.POST
                else _shown(request, form, face, context)
            )
        except PermissionMissing:
            raise
        except ChangedMeanwhile as refusal:
            form.add_error(None, str(refusal))
            form.overtaken(refusal)
        except (Refusal, ManyRefused) as refusal:
            form.refused(str(refusal))
    return face.show("change", form, context)


def _made(request: HttpRequest, form: ChangeForm, face: ChangePages, context: dict[str, Any]) -> HttpResponse:
    if held_back := form.held_back(request):
        form.refused(held_back)
        return face.show("change", form, context)
    change = form.change()
    done = change.apply(actor=access_of(request).user, reason=form.cleaned_data["reason"])
    shown_once = form.once(request, change)
    if shown_once is not None:
        return face.show("once", form, {**context, "once": shown_once})
    _say(request, face, done.operation_id)
    return HttpResponseRedirect(context["back"])


def _shown(request: HttpRequest, form: ChangeForm, face: ChangePages, context: dict[str, Any]) -> HttpResponse:
    change, actor = form.change(), access_of(request).user
    kept = kept_of(request)
    if concerns_many(change, actor=actor):
        return queue(request, change, actor)
    lines = list(preview(change, actor=actor).lines())
    return face.show("confirm", form, {**context, "lines": lines, "kept": kept})


def kept_of(request: HttpRequest) -> list[tuple[str, str]]:
    """What was filled in, to be sent again with the confirmation."""
    return [(name, value) for name, values in request.POST.lists() for value in values if name not in OURS]


def queue(request: HttpRequest, change: Change, actor: User) -> HttpResponse:
    """Have the change previewed in the queue, and lead to the page that waits for it."""
    asked = ask(change, actor=actor, address=request.path, sent=kept_of(request))
    return HttpResponseRedirect(address_of(request, asked))


def sent_to(request: HttpRequest, access: AccessContext) -> QueryDict | None:
    """What the page was sent, now or when it asked for the queued preview that it shows; None where it was nothing."""
    if request.method == "POST":
        return request.POST
    asked = asked_by(request, access)
    return None if asked is None else data_of(asked)


def asked_by(request: HttpRequest, access: AccessContext) -> QueuedPreview | None:
    """The preview that the page was asked for, where it is one of this person's on this page."""
    number = request.GET.get(ASKED, "")
    if access.user.viewed_by is not None:
        # It was counted for them alone, what is private to them included.
        return None
    if request.method != "GET" or not number.isdecimal() or len(number) > LONGEST:
        return None
    return find(int(number), account_id=access.account_id, actor=access.user, address=request.path)


def data_of(asked: QueuedPreview) -> QueryDict:
    """What was filled in when the preview was asked for."""
    data = QueryDict(mutable=True)
    for name, value in asked.sent:
        data.appendlist(name, value)
    return data


def _computed(
    request: HttpRequest, form: ChangeForm, face: ChangePages, context: dict[str, Any], asked: QueuedPreview
) -> HttpResponse:
    """The page of a queued preview, with the form as it was filled in."""
    form.data = data_of(asked)
    form.is_bound = True
    if form.is_valid():
        if asked.state == State.WAITING:
            return face.show("waiting", form, {**context, "again": address_of(request, asked)})
        if asked.state == State.DONE:
            found = {"lines": asked.result["lines"], "more": asked.result["more"], "computed_at": asked.computed_at}
            return face.show("confirm", form, {**context, **found, "kept": asked.sent})
        told = asked.result.get("refusal", UNKNOWN)
        form.refused(told)
        if differences := load(asked.result.get("differences", {"map": []})):
            form.overtaken(ChangedMeanwhile(told, differences))
    return face.show("change", form, context)


def address_of(request: HttpRequest, asked: QueuedPreview) -> str:
    """This page, with the number of a queued preview."""
    query = request.GET.copy()
    query[ASKED] = str(asked.pk)
    return f"{request.path}?{query.urlencode()}"


def _say(request: HttpRequest, face: ChangePages, operation_id: int | None) -> None:
    if operation_id is None:
        messages.info(request, _("Nothing changed. It was already set this way."))
    elif access_of(request).may_anywhere("view_audit_log"):
        link = face.operation_address(operation_id)
        done = format_html(_('Changes saved. <a class="m-link" href="{link}">View in audit log</a>.'), link=link)
        messages.success(request, done)
    else:
        messages.success(request, _("Changes saved. The audit log keeps the reason."))
