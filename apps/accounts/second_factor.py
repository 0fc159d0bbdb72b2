"""The methods of two-factor authentication that a user has set up."""

from __future__ import annotations

from collections import Counter

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from apps.accounts.models import User

# Methods that count as a second factor. Recovery codes only replace one of them.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def factors_of(user: User) -> Counter[str]:
    """How many of each kind the user has."""
    return Counter(Authenticator.objects.filter(user=user).values_list("type", flat=True))


def has_second_factor(user: User) -> bool:
    """Whether the user has an authenticator app or a passkey."""
    return bool(Authenticator.objects.filter(user=user, type__in=FACTORS).exists())


def signed_in_with_second_factor(request: HttpRequest) -> bool:
    """Return whether the person showed a second factor when this session began, and not only later in it."""
    records = get_authentication_records(request, request.user)
    return any(record.get("method") == "mfa" and not record.get("reauthenticated") for record in records)
