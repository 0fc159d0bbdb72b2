"""The fields that an account adds to its records: added, changed, ordered, no longer offered, deleted."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop
from django.views.decorators.http import require_POST

from apps.access.context import AccessContext
from apps.crm.errors import EntryInUse, KindInUse
from apps.crm.forms import CustomFieldForm
from apps.crm.models import CustomField
from apps.crm.services.customfields import MANAGES, delete_field, in_use, move_field, save_field
from apps.crm.services.customvalues import RECORD_TYPES
from apps.pages.views.page import page, show
from apps.pages.views.settings import SettingsPage, crumbs_of, offer_setting
from apps.roles import catalogue

BIGGEST = 2**63 - 1
_TEXT = noop("Extra fields for the records of this account.")

offer_setting("Customisation", SettingsPage("crm:custom-fields", noop("Custom fields"), _TEXT, "text_fields", MANAGES))


@page(MANAGES, sends=True)
def fields(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The fields of each record type in their order, and a form for one more."""
    made = CustomField(account=access.account)
    form = CustomFieldForm(request.POST if request.method == "POST" else None, instance=made)
    if request.method == "POST" and _saved(form, access):
        messages.success(request, _("Field “%(name)s” added.") % {"name": made})
        return HttpResponseRedirect(_list(access))
    context = {"groups": _groups(access), "form": form, "text": _(_TEXT), "crumbs": crumbs_of(access)}
    return show(request, access, "pages/settings/custom_fields.html", _("Custom fields"), context)


@page(MANAGES, sends=True)
def field(request: HttpRequest, access: AccessContext, field: int) -> HttpResponse:
    """A field gets another name, other choices, or whatever else is said of it."""
    row = _row_or_404(access, field)
    name = row.name
    form = CustomFieldForm(request.POST if request.method == "POST" else None, instance=row)
    if in_use(row):
        form.keep_kind()
    if request.method == "POST" and _saved(form, access):
        messages.success(request, _("“%(name)s” saved.") % {"name": row})
        return HttpResponseRedirect(_list(access))
    return _field_page(request, access, "entry", name, {"form": form, "button": _("Save")})


@page(MANAGES, sends=True)
def remove(request: HttpRequest, access: AccessContext, field: int) -> HttpResponse:
    """A field goes that no record has a value in; one that some have can be offered no longer."""
    row, error = _row_or_404(access, field), ""
    name = row.name
    if request.method == "POST":
        try:
            delete_field(row, actor=access.user)
        except EntryInUse:
            error = _("“%(name)s” is in use. Stop offering it instead. Records keep their values.")
            error %= {"name": name}
        else:
            messages.success(request, _("“%(name)s” deleted.") % {"name": name})
            return HttpResponseRedirect(_list(access))
    title = _("Delete “%(name)s”") % {"name": name}
    return _field_page(request, access, "remove", title, {"error": error, "offered": row.offered, "row": row})


@page(MANAGES, sends=True)
@require_POST
def arrange(request: HttpRequest, access: AccessContext, field: int) -> HttpResponse:
    """A field goes up or down among those of its record type, is offered no longer, or again.

    Raises:
        Http404: it is asked for something else.
    """
    row, act = _row_or_404(access, field), request.POST.get("act")
    if act in {"up", "down"}:
        move_field(row, actor=access.user, up=act == "up")
    elif act in {"offer", "retire"}:
        row.offered = act == "offer"
        save_field(row, actor=access.user)
    else:
        raise Http404
    return HttpResponseRedirect(_list(access))


def _saved(form: CustomFieldForm, access: AccessContext) -> bool:
    """Whether what was sent is stored; if not, the form says why."""
    if not form.is_valid():
        return False
    try:
        save_field(form.instance, actor=access.user)
    except KindInUse as error:
        form.add_error("kind", str(error))
    except ValidationError as error:
        form.add_error(None, error)
    return form.is_valid()


def _groups(access: AccessContext) -> list[tuple[str, list[CustomField]]]:
    """The fields of each record type that has some, under the type's name."""
    rows = sorted(
        CustomField.objects.filter(account=access.account), key=lambda row: RECORD_TYPES.index(row.record_type)
    )
    return [
        (catalogue.record_type(name).label_plural, list(found))
        for name, found in groupby(rows, key=lambda row: row.record_type)
    ]


def _row_or_404(access: AccessContext, field: int) -> CustomField:
    rows = CustomField.objects.filter(account=access.account)
    row = rows.filter(pk=field).first() if field <= BIGGEST else None
    if row is None:
        raise Http404
    return row


def _list(access: AccessContext) -> str:
    assert access.account is not None
    return reverse("crm:custom-fields", args=[access.account.slug])


def _field_page(
    request: HttpRequest, access: AccessContext, template: str, title: str, context: dict[str, Any]
) -> HttpResponse:
    back = _list(access)
    crumbs = [*crumbs_of(access), (back, _("Custom fields"))]
    return show(request, access, f"pages/settings/{template}.html", title, {**context, "back": back, "crumbs": crumbs})
