"""Actions of a page: a link, or the same text disabled with the missing permission and a link to request it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.access.context import AccessContext
from apps.access.reasons import tooltip
from apps.pages.access_requests import asking_address
from apps.pages.forms.base import ChangeForm
from apps.pages.views.page import AccountChangePages, change_page, show


@dataclass(frozen=True, slots=True)
class PageAction:
    """One thing to do; where `missing` is filled, disabled with that sentence. `asking` is where to request it."""

    title: str
    address: str
    icon: str
    missing: str = ""
    asking: str = ""
    danger: bool = False


def address(access: AccessContext, name: str, *args: Any) -> str:
    """A page of the current account."""
    assert access.account is not None
    return reverse(f"pages:{name}", args=[access.account.slug, *args])


def page_action(
    access: AccessContext, form: type[ChangeForm], row: Any, icon: str, to: str, title: str = ""
) -> PageAction | None:
    """Return the form's act for a row; None where it makes no sense for the row in its current state."""
    if row is not None and not form.applies(access, row):
        return None
    title = title or str(form.title)
    lacking = form.lacking(access, row)
    if lacking is None:
        return PageAction(title, to, icon, form.barred(access, row), danger=form.danger)
    codename, target = lacking
    about = target or access.account
    assert about is not None

    def asking() -> str:
        return asking_address(access, codename, about)

    known = f"asking for {codename} {about._meta.label} {about.pk}"
    return PageAction(title, to, icon, tooltip(access, codename), access.once(known, asking), form.danger)


def acts(*found: PageAction | None) -> list[PageAction]:
    """Return the acts that apply."""
    return [each for each in found if each is not None]


class OwnPage(AccountChangePages):
    """A change whose form has a page of its own; preview and confirmation look like any other."""

    def __init__(
        self, request: HttpRequest, access: AccessContext, template: str, context: dict[str, Any], **options: Any
    ) -> None:
        super().__init__(request, access, **options)
        self.template = template
        self.context = context

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """The form on its own page, or what follows it."""
        if page != "change":
            return super().show(page, form, context)
        context = {**context, **self.context, "crumbs": self.crumbs}
        return show(self.request, self.access, self.template, context["subject"], context)


def changing(
    request: HttpRequest,
    access: AccessContext,
    kind: type[ChangeForm],
    row: Any,
    *,
    back: str,
    subject: str,
    crumbs: list[tuple[str, str]],
    initial: dict[str, Any] | None = None,
) -> HttpResponse:
    """The page of one change of a row; where the person is barred from it, the page says why.

    Raises:
        MissingPermission: the person may not.
    """
    form = kind(request.POST or None, access=access, row=row, initial=initial)
    form.require()
    if barred := form.barred(access, row):
        return show(request, access, "pages/members/barred.html", subject, {"barred": barred, "crumbs": crumbs})
    return change_page(request, access, form, back=back, subject=subject, crumbs=crumbs)
