"""Who shows that an address is theirs decides how they sign in with it. Nothing chosen before that survives."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction

from apps.accounts import fence
from apps.accounts.addresses import vouch_for
from apps.accounts.models import User
from apps.accounts.security_log import log_change
from apps.accounts.sessions import shut_out


def is_proven(user: User) -> bool:
    """Return whether the user's email address is verified."""
    return bool(EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists())


def prove_address(user: User, password: str) -> None:
    """Let the user's address count as theirs, and this be their password.

    Whoever calls this has seen that the password comes from a reader of that address. Another person may have chosen
    what was there before. So all of it goes: password, passkeys, apps, recovery codes, API tokens and sessions.
    """
    with fence.tenant(None, user.pk), transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        Authenticator.objects.filter(user=user).delete()
        sessions, tokens = shut_out(user)
        EmailAddress.objects.filter(user=user).delete()
        vouch_for([user])
        log_change(user, "showed that their address is theirs, and set a password", sessions=sessions, tokens=tokens)
