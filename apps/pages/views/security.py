"""The account's requirements at sign-in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.pages.forms.accounts import SecondFactorForm
from apps.pages.views.page import change_page, page
from apps.pages.views.settings import crumbs_of


@page("change_account", sends=True)
def second_factor(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Who must set up two-factor authentication."""
    assert access.account is not None
    form = SecondFactorForm(request.POST or None, access=access, row=access.account)
    crumbs = crumbs_of(access)
    return change_page(request, access, form, back=crumbs[0][0], subject=_("Two-factor authentication"), crumbs=crumbs)
