"""The page on which an account chooses how days, times and tasks are for everybody in it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.accounts.preferences import Preferences
from apps.changes.preferences import MANAGES, change_preferences
from apps.changes.refusals import ChangedMeanwhile
from apps.pages.forms.preferences import PreferencesForm
from apps.pages.views.page import page, show
from apps.pages.views.settings import crumbs_of


@page(MANAGES, sends=True)
def preferences(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The account's preferences and their form."""
    assert access.account is not None
    account = access.account
    form = PreferencesForm(request.POST if request.method == "POST" else None, instance=_kept(access))
    if request.method == "POST" and form.is_valid():
        try:
            change_preferences(account, actor=access.user, values=form.values, seen=form.cleaned_data["seen"])
        except ChangedMeanwhile as refusal:
            form.overtaken(refusal, _kept(access))
        else:
            messages.success(request, _("Preferences saved for everyone in the account."))
            return HttpResponseRedirect(reverse("pages:settings-preferences", args=[account.slug]))
    return show(
        request,
        access,
        "pages/settings/preferences.html",
        _("Preferences"),
        {"form": form, "crumbs": crumbs_of(access)},
    )


def _kept(access: AccessContext) -> Preferences:
    """Return a copy of the current values, which a form may fill."""
    return Preferences.objects.filter(account=access.account).first() or Preferences(account_id=access.account_id)
