"""The log with the button that undoes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext as _

from apps.access.context import access_of
from apps.access.history.log_access import in_words
from apps.audit.models import Entry, Operation
from apps.backoffice.changing import changing
from apps.backoffice.log import LogAdmin
from apps.changes.base import KINDS
from apps.changes.undo import TARGET
from apps.pages.forms.undoing import UndoForm


class UndoingLogAdmin(LogAdmin):
    """Operations, some of which can be undone."""

    def further_urls(self) -> list[URLPattern]:
        return [*super().further_urls(), self.route("<path:object_id>/undo/", self.undo_view, "undo")]

    def undoing(self, request: HttpRequest, operation: Operation) -> dict[str, Any]:
        """The button, or why there is none; and by what it was undone."""
        kind = KINDS.get(operation.verb)
        if kind is None:
            return {}
        undone = Entry.objects.of_account(access_of(request).account_id).about(TARGET, operation.pk).first()
        if undone is not None:
            return {"undone_by": self.address("change", undone.operation_id)}
        if kind.final:
            return {"undo": {"missing": kind.final}}
        return {"undo": {"link": self.address("undo", operation.pk)}}

    def undo_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form that undoes an operation."""
        operation = self.row_or_404(request, object_id)
        form = UndoForm(request.POST if request.method == "POST" else None, access=access_of(request), row=operation)
        return changing(
            request,
            form,
            back=self.address("change", operation.pk),
            opts=self.opts,
            site=self.admin_site,
            subject=_("Undo: %(what)s, %(who)s") % {"what": in_words(operation.verb), "who": operation.actor_name},
        )
