"""API tokens: with one, a program reads what its owner may read, for as long as the token lasts.

A token is random and shown once; the database keeps its digest. It gives nothing of its own: each request is judged by
the engine as its owner's, at that moment. Platform operators have none, so that no program ever holds their powers.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts import mail
from apps.accounts.models import ApiToken, User
from apps.accounts.security_log import log_change

# By it, whoever scans code for secrets knows one of ours.
PREFIX = "mandate_"
RANDOM_BYTES = 32
# Days from which one chooses; none lasts for ever.
LIFETIMES = (7, 30, 90, 365)
MOST = 20
NOTED_EVERY = timedelta(minutes=5)


class TooManyTokens(Exception):
    """Somebody has as many as there is room for."""


class NameTaken(Exception):
    """Somebody has a token of this name already: it may be the same form once more."""


class OperatorsCannotHaveTokens(Exception):
    """A platform operator asked for one."""


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The user's tokens that count now, the latest first."""
    return ApiToken.objects.filter(user=user, ends_at__gt=timezone.now()).order_by("-created_at", "-pk")


@transaction.atomic
def make_token(user: User, name: str, days: int) -> str:
    """A new token of the user's, which nobody can show again; logged, and told to them by mail.

    Raises:
        OperatorsHaveNone: the user is a platform operator.
        NameTaken: they have one of this name.
        TooManyTokens: they have `MOST` already.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if user.is_superuser:
        raise OperatorsCannotHaveTokens
    ApiToken.objects.filter(user=user, ends_at__lte=timezone.now()).delete()
    if tokens_of(user).filter(name__iexact=name).exists():
        raise NameTaken
    if tokens_of(user).count() >= MOST:
        raise TooManyTokens
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    ends_at = timezone.now() + timedelta(days=days)
    ApiToken.objects.create(user=user, name=name, digest=_digest(token), ends_at=ends_at)
    log_change(user, f"made the API token “{name}”")
    mail.send("token_made", user.email, {"name": str(user), "token": name, "ends_at": ends_at})
    return token


@transaction.atomic
def end_token(user: User, number: int) -> bool:
    """End one of the user's tokens; returns whether there was such a one of theirs."""
    token = ApiToken.objects.select_for_update().filter(user=user, pk=number).first()
    if token is None:
        return False
    token.delete()
    log_change(user, f"ended the API token “{token.name}”")
    return True


def end_tokens(user: User) -> int:
    """End all of the user's tokens; returns how many. Whoever asks logs why."""
    ended, _ = ApiToken.objects.filter(user=user).delete()
    return ended


def owner_of(token: str) -> User | None:
    """Whose the token is; None where it is nobody's, has ended, or its owner may not sign in any more."""
    found = (
        ApiToken.objects.select_related("user")
        .filter(digest=_digest(token), ends_at__gt=timezone.now(), user__is_active=True, user__is_superuser=False)
        .first()
    )
    if found is None:
        return None
    if found.last_used_at is None or timezone.now() - found.last_used_at > NOTED_EVERY:
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=timezone.now())
    return found.user


def _digest(token: str) -> str:
    # 256 random bits: nobody finds them by trying, so a plain digest is as good as a slow one.
    return sha256(token.encode()).hexdigest()
