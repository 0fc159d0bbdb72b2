"""A person's name and whether they can sign in. Both are the same in all of their accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access import verbs
from apps.access.operators import current_session
from apps.accounts import fence
from apps.accounts.models import User
from apps.accounts.sessions import shut_out
from apps.audit.services import is_blank, operation
from apps.audit.verbs import Verb
from apps.changes.base import Change, ChangeResult, retried, rows
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, updated
from apps.changes.guards.last_keeper import LastKeeperGuard
from apps.changes.refusals import NoSuchTarget, OperatorOnly, ReasonMissing
from apps.teams.models import Membership, ParentMembership, account_ids_of

LONGEST_NAME = 150


@dataclass(frozen=True, kw_only=True)
class ChangeDetails(Change):
    """Change a member's name. Needs `change_members` on one of their branches; nothing for your own name.

    The name is the same everywhere, so only the person can change it if they belong to another account, too.
    """

    verb = verbs.DETAILS_CHANGED

    user_id: int
    name: str
    seen: Mapping[str, Any] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan one user with another name."""
        places = Membership.objects.active().filter(account=context.account, user=self.user_id)
        held = ParentMembership.objects.filter(account=context.account, user=self.user_id)
        if not places.exists() and not held.exists():
            raise NoSuchTarget(_("That member doesn't exist in %(account)s.") % {"account": context.account})
        name = self.name.strip()
        if not name or len(name) > LONGEST_NAME:
            raise NoSuchTarget(_("Enter a name of 1 to %(longest)s characters.") % {"longest": LONGEST_NAME})
        user = User.objects.select_for_update(no_key=True).get(pk=self.user_id)
        return rows(updated(user, name=name, seen=self.seen))


@dataclass(frozen=True, kw_only=True)
class _SetActive:
    """Activate or deactivate a user in every account. Only platform operators can.

    All accounts of the user are locked, in order, and each must still have a holder of its top role.
    """

    verb: ClassVar[Verb]
    active: ClassVar[bool]

    user_id: int

    def apply(self, *, actor: User | None, reason: str) -> ChangeResult:
        """Make the change. `actor` None is the operator at the command line. Nothing is written if it raises.

        Raises:
            ReasonMissing: the reason is blank.
            OperatorOnly: the actor has no open operator session.
            NoSuchTarget: the user doesn't exist.
            LastKeeper: an account would lose the last holder of its top role.
        """
        if is_blank(reason):
            raise ReasonMissing
        return retried(lambda: self._apply(actor, reason.strip()))

    def _apply(self, actor: User | None, reason: str) -> ChangeResult:
        with transaction.atomic():
            kept = [self._kept(account_id, actor, reason) for account_id in account_ids_of(self.user_id)]
            if actor is not None and current_session(actor) is None:
                raise OperatorOnly(_("Only a platform operator can change this."), _("Contact the platform operators."))
            user = User.objects.select_for_update(no_key=True).filter(pk=self.user_id).first()
            if user is None:
                raise NoSuchTarget(_("That user doesn't exist."))
            with operation(verb=self.verb, actor=actor, reason=reason) as written:
                count = Diff([updated(user, is_active=self.active)]).write()
                if not self.active:
                    # Old sessions stay ended after a reactivation.
                    shut_out(user)
                for context, keepers in kept:
                    with fence.tenant(context.account.pk):
                        keepers.check(context)
                return ChangeResult(written.pk, count)

    def _kept(self, account_id: int, actor: User | None, reason: str) -> tuple[ChangeContext, LastKeeperGuard]:
        """Lock one account and return who holds its top role."""
        with fence.tenant(account_id):
            context = ChangeContext.lock(account_id, actor, reason)
            return context, LastKeeperGuard.of(context)


@dataclass(frozen=True, kw_only=True)
class DeactivateUser(_SetActive):
    """Deactivate a user: no sign-in and no access anywhere. Only platform operators can."""

    verb = verbs.USER_DEACTIVATED
    active = False


@dataclass(frozen=True, kw_only=True)
class ActivateUser(_SetActive):
    """Activate a user again, with their earlier access. Only platform operators can."""

    verb = verbs.USER_ACTIVATED
    active = True
