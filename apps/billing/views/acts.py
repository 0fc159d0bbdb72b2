"""How something about the bills is changed by hand: a form with the reason, what would come of it, a confirmation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.access.models import QueuedPreview
from apps.billing.forms import ActForm
from apps.changes.base import Change
from apps.changes.refusals import NoSuchTarget, PermissionMissing, Refusal
from apps.pages.forms.flow import UNKNOWN, address_of, data_of, kept_of, queue, queued_preview
from apps.pages.views.page import show


def home_of(access: AccessContext) -> str:
    """The address of the account's billing."""
    assert access.account is not None
    return reverse("billing:overview", args=[access.account.slug])


def answer(
    request: HttpRequest,
    access: AccessContext,
    form: ActForm,
    *,
    tried: Callable[[], Iterable[str]],
    act: Callable[[str], object],
    template: str = "pages/change/change.html",
    queued: Callable[[], Change | None] = lambda: None,
) -> HttpResponse:
    """The form, then what `tried` says would come of it, then what `act` does with the reason, which leads to billing.

    `queued` is the change of access that comes with it, where it concerns so many that its preview is the queue's
    (`forms.flow`): it is told after what `tried` says.

    Raises:
        MissingPermission: the person may not.
    """
    back = home_of(access)
    context = {"form": form, "back": back, "crumbs": [(back, _("Billing"))]}
    asked = queued_preview(request, access)
    if asked is not None:
        form.data, form.is_bound = data_of(asked), True
    if (request.method == "POST" or asked is not None) and form.is_valid():
        try:
            if asked is not None:
                return _computed(request, access, form, asked, tried, context)
            if "confirmed" in request.POST:
                act(form.cleaned_data["reason"])
                messages.success(request, _("Changes saved. The reason is in the audit log."))
                return HttpResponseRedirect(back)
            if (change := queued()) is not None:
                return queue(request, change, access.user)
            found = {**context, "lines": list(tried()), "kept": kept_of(request)}
            return show(request, access, "pages/change/confirm.html", str(form.title), found)
        except PermissionMissing:
            raise
        except Refusal as refusal:
            form.add_error(None, str(refusal))
    return show(request, access, template, str(form.title), context)


def _computed(
    request: HttpRequest,
    access: AccessContext,
    form: ActForm,
    asked: QueuedPreview,
    tried: Callable[[], Iterable[str]],
    context: dict[str, Any],
) -> HttpResponse:
    """The page of a queued preview.

    Raises:
        NoSuchTarget: it was refused, or could not be computed.
    """
    if asked.state == QueuedPreview.State.WAITING:
        found = {**context, "again": address_of(request, asked)}
        return show(request, access, "pages/change/waiting.html", str(form.title), found)
    if asked.state != QueuedPreview.State.DONE:
        raise NoSuchTarget(asked.result.get("refusal", UNKNOWN))
    lines = [*tried(), *asked.result["lines"]]
    found = {**context, "lines": lines, "more": asked.result["more"], "computed_at": asked.computed_at}
    return show(request, access, "pages/change/confirm.html", str(form.title), {**found, "kept": asked.sent})
