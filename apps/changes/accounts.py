"""The account itself: its name, and its closing with a waiting period."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.access import verbs
from apps.access.second_factor import without_second_factor
from apps.accounts.isolation import Job, due_accounts, in_each_account
from apps.accounts.models import EVERYONE, Account, validate_currency
from apps.changes.base import Change, rows
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, updated
from apps.changes.refusals import NoSuchTarget, Refusal
from apps.changes.values import checked
from apps.roles.models import Role

WAITING_PERIOD = timedelta(days=30)
CLOSING = Job("close_accounts", gettext_lazy("Closing"), expected=(Refusal,))

# Returns why the account's currency can't change, in a sentence; empty if it can.
CurrencyRule = Callable[[Account], str]
_currency_rules: list[CurrencyRule] = []


def currency_kept_by(rule: CurrencyRule) -> None:
    """Register a rule that can refuse a change of currency. Upper apps know what the account has used it for."""
    if rule not in _currency_rules:
        _currency_rules.append(rule)


def why_currency_stays(account: Account) -> str:
    """Return why the account's currency can't change, in a sentence; empty if it can."""
    return next((why for rule in _currency_rules if (why := rule(account))), "")


@dataclass(frozen=True, kw_only=True)
class ChangeAccount(Change):
    """Change the account's name, currency or two-factor requirement. Needs `change_account`.

    `second_factor` are keys of roles, or `EVERYONE`. None leaves a value unchanged.
    """

    verb = verbs.ACCOUNT_CHANGED

    name: str | None = None
    currency: str | None = None
    second_factor: Collection[str] | None = None
    seen: Mapping[str, Any] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the account's row."""
        stated: dict[str, Any] = {}
        if self.name is not None:
            if not self.name.strip():
                raise NoSuchTarget(_("Enter a name for the account."))
            stated["name"] = self.name.strip()
        if self.currency is not None and self.currency != context.account.currency:
            if why := why_currency_stays(context.account):
                raise NoSuchTarget(why)
            stated["currency"] = checked(validate_currency, self.currency, _("currency"))
        if self.second_factor is not None:
            stated["second_factor"] = self._asked(context)
        row = updated(context.account, seen=self.seen, **stated)
        return rows(row) if row.changed or self.seen is not None else []

    def _asked(self, context: ChangeContext) -> list[str]:
        """Return who needs a second factor: `EVERYONE`, or sorted role keys."""
        assert self.second_factor is not None
        if EVERYONE in self.second_factor:
            return [EVERYONE]
        keys = set(Role.objects.usable_in(context.account.pk, context.account.scheme).values_list("key", flat=True))
        for key in self.second_factor:
            if key not in keys:
                raise NoSuchTarget(_("%(account)s has no role “%(key)s”.") % {"key": key, "account": context.account})
        return sorted(set(self.second_factor))

    def notes(self, context: ChangeContext) -> Iterable[str]:
        """Say how many people must set up a second factor before they continue."""
        if not self.second_factor:
            return
        many = len(without_second_factor(context.account.pk, self._asked(context)))
        if many:
            yield ngettext(
                "%(many)s person has no two-factor authentication yet and must set it up before continuing.",
                "%(many)s people have no two-factor authentication yet and must set it up before continuing.",
                many,
            ) % {"many": f"{many:,}"}


@dataclass(frozen=True, kw_only=True)
class CloseAccount(Change):
    """Start to close the account. It keeps its access for a waiting period. Needs `delete_account`."""

    verb = verbs.ACCOUNT_CLOSING

    waiting: timedelta = WAITING_PERIOD

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the account as closing."""
        if context.account.status != Account.Status.ACTIVE:
            closed = context.account.status == Account.Status.CLOSED
            sentence = _("%(account)s is already closed.") if closed else _("%(account)s is already closing.")
            raise NoSuchTarget(sentence % {"account": context.account})
        return rows(updated(context.account, status=Account.Status.CLOSING, closes_at=context.now + self.waiting))


@dataclass(frozen=True, kw_only=True)
class KeepAccount(Change):
    """Cancel the closing: during the waiting period with `delete_account`, later only as a platform operator."""

    verb = verbs.ACCOUNT_KEPT

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the account as active."""
        if context.account.status == Account.Status.ACTIVE:
            raise NoSuchTarget(_("%(account)s is not closing.") % {"account": context.account})
        return rows(updated(context.account, status=Account.Status.ACTIVE, closes_at=None))


@dataclass(frozen=True, kw_only=True)
class FinishClosing(Change):
    """Close an account after its waiting period. Does nothing earlier, or if the closing was cancelled."""

    verb = verbs.ACCOUNT_CLOSED

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the account as closed."""
        account = context.account
        if account.status != Account.Status.CLOSING or account.closes_at is None or account.closes_at > context.now:
            return []
        return rows(updated(account, status=Account.Status.CLOSED, closes_at=None))


def close_due_accounts() -> int:
    """Close every account whose waiting period is over and return how many. Safe to run twice at once.

    The web role can run it too: the database lists the due accounts, and each is closed by itself.

    Raises:
        AccountsFailed: some accounts could not be closed; all others were.
    """
    finished = in_each_account(CLOSING, due_accounts(CLOSING, "SELECT accounts_due_to_close()"), _finish_closing)
    finished.check()
    return sum(finished.results.values())


def _finish_closing(account_id: int) -> bool:
    done = FinishClosing(account_id=account_id).apply(actor=None, reason="The waiting period ended")
    return bool(done.rows)
