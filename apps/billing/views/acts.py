"""How something about the bills is changed by hand: a form with the reason, what would come of it, a confirmation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.changes.refusals import Refusal, RightMissing
from apps.access.desk import Desk
from apps.access.forms.base import OURS
from apps.access.views.page import show
from apps.billing.forms import ActForm


def home_of(desk: Desk) -> str:
    """The address of the account's billing."""
    assert desk.account is not None
    return reverse("billing:overview", args=[desk.account.slug])


def answer(
    request: HttpRequest,
    desk: Desk,
    form: ActForm,
    *,
    tried: Callable[[], Iterable[str]],
    act: Callable[[str], object],
    template: str = "pages/change/change.html",
) -> HttpResponse:
    """The form, then what `tried` says would come of it, then what `act` does with the reason, which leads to billing.

    Raises:
        MissingPermission: the person may not.
    """
    back = home_of(desk)
    context = {"form": form, "back": back, "crumbs": [(back, _("Billing"))]}
    if request.method == "POST" and form.is_valid():
        try:
            if "confirmed" in request.POST:
                act(form.cleaned_data["reason"])
                messages.success(request, _("Done. The log keeps the reason."))
                return HttpResponseRedirect(back)
            kept = [(name, value) for name, values in request.POST.lists() for value in values if name not in OURS]
            found = {**context, "lines": list(tried()), "kept": kept}
            return show(request, desk, "pages/change/confirm.html", form.title, found)
        except RightMissing:
            raise
        except Refusal as refusal:
            form.add_error(None, str(refusal))
    return show(request, desk, template, form.title, context)
