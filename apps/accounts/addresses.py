"""Verified email addresses. Users can't sign in with an unverified one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.apps import apps

if TYPE_CHECKING:
    from apps.accounts.models import User


def vouch_for(users: Iterable[User]) -> None:
    """Mark the email addresses of these users as verified; the caller must have the authority to do so."""
    addresses = apps.get_model("account", "EmailAddress")
    addresses.objects.bulk_create(
        (addresses(user_id=user.pk, email=user.email, primary=True, verified=True) for user in users),
        ignore_conflicts=True,
        batch_size=2_000,
    )
