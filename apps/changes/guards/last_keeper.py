"""Guard last keeper: an account always has a user who can manage it (access model, section 6).

An account always has an active user with an active membership in the top branch role, or with a supreme parent role. A
branch that had an active holder of the top role keeps one, unless an active user has a supreme parent role.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.accounts.models import Account, Branch
from apps.changes.context import ChangeContext
from apps.changes.refusals import LastKeeper
from apps.roles.schemes import scheme
from apps.teams.models import Membership, ParentMembership


@dataclass(frozen=True, slots=True)
class LastKeeperGuard:
    """The keepers of an account at one time: the branches with a holder of the top role, and whether one is supreme.

    An account with an open branch keeps an open branch, too.
    """

    branches: frozenset[int]
    supreme: bool
    open: bool

    @classmethod
    def of(cls, context: ChangeContext) -> LastKeeperGuard:
        """Read the account's current keepers from the database."""
        followed = scheme(Account.objects.values_list("scheme", flat=True).get(pk=context.account.pk))
        holders = Membership.objects.active().filter(
            account=context.account,
            user__is_active=True,
            role__scheme=followed.key,
            role__key=followed.top_role.key,
            role__account_id=None,
        )
        supreme = ParentMembership.objects.filter(account=context.account, user__is_active=True, role__supreme=True)
        branches = frozenset(holders.order_by().values_list("branch", flat=True).distinct())
        is_open = Branch.objects.filter(account=context.account, status=Branch.Status.ACTIVE).exists()
        return cls(branches, supreme.exists(), is_open)

    def check(self, context: ChangeContext) -> None:
        """Compare with the current keepers.

        Raises:
            LastKeeper: the account, or a branch that had a keeper, has none.
        """
        now = LastKeeperGuard.of(context)
        if self.open and not now.open:
            raise LastKeeper(
                _("%(account)s needs at least one open branch.") % {"account": context.account},
                _("Close the account instead."),
            )
        top = context.scheme.top_role.name
        if not now.branches and not now.supreme and (self.branches or self.supreme):
            raise LastKeeper(
                _("%(account)s needs at least one active %(role)s.") % {"account": context.account, "role": top},
                _("Give another member the role %(role)s first.") % {"role": top},
            )
        if now.supreme:
            return
        open_branches = Branch.objects.filter(account=context.account, status=Branch.Status.ACTIVE)
        names = dict(open_branches.filter(pk__in=self.branches - now.branches).values_list("pk", "name"))
        for name in sorted(names.values()):
            raise LastKeeper(
                _("%(name)s needs at least one active %(role)s.") % {"name": name, "role": top},
                _("Give another member there the role %(role)s first.") % {"role": top},
            )
