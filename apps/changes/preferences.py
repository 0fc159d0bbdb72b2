"""Update an account's preferences: with the permission, in the log, and without overwriting newer values.

This is no change of access: it needs no reason and no preview, and does not change permissions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.access import policy
from apps.access.errors import MissingPermission
from apps.accounts.models import Account, User
from apps.accounts.preferences import Preferences
from apps.accounts.verbs import PREFERENCES_CHANGED
from apps.audit.services import operation
from apps.changes.refusals import ChangedMeanwhile

MANAGES = "manage_preferences"
# The log needs a reason; for anything but access, the page is enough.
WHY = "Changed on the preferences page"
CHOICES = tuple(field.name for field in Preferences._meta.concrete_fields if field.name not in {"id", "account"})


def change_preferences(
    account: Account, *, actor: User, values: Mapping[str, Any], seen: Mapping[str, Any]
) -> Preferences:
    """Store these values of the account's preferences and return all of them. Equal values write nothing.

    `seen` is what the page showed of them.

    Raises:
        MissingPermission: the actor must not manage the account's preferences.
        ValidationError: a value is invalid.
        ChangedMeanwhile: the preferences changed since they were shown.
    """
    if not policy.may(actor, MANAGES, account):
        raise MissingPermission(MANAGES, account)
    try:
        with transaction.atomic():
            return _stored(account, actor, values, seen)
    except IntegrityError:
        # Another request just stored the first preferences: compare with these.
        with transaction.atomic():
            return _stored(account, actor, values, seen)


def _stored(account: Account, actor: User, values: Mapping[str, Any], seen: Mapping[str, Any]) -> Preferences:
    preferences = Preferences.objects.select_for_update().filter(account=account).first() or Preferences(
        account=account
    )
    others = {name: (was, now) for name, was in seen.items() if (now := getattr(preferences, name)) != was}
    if others:
        raise ChangedMeanwhile(_("The preferences changed while you were editing."), others)
    changed = preferences.pk is None or any(getattr(preferences, name) != value for name, value in values.items())
    for name, value in values.items():
        setattr(preferences, name, value)
    preferences.clean_fields()
    if changed:
        with operation(verb=PREFERENCES_CHANGED, actor=actor, reason=WHY):
            preferences.save()
    return preferences
