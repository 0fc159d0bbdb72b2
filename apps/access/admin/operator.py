"""The page on which a superuser opens an operator session and ends it; to everybody else it is not there."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from apps.access.models import OperatorSession
from apps.access.operators import LONGEST, SessionRefused, end_session, open_session
from apps.accounts.models import User
from apps.audit.forms import ReasonField

SHOWN = 10
MINUTES = (15, 30, LONGEST)


class SessionForm(forms.Form):
    """Why, and for how long."""

    reason = ReasonField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "It stands in the log, and on every page until the session ends: a ticket and a sentence will do."
        ),
        error_messages={"required": gettext_lazy("Say why the session is needed.")},
    )
    minutes = forms.TypedChoiceField(
        label=gettext_lazy("For how long"),
        coerce=int,
        choices=lambda: [
            (minutes, ngettext("%(number)s minute", "%(number)s minutes", minutes) % {"number": minutes})
            for minutes in MINUTES
        ],
        initial=LONGEST,
        widget=UnfoldAdminSelectWidget(),
    )


def operator_page(site: Any, request: HttpRequest) -> HttpResponse:
    """The running session or the form for one, and the user's last ones. Opening one leads back to `next`.

    Raises:
        Http404: the user is no superuser.
    """
    user = _superuser(request)
    form = SessionForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            open_session(user, actor=user, **form.cleaned_data)
        except SessionRefused as refused:
            form.add_error(None, str(refused))
        else:
            return HttpResponseRedirect(_way_on(request))
    request.current_app = site.name
    return TemplateResponse(
        request,
        "admin/operator.html",
        {
            **site.each_context(request),
            "title": _("Operator session"),
            "form": form,
            "next": _way_on(request),
            "sessions": OperatorSession.objects.filter(user=user).order_by("-opened_at", "-pk")[:SHOWN],
        },
    )


def end_operator_session(request: HttpRequest) -> HttpResponse:
    """End the running session, and lead to the page.

    Raises:
        Http404: the user is no superuser.
    """
    user = _superuser(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        end_session(user, actor=user)
    except SessionRefused:
        messages.info(request, _("The session had ended already."))
    else:
        messages.success(request, _("The session has ended."))
    return HttpResponseRedirect(reverse("admin:operator"))


def _superuser(request: HttpRequest) -> User:
    if not isinstance(request.user, User) or not request.user.is_superuser:
        raise Http404
    return request.user


def _way_on(request: HttpRequest) -> str:
    """Where the operator wanted to go, if it is a page of ours; else the first one."""
    wanted = (request.POST or request.GET).get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else reverse("admin:index")
