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

# Secret scanners recognise our tokens by this prefix.
PREFIX = "mandate_"
RANDOM_BYTES = 32
# Days from which one chooses; none lasts for ever.
LIFETIMES = (7, 30, 90, 365)
MOST = 20
NOTED_EVERY = timedelta(minutes=5)


class TooManyTokens(Exception):
    """The user already has the maximum number of tokens."""


class NameTaken(Exception):
    """The user already has a token with this name; the form may have been sent twice."""


class OperatorsCannotHaveTokens(Exception):
    """A platform operator asked for one."""


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The user's tokens that count now, the latest first."""
    return ApiToken.objects.filter(user=user, ends_at__gt=timezone.now()).order_by("-created_at", "-pk")


@transaction.atomic
def make_token(user: User, name: str, days: int) -> str:
    """Create a token for the user and return it, once; logs it and emails the user.

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
    """End all of the user's tokens; returns how many. The caller logs why."""
    ended, _ = ApiToken.objects.filter(user=user).delete()
    return ended


def owner_of(token: str) -> User | None:
    """Return the token's owner; None if the token is unknown or expired, or its owner can't sign in."""
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
    # 256 random bits can't be guessed, so a fast digest is as safe as a slow one.
    return sha256(token.encode()).hexdigest()
