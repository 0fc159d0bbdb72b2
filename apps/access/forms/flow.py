"""How a change of access is made by hand: a form with a reason, a preview, and a confirmation. Never a save.

The admin and the owner's pages go this one way; a `Face` is how each of them looks.
"""

from __future__ import annotations

from typing import Any, Protocol

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html

from apps.access.changes.refusals import ManyRefused, Overtaken, Refusal, RightMissing
from apps.access.desk import desk_of
from apps.access.forms.base import OURS, ChangeForm
from apps.access.preview import preview


class Face(Protocol):
    """Where a change is asked for. `page` is `change` (the form), `confirm` (its preview) or `once` (shown once)."""

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """The page, with what it is to show."""

    def operation_address(self, operation_id: int) -> str:
        """Where an operation of the log is read."""


def answer(request: HttpRequest, form: ChangeForm, face: Face, *, back: str, subject: str) -> HttpResponse:
    """The page of a change: its form, then the preview, then what became of it, which leads `back`.

    Raises:
        MissingPermission: the person may not.
    """
    form.require()
    context = {"form": form, "title": form.title, "subject": subject, "back": back}
    if request.method == "POST" and form.is_valid():
        try:
            return (
                _made(request, form, face, context)
                if "confirmed" in request.POST
                else _shown(request, form, face, context)
            )
        except RightMissing:
            raise
        except Overtaken as refusal:
            form.add_error(None, str(refusal))
            form.overtaken(refusal)
        except (Refusal, ManyRefused) as refusal:
            form.add_error(None, str(refusal))
    return face.show("change", form, context)


def _made(request: HttpRequest, form: ChangeForm, face: Face, context: dict[str, Any]) -> HttpResponse:
    change = form.change()
    done = change.apply(actor=desk_of(request).user, reason=form.cleaned_data["reason"])
    shown_once = form.once(request, change)
    if shown_once is not None:
        return face.show("once", form, {**context, "once": shown_once})
    _say(request, face, done.operation_id)
    return HttpResponseRedirect(context["back"])


def _shown(request: HttpRequest, form: ChangeForm, face: Face, context: dict[str, Any]) -> HttpResponse:
    lines = list(preview(form.change(), actor=desk_of(request).user).lines())
    kept = [(name, value) for name, values in request.POST.lists() for value in values if name not in OURS]
    return face.show("confirm", form, {**context, "lines": lines, "kept": kept})


def _say(request: HttpRequest, face: Face, operation_id: int | None) -> None:
    if operation_id is None:
        messages.info(request, "It was so already: nothing has changed.")
    elif desk_of(request).may_anywhere("view_audit_log"):
        link = face.operation_address(operation_id)
        messages.success(request, format_html('Done. <a class="m-link" href="{}">See it in the log</a>.', link))
    else:
        messages.success(request, "Done. The log keeps the reason.")
