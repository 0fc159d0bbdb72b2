"""What is raised when somebody may not."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.records import Record
from apps.accounts.models import Account
from apps.roles import catalogue


def read_only(account: Account) -> str:
    """Why nobody changes anything in an account whose subscription is not paid for; the same sentence everywhere."""
    return _("%(account)s is read-only until its subscription is paid.") % {"account": account}


PAYING = gettext_lazy("Pay the open invoices, complete the billing details, or choose a plan.")


def suspends(codename: str, target: models.Model) -> Account | None:
    """The target's account, where it is read-only and the permission gives nothing for that."""
    account = target if isinstance(target, Account) else getattr(target, "account", None)
    suspended = isinstance(account, Account) and account.read_only and not catalogue.get(codename).holds_read_only
    return account if suspended else None


def lacking(codename: str, target: models.Model) -> str:
    """What is said of a permission that somebody does not hold on a target."""
    permission, account = catalogue.get(codename), suspends(codename, target)
    if account is not None:
        return f"{read_only(account)} " + _("“%(label)s” would change data.") % {"label": permission.label}
    where = target.reference if isinstance(target, Record) else str(target)
    return _("You need the permission “%(permission)s” on %(where)s.") % {
        "permission": permission.label,
        "where": where,
    }


class OlderThanThePlan(PermissionDenied):
    """An operation of the log from before the days that the account's plan shows."""


class MissingPermission(PermissionDenied):
    """A visible target on which the actor lacks the permission that the act needs.

    `codename` and `target` let a page say who can grant it. Nobody raises this about a record that the actor may not
    view: to them it does not exist.
    """

    def __init__(self, codename: str, target: models.Model) -> None:
        super().__init__(lacking(codename, target))
        self.codename = catalogue.get(codename).codename
        self.target = target
