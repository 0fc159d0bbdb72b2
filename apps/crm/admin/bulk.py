"""Bulk changes of one value: a page asks for the value first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.access.context import access_of, veil
from apps.accounts.models import User
from apps.audit.text import SingleLineInput
from apps.backoffice.actions import BulkAction, confirmation, counted
from apps.crm.admin.entries import EntryField
from apps.crm.admin.writing import WriteRefused, change
from apps.crm.models import LeadStatus, OpportunityStatus
from apps.crm.models.customisation import Status
from apps.pages.forms.picker import UserField
from apps.pages.forms.pool import PickablePeople

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Rows = list[Any]


class ValueForm(forms.Form):
    """One value for all of the records."""

    value: forms.Field


def asked(
    title: StrOrPromise,
    make_form: Callable[[HttpRequest, Rows], type[forms.Form]],
    apply: Callable[[HttpRequest, Any, Any], None],
) -> Callable[[Any, HttpRequest, Rows], HttpResponse | None]:
    """An action that asks for a value and then applies it to each record; refused records are listed by reference."""

    def run(model_admin: Any, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        form_class = make_form(request, rows)
        form = form_class(request.POST if request.POST.get("post") == "yes" else None)
        if form.is_bound and form.is_valid():
            _apply(request, rows, lambda row: apply(request, row, form.cleaned_data["value"]))
            return None
        veil(access_of(request), rows)
        context = {"form": form, "rows": rows, "action": request.POST.get("action"), "summary": counted(rows)}
        return confirmation(model_admin, request, "admin/crm/bulk.html", str(title), context)

    return run


def _apply(request: HttpRequest, rows: Rows, do: Callable[[Any], None]) -> None:
    done = []
    for row in rows:
        try:
            do(row)
        except WriteRefused as refused:
            messages.error(request, f"{row.reference}: {refused}")
        else:
            done.append(row)
    if done:
        messages.success(request, _("Changed %(counted)s.") % {"counted": counted(done)})


def _people_form(request: HttpRequest, rows: Rows) -> type[forms.Form]:
    """Return the active members of every branch that the records are on."""
    branches = {row.branch_id for row in rows}
    field = UserField(
        PickablePeople(access_of(request), on=frozenset(branches), every=True),
        fixed=[("", _("No owner"))],
        label=_("New owner"),
        required=False,
        help_text=_("You may no longer see records that you hand over."),
    )
    field.widget.plain = UnfoldAdminSelectWidget
    return type("PeopleForm", (ValueForm,), {"value": field})


def _status_form(model: type[Status]) -> Callable[[HttpRequest, Rows], type[forms.Form]]:
    def make(request: HttpRequest, rows: Rows) -> type[forms.Form]:
        statuses = model.on_offer(access_of(request).account_id)
        field = EntryField(statuses, label=_("New status"), widget=UnfoldAdminSelectWidget())
        return type("StatusForm", (ValueForm,), {"value": field})

    return make


def _tag_form(request: HttpRequest, rows: Rows) -> type[forms.Form]:
    field = SingleLineInput(label=_("Tag to add"), max_length=40, widget=UnfoldAdminTextInputWidget())
    return type("TagForm", (ValueForm,), {"value": field})


def _assign(request: HttpRequest, row: Any, value: User | None) -> None:
    change(request, row, {"responsible": value})


def _set_status(request: HttpRequest, row: Any, value: Any) -> None:
    change(request, row, {"status": value})


def _add_tag(request: HttpRequest, row: Any, value: str) -> None:
    change(request, row, {"tags": [*row.tags, value]})


def _status_action(model: type[Status]) -> BulkAction:
    run = asked(gettext_lazy("Change status"), _status_form(model), _set_status)
    return BulkAction("change_status", gettext_lazy("Change status"), "flag", run, "change", bulk="bulk_change_status")


ASSIGN = BulkAction(
    "assign",
    gettext_lazy("Change owner"),
    "person_add",
    asked(gettext_lazy("Change owner"), _people_form, _assign),
    "assign_record",
    bulk="bulk_change_owner",
)
LEAD_STATUS = _status_action(LeadStatus)
OPPORTUNITY_STATUS = _status_action(OpportunityStatus)
ADD_TAG = BulkAction(
    "add_tag",
    gettext_lazy("Add tag"),
    "label",
    asked(gettext_lazy("Add tag"), _tag_form, _add_tag),
    "change",
    bulk="bulk_edit",
)

__all__: Sequence[str] = ("ADD_TAG", "ASSIGN", "LEAD_STATUS", "OPPORTUNITY_STATUS")
