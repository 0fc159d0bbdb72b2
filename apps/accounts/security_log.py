"""Logs changes of a user's sign-in settings in the platform's chain, since they belong to no account."""

from __future__ import annotations

from apps.accounts.models import User
from apps.accounts.verbs import SECURITY_CHANGED
from apps.audit.services import EntryValues, record


def log_change(user: User, did: str, **further: int) -> None:
    """Say in the log that the user `did` it: words that go on after their name. `further` is counted with it."""
    told = EntryValues(
        target_type="accounts.sign_in", target_id=user.pk, target_text=str(user), user_id=user.pk,
        after={"did": did, **further},
    )  # fmt: skip
    record(verb=SECURITY_CHANGED, actor=user, reason=f"{user} {did}", account_id=None, entries=[told])
