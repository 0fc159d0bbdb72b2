"""What every page knows of the account that it is in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from apps.accounts.models import User


def current_account(request: HttpRequest) -> dict[str, Any]:
    """`current_account`: the account that the request works in; `viewing`: the member viewed as. Both may be None."""
    user = getattr(request, "user", None)
    return {
        "current_account": user.current_account if isinstance(user, User) else None,
        "viewing": getattr(request, "viewing", None),
    }
