"""A user's sessions: list and end them."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.lifetime import is_to_be_noted
from apps.accounts.models import ApiToken, User
from apps.accounts.tokens import end_tokens
from apps.accounts.verbs import SESSIONS_ENDED
from apps.audit.services import EntryValues, record


def note(session: SessionBase) -> None:
    """Let the session go on from now, if it was last seen a while ago."""
    if is_to_be_noted(session):
        UserSession.objects.filter(session_key=session.session_key).update(last_seen_at=timezone.now())


def sessions_of(user: User) -> QuerySet[UserSession]:
    """Where the user is signed in now, the latest first."""
    living = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    found: QuerySet[UserSession] = UserSession.objects.filter(user=user, session_key__in=living)
    return found.order_by("-last_seen_at", "-pk")


def end_sessions(user: User, *, but: str | None = None) -> int:
    """Sign the user out everywhere, but in the session of this key; returns in how many places."""
    return _end(UserSession.objects.filter(user=user).exclude(session_key=but or ""))


def end_session(user: User, number: int) -> bool:
    """Sign the user out in one place; returns whether there was such a session of theirs."""
    return bool(_end(UserSession.objects.filter(user=user, pk=number)))


def shut_out(user: User) -> tuple[int, int]:
    """Sign the user out everywhere and end their API tokens; returns how many of each. The caller logs why."""
    return end_sessions(user), end_tokens(user)


@transaction.atomic
def sign_out(user: User, *, actor: User | None, reason: str) -> int:
    """Sign the user out everywhere, end their API tokens, and log it; returns the number of sessions.

    `actor` None is the console's operator.
    """
    ended, tokens = shut_out(user)
    told = EntryValues(
        target_type="accounts.sessions", target_id=user.pk, target_text=str(user), user_id=user.pk,
        after={"ended": ended, "tokens": tokens},
    )  # fmt: skip
    record(verb=SESSIONS_ENDED, actor=actor, reason=reason, account_id=None, entries=[told])
    return ended


@transaction.atomic
def sign_everybody_out(*, actor: User | None, reason: str) -> int:
    """End every session and API token there is, and log it; returns how many sessions.

    `actor` None is the console's operator.
    """
    UserSession.objects.all().delete()
    tokens, _ = ApiToken.objects.all().delete()
    ended, _ = Session.objects.all().delete()
    told = EntryValues(
        target_type="accounts.sessions", target_id=0, target_text="everybody", after={"ended": ended, "tokens": tokens}
    )  # fmt: skip
    record(verb=SESSIONS_ENDED, actor=actor, reason=reason, account_id=None, entries=[told])
    return ended


@transaction.atomic
def _end(found: QuerySet[UserSession]) -> int:
    keys = list(found.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    found.delete()
    return len(keys)
