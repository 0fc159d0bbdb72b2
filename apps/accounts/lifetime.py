"""How long a session lasts."""

from __future__ import annotations

import time
from typing import Any

from django.apps import apps
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

# Users sign in again after a week, even if they are active.
LONGEST = 7 * 24 * 3600
# A session is written when it was last seen so long ago, and not at each request.
NOTED_EVERY = 5 * 60
BEGAN, SEEN = "began", "seen"


def begin(request: HttpRequest | None, **_: Any) -> None:
    """Store when the session began, for every way of signing in (Django's `user_logged_in`)."""
    if request is not None and hasattr(request, "session"):
        request.session[BEGAN] = request.session[SEEN] = int(time.time())


def renew(request: HttpRequest, *, reauthenticated: bool = False, **_: Any) -> None:
    """Change the session key after the user confirms their identity (allauth's signal of a completed step)."""
    if not reauthenticated:
        return
    before = request.session.session_key
    request.session.cycle_key()
    sessions = apps.get_model("usersessions", "UserSession")
    sessions.objects.filter(session_key=before).update(session_key=request.session.session_key)


def has_run_out(session: SessionBase) -> bool:
    """Whether the session has lasted as long as any may. That it lay idle too long, its own end says."""
    return bool(time.time() - session.get(BEGAN, 0) > LONGEST)


def is_to_be_noted(session: SessionBase) -> bool:
    """Whether the session goes on from now: it was last seen a while ago, and says now otherwise."""
    now = int(time.time())
    if now - session.get(SEEN, 0) <= NOTED_EVERY:
        return False
    session[SEEN] = now
    return True
