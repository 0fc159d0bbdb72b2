"""The account itself: its name, and its closing with a waiting period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apps.access import verbs
from apps.access.changes.base import Change, rows
from apps.access.changes.diff import Diff, updated
from apps.access.changes.ground import Ground
from apps.access.changes.refusals import NoSuchTarget
from apps.access.changes.values import checked
from apps.accounts.models import Account, validate_currency

WAITING_PERIOD = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class ChangeAccount(Change):
    """Give the account another name or currency. Needs `change_account`. What is None stays as it is."""

    verb = verbs.ACCOUNT_CHANGED

    name: str | None = None
    currency: str | None = None
    seen: Mapping[str, Any] | None = None

    def plan(self, ground: Ground) -> Iterable[Diff]:
        """The account's row."""
        stated = {}
        if self.name is not None:
            if not self.name.strip():
                raise NoSuchTarget("An account needs a name.")
            stated["name"] = self.name.strip()
        if self.currency is not None:
            stated["currency"] = checked(validate_currency, self.currency, "currency")
        row = updated(ground.account, seen=self.seen, **stated)  # type: ignore[arg-type] # columns by name
        return rows(row) if row.changed or self.seen is not None else []


@dataclass(frozen=True, kw_only=True)
class CloseAccount(Change):
    """Begin to close the account, which keeps its access for a waiting period. Needs `delete_account`."""

    verb = verbs.ACCOUNT_CLOSING

    waiting: timedelta = WAITING_PERIOD

    def plan(self, ground: Ground) -> Iterable[Diff]:
        """The account closing."""
        if ground.account.status != Account.Status.ACTIVE:
            raise NoSuchTarget(f"{ground.account} is {ground.account.get_status_display().lower()} already.")
        return rows(updated(ground.account, status=Account.Status.CLOSING, closes_at=ground.now + self.waiting))


@dataclass(frozen=True, kw_only=True)
class KeepAccount(Change):
    """Take the closing back: during the waiting period with `delete_account`, and afterwards as a platform operator."""

    verb = verbs.ACCOUNT_KEPT

    def plan(self, ground: Ground) -> Iterable[Diff]:
        """The account active."""
        if ground.account.status == Account.Status.ACTIVE:
            raise NoSuchTarget(f"{ground.account} is not closing.")
        return rows(updated(ground.account, status=Account.Status.ACTIVE, closes_at=None))


@dataclass(frozen=True, kw_only=True)
class FinishClosing(Change):
    """Close an account whose waiting period is over; nothing where it is not, or the closing was taken back."""

    verb = verbs.ACCOUNT_CLOSED

    def plan(self, ground: Ground) -> Iterable[Diff]:
        """The account closed."""
        account = ground.account
        if account.status != Account.Status.CLOSING or account.closes_at is None or account.closes_at > ground.now:
            return []
        return rows(updated(account, status=Account.Status.CLOSED, closes_at=None))


def close_due_accounts() -> int:
    """Close every account whose waiting period is over; returns how many. Safe to run twice at once."""
    closing = Account.objects.filter(status=Account.Status.CLOSING).order_by("pk").values_list("pk", flat=True)
    done = (FinishClosing(account_id=pk).apply(actor=None, reason="The waiting period is over") for pk in list(closing))
    return sum(1 for each in done if each.rows)
