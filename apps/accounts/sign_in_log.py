"""Each sign-in and each failed try in the server's log: whose it was, how, and from which address of the network."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from apps.accounts.network import client_ip

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("mandate.security")


def signed_in(request: HttpRequest, user: AbstractBaseUser, steps: Sequence[dict[str, Any]]) -> None:
    """Log a sign-in with each of allauth's records of how the user showed who they are; a mail's link leaves none."""
    used = [_name(**step) for step in steps]
    logger.info("User %s signed in from %s: %s", user.pk, client_ip(request), ", ".join(used) or "link of a mail")


def confirmed(request: HttpRequest, user: AbstractBaseUser, *, reauthenticated: bool = False, **step: Any) -> None:
    """Log that a signed-in user confirmed who they are (a receiver of allauth's `authentication_step_completed`)."""
    if reauthenticated:
        logger.info("User %s confirmed who they are from %s: %s", user.pk, client_ip(request), _name(**step))


def password_failed(request: HttpRequest, address: str) -> None:
    """Log a wrong password. What was typed as the address may be a password, so the log has its digest alone."""
    digest = salted_hmac("mandate.security", address.lower()).hexdigest()[:12]
    logger.warning("A sign-in failed from %s, for the address %s", client_ip(request), digest)


def second_factor_failed(request: HttpRequest, user: AbstractBaseUser | None) -> None:
    """Log a code or a passkey that does not count. `user` is None where a passkey stands in place of the password."""
    whose = "an unknown user" if user is None else f"user {user.pk}"
    logger.warning("A code or passkey of %s failed from %s", whose, client_ip(request))


def _name(method: str, type: str = "", **_: Any) -> str:
    return f"{method} ({type})" if type else method
