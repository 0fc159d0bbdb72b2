"""Open an account with a first branch and its opener in the top role of the role system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import IntegrityError, connection
from django.utils.text import slugify
from django.utils.translation import gettext as _

from apps.access import verbs
from apps.accounts import fence
from apps.accounts.models import Account, Branch, User, validate_currency, validate_slug
from apps.audit.services import is_blank, operation
from apps.audit.text import validate_single_line
from apps.changes.refusals import NoSuchTarget, ReasonMissing
from apps.changes.values import checked
from apps.roles.models import Role
from apps.roles.schemes import scheme, scheme_keys
from apps.teams.models import Membership, ParentMembership

# Steps of upper apps for every new account.
_beginnings: list[Callable[[Account], None]] = []


def begins_with(beginning: Callable[[Account], None]) -> None:
    """Register a step that runs for every new account."""
    _beginnings.append(beginning)


@dataclass(frozen=True, kw_only=True)
class OpenAccount:
    """Open a new account. There is no account yet, so no permission is checked and nothing is locked.

    The web role can run it too: the database learns the new account's number before its row exists.
    """

    name: str
    slug: str
    scheme: str
    branch: str
    currency: str = "EUR"

    def apply(self, *, actor: User, reason: str) -> Account:
        """Open the account completely or not at all. The actor gets its top role and the parent role, if there is one.

        Raises:
            ReasonMissing: the reason is blank.
            NoSuchTarget: a value is invalid, or the slug is taken.
        """
        if is_blank(reason):
            raise ReasonMissing
        self._check()
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval(pg_get_serial_sequence('accounts_account', 'id'))")
            (number,) = cursor.fetchone()
        with fence.tenant(number, actor.pk):
            try:
                with operation(verb=verbs.ACCOUNT_OPENED, actor=actor, reason=reason):
                    return self._open(number, actor)
            except IntegrityError as error:
                if "slug" not in str(error):
                    raise
                raise NoSuchTarget(
                    _("An account “%(slug)s” already exists.") % {"slug": self.slug}, _("Choose another short name.")
                ) from error

    def _check(self) -> None:
        if self.scheme not in scheme_keys():
            raise NoSuchTarget(
                _("The role system “%(scheme)s” doesn't exist.") % {"scheme": self.scheme},
                _("Choose from %(schemes)s.") % {"schemes": ", ".join(scheme_keys())},
            )
        if not self.name.strip() or not self.branch.strip():
            raise NoSuchTarget(_("Enter a name for the account and its branch."))
        checked(validate_single_line, self.name, _("name"))
        checked(validate_single_line, self.branch, _("name"))
        checked(validate_slug, self.slug, _("slug"))
        checked(validate_currency, self.currency, _("currency"))

    def _open(self, number: int, actor: User) -> Account:
        account = Account(pk=number, slug=self.slug, name=self.name.strip(), scheme=self.scheme, currency=self.currency)
        account.save(force_insert=True)
        name = self.branch.strip()
        branch = Branch.objects.create(account=account, slug=slugify(name)[:60].strip("-") or "main", name=name)
        founder = {role.key: role for role in Role.objects.published(self.scheme)}
        keys = scheme(self.scheme).founder
        Membership.objects.create(account=account, branch=branch, user=actor, role=founder[keys["branch"]])
        if "parent" in keys:
            ParentMembership.objects.create(account=account, user=actor, role=founder[keys["parent"]])
        for beginning in _beginnings:
            beginning(account)
        return account
