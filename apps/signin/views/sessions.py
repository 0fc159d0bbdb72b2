"""Pages to list and end the user's sessions."""

from __future__ import annotations

import re

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from apps.access.context import access_of
from apps.accounts.session_keys import stored_key
from apps.accounts.sessions import end_session, end_sessions, sessions_of

SHOWN = 50
BROWSERS = (("Firefox", "Firefox"), ("Edg", "Edge"), ("OPR", "Opera"), ("Chrom", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


@login_required
@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    """List the user's sessions."""
    access = access_of(request)
    user_sessions = sessions_of(access.user)
    shown = [
        {
            "session": session,
            "device": device_in(session.user_agent),
            "here": session.session_key == stored_key(request.session.session_key),
        }
        for session in user_sessions[:SHOWN]
    ]
    return render(
        request, "signin/sessions.html", {"access": access, "sessions": shown, "count": user_sessions.count()}
    )


@login_required
@require_POST
@reauthentication_required
def end(request: HttpRequest, number: int) -> HttpResponse:
    """End one session.

    Raises:
        Http404: the user has no such session.
    """
    if not end_session(access_of(request).user, number):
        raise Http404
    messages.success(request, _("Session ended."))
    return HttpResponseRedirect(reverse("my-sessions"))


@login_required
@require_POST
@reauthentication_required
def end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere else."""
    ended = end_sessions(access_of(request).user, but=request.session.session_key)
    messages.success(
        request,
        ngettext("%(count)s other session ended.", "%(count)s other sessions ended.", ended) % {"count": ended},
    )
    return HttpResponseRedirect(reverse("my-sessions"))


def device_in(user_agent: str) -> str:
    """Return a readable name for a user agent, such as “Firefox on Windows”."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or re.split(r"[/ ]", user_agent)[0] or _("Unknown device")
