"""The page on which a superuser opens an operator session and ends it; to everybody else it is not there."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
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
from apps.accounts.second_factor import has_second_factor, signed_in_with_second_factor
from apps.audit.forms import ReasonField

SHOWN = 10
MINUTES = (15, 30, LONGEST)


class SessionForm(forms.Form):
    """The reason and the duration."""

    reason = ReasonField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "Shown in the audit log, and on every page during the session. Name the ticket and the reason."
        ),
        error_messages={"required": gettext_lazy("Enter a reason for the session.")},
    )
    minutes = forms.TypedChoiceField(
        label=gettext_lazy("Duration"),
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

    A session is opened only by someone who signed in with two-factor authentication.

    Raises:
        Http404: the user is no superuser.
    """
    user = _superuser(request)
    if lacking := _lacking(request, user):
        return _show(site, request, {"lacking": lacking}, status=403 if request.method == "POST" else 200)
    return _ask(request, site, user)


@reauthentication_required(allow_get=True)
def _ask(request: HttpRequest, site: Any, user: User) -> HttpResponse:
    """The form. What is sent counts once the person has shown again who they are, as elsewhere within minutes."""
    form = SessionForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            open_session(user, actor=user, **form.cleaned_data)
        except SessionRefused as refused:
            form.add_error(None, str(refused))
        else:
            return HttpResponseRedirect(_way_on(request))
    return _show(site, request, {"form": form})


def _show(site: Any, request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    request.current_app = site.name
    sessions = OperatorSession.objects.filter(user=request.user.pk).order_by("-opened_at", "-pk")[:SHOWN]
    shared = {"title": _("Operator session"), "next": _way_on(request), "sessions": sessions}
    context = {**site.each_context(request), **shared, **context}
    return TemplateResponse(request, "admin/operator.html", context, status=status)


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
        messages.info(request, _("The session had already ended."))
    else:
        messages.success(request, _("Session ended."))
    return HttpResponseRedirect(reverse("admin:operator"))


def _lacking(request: HttpRequest, user: User) -> str:
    """What keeps the user from opening a session: no second `factor`, or a `sign_in` without one; else nothing."""
    if not has_second_factor(user):
        return "factor"
    return "" if signed_in_with_second_factor(request) else "sign_in"


def _superuser(request: HttpRequest) -> User:
    if not isinstance(request.user, User) or not request.user.is_superuser:
        raise Http404
    return request.user


def _way_on(request: HttpRequest) -> str:
    """Return the page that the operator wanted, if it is on this site; else the first one."""
    wanted = (request.POST or request.GET).get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else reverse("admin:index")
