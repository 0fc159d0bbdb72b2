"""What a person is called, and whether they may sign in at all: it is the same in all of their accounts."""

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
    """Give a member another name. Needs `change_members` on a branch where they are one; nothing for one's own.

    It is their name everywhere. So nobody else changes that of somebody who has a place in another account, too.
    """

    verb = verbs.DETAILS_CHANGED

    user_id: int
    name: str
    seen: Mapping[str, Any] | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """One user with another name."""
        places = Membership.objects.active().filter(account=ground.account, user=self.user_id)
        held = ParentMembership.objects.filter(account=ground.account, user=self.user_id)
        if not places.exists() and not held.exists():
            raise NoSuchTarget(_("That member doesn't exist in %(account)s.") % {"account": ground.account})
        name = self.name.strip()
        if not name or len(name) > LONGEST_NAME:
            raise NoSuchTarget(_("Enter a name of 1 to %(longest)s characters.") % {"longest": LONGEST_NAME})
        user = User.objects.select_for_update(no_key=True).get(pk=self.user_id)
        return rows(updated(user, name=name, seen=self.seen))


@dataclass(frozen=True, kw_only=True)
class _SetActive:
    """Whether a user is active, in every account: a platform operator's act, and no account's.

    All accounts that the user has a place in are locked, in order, and each keeps a keeper.
    """

    verb: ClassVar[Verb]
    active: ClassVar[bool]

    user_id: int

    def apply(self, *, actor: User | None, reason: str) -> ChangeResult:
        """Make the change. `actor` None is the operator at the console.

        Raises:
            ReasonMissing: the reason is blank.
            OperatorOnly: the actor is in no operator session.
            NoSuchTarget: there is no such user.
            LastKeeper: an account would be left without one. Nothing was written in any case.
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
                    # What was signed in stays out, also when they come back.
                    shut_out(user)
                for ground, keepers in kept:
                    with fence.tenant(ground.account.pk):
                        keepers.check(ground)
                return ChangeResult(written.pk, count)

    def _kept(self, account_id: int, actor: User | None, reason: str) -> tuple[ChangeContext, LastKeeperGuard]:
        """One of the accounts, locked, and who keeps it."""
        with fence.tenant(account_id):
            ground = ChangeContext.lock(account_id, actor, reason)
            return ground, LastKeeperGuard.of(ground)


@dataclass(frozen=True, kw_only=True)
class DeactivateUser(_SetActive):
    """Let somebody sign in nowhere any more, and be allowed nothing. Only a platform operator does."""

    verb = verbs.USER_DEACTIVATED
    active = False


@dataclass(frozen=True, kw_only=True)
class ActivateUser(_SetActive):
    """Let somebody sign in again, with all that they had. Only a platform operator does."""

    verb = verbs.USER_ACTIVATED
    active = True
