"""The errors for a missing permission."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.records import Record
from apps.accounts.models import Account
from apps.roles import catalogue


def read_only(account: Account) -> str:
    """Return why an account with an unpaid subscription is read-only; the same sentence everywhere."""
    return _("%(account)s is read-only until its subscription is paid.") % {"account": account}


PAYING = gettext_lazy("Pay the open invoices, complete the billing details, or choose a plan.")


def suspends(codename: str, target: models.Model) -> Account | None:
    """Return the target's account if it is read-only and therefore suspends the permission."""
    account = target if isinstance(target, Account) else getattr(target, "account", None)
    suspended = isinstance(account, Account) and account.read_only and not catalogue.get(codename).holds_read_only
    return account if suspended else None


def lacking(codename: str, target: models.Model) -> str:
    """Return the sentence for a missing permission on a target."""
    permission, account = catalogue.get(codename), suspends(codename, target)
    if account is not None:
        return f"{read_only(account)} " + _("“%(label)s” would change data.") % {"label": permission.label}
    where = target.reference if isinstance(target, Record) else str(target)
    return _("You need the permission “%(permission)s” on %(where)s.") % {
        "permission": permission.label,
        "where": where,
    }


class OlderThanThePlan(PermissionDenied):
    """An operation older than the days of log that the account's plan shows."""


class MissingPermission(PermissionDenied):
    """The actor lacks the permission on a visible target.

    `codename` and `target` let a page say who can grant it. It is never raised for a record that the actor can't view:
    for them it doesn't exist.
    """

    def __init__(self, codename: str, target: models.Model) -> None:
        super().__init__(lacking(codename, target))
        self.codename = catalogue.get(codename).codename
        self.target = target
