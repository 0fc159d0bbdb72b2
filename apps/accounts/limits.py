"""How much mail a request can have us send: limited by who asks for it, by who gets it and by the account."""

from __future__ import annotations

from allauth.core import ratelimit
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import ngettext


def may_send(request: HttpRequest, *, to: str, account_id: int | None = None) -> bool:
    """Whether one more mail can go to this address, and count it.

    The answer doesn't depend on whether a user has the address, so it reveals nothing.
    """
    sender = "mail_by_user" if request.user.is_authenticated else "mail_by_place"
    return (
        ratelimit.consume(request, action=sender)
        and ratelimit.consume(request, action="mail_to_address", key=to.lower())
        and (account_id is None or ratelimit.consume(request, action="mail_by_account", key=str(account_id)))
    )


def too_often() -> str:
    """Return the message for a sender over the limit, with the longest wait in minutes."""
    minutes = settings.MAIL_LIMIT_MINUTES
    return ngettext(
        "That is more email than we send at a time. Try again in %(minutes)s minute.",
        "That is more email than we send at a time. Try again in %(minutes)s minutes.",
        minutes,
    ) % {"minutes": minutes}
