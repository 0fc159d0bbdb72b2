"""The pages of a change of access in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import QuickSelect, SearchSelect
from apps.pages.forms.flow import answer
from apps.pages.forms.picker import ManyPeopleWidget, PeopleWidget

# What each plain widget is in the admin.
DRESSES: dict[type[forms.Widget], type[forms.Widget]] = {
    forms.TextInput: UnfoldAdminTextInputWidget,
    forms.EmailInput: UnfoldAdminEmailInputWidget,
    forms.Textarea: UnfoldAdminTextareaWidget,
    forms.Select: UnfoldAdminSelectWidget,
    QuickSelect: UnfoldAdminSelectWidget,
    SearchSelect: UnfoldAdminSelect2Widget,
    forms.SelectMultiple: UnfoldAdminSelect2MultipleWidget,
    forms.CheckboxSelectMultiple: UnfoldAdminCheckboxSelectMultipleWidget,
}


class AdminChangePages:
    """The admin's pages of a change."""

    def __init__(self, request: HttpRequest, *, opts: Any, site: Any) -> None:
        self.request = request
        self.opts = opts
        self.site = site

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """One of the three pages, in the admin's frame."""
        dress(form)
        self.request.current_app = self.site.name
        shared = {**self.site.each_context(self.request), "opts": self.opts, "media": form.media}
        return TemplateResponse(self.request, f"admin/access/{page}.html", {**shared, **context})

    def operation_address(self, operation_id: int) -> str:
        """The operation in the admin's log."""
        return reverse("admin:audit_operation_change", args=[operation_id])


def dress(form: forms.BaseForm) -> None:
    """Give each field of the form the admin's look."""
    for field in form.fields.values():
        plain = field.widget
        if isinstance(plain, forms.DateTimeInput):
            plain.attrs["class"] = " ".join(INPUT_CLASSES)
        if isinstance(plain, PeopleWidget):
            several = isinstance(plain, ManyPeopleWidget)
            plain.plain = UnfoldAdminSelect2MultipleWidget if several else UnfoldAdminSelect2Widget
        dress_of = DRESSES.get(type(plain))
        if dress_of is not None:
            field.widget = dress_of(attrs=plain.attrs)
            field.widget.is_required = plain.is_required
            if isinstance(plain, forms.widgets.ChoiceWidget):
                field.widget.choices = plain.choices


def changing(request: HttpRequest, form: ChangeForm, *, back: str, opts: Any, site: Any, subject: str) -> HttpResponse:
    """The page of a change in the admin (see `flow.answer`).

    Raises:
        MissingPermission: the person may not.
    """
    return answer(request, form, AdminChangePages(request, opts=opts, site=site), back=back, subject=subject)
