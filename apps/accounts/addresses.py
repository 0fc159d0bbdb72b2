"""E-mail addresses that count as their users' own. Nobody signs in with one that does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.apps import apps

if TYPE_CHECKING:
    from apps.accounts.models import User


def vouch_for(users: Iterable[User]) -> None:
    """Let the addresses of these users count as verified: somebody who may has said that they are theirs."""
    addresses = apps.get_model("account", "EmailAddress")
    addresses.objects.bulk_create(
        (addresses(user_id=user.pk, email=user.email, primary=True, verified=True) for user in users),
        ignore_conflicts=True,
        batch_size=2_000,
    )
