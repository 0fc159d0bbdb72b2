"""What the plan gives, written where the engine reads it: a change of access, with guards, log and preview."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Branch
from apps.billing import verbs
from apps.billing.subscription_state import Entitlements, SubscriptionState
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange, deleted, updated
from apps.changes.guards.judging import GuardTerms
from apps.roles.models import Role, RoleGrant
from apps.roles.schemes import RoleDefinition
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership


@dataclass(frozen=True, kw_only=True)
class Entitle(Change):
    """Let the account use what its subscription gives on a day, or what is `given`. Needs `manage_subscription`.

    Where the plan loses own roles that the scheme has by plan alone, holders of one with `manage_roles` get the top
    role, all others the lowest one, and the own roles go (Atmos).
    """

    verb = verbs.ENTITLED
    terms = GuardTerms(needs=("manage_subscription",))
    final = _("The plan determines its features. Choose a different plan instead.")

    given: Entitlements | None = None
    day: date | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The account's row, its branches' rows, and where own roles go, theirs and their holders'."""
        given = self.given or SubscriptionState(ground.account, self.day).entitlements()
        features = None if given.features is None else sorted(given.features)
        found: list[RowChange] = [
            updated(
                ground.account,
                features=features,
                seats=given.seats,
                read_only=given.read_only,
                log_days=given.log_days,
            ),
            *(updated(branch, seats=given.branch_seats.get(pk)) for pk, branch in ground.branches.items()),
            *_without_own_roles(ground, given),
        ]
        return [Diff([row for row in found if not row.idle])]


def is_given(subscription_state: SubscriptionState) -> bool:
    """Whether the account has what its subscription gives, so that there is nothing to change."""
    given, account = subscription_state.entitlements(), subscription_state.account
    features = None if given.features is None else sorted(given.features)
    seats = dict(Branch.objects.filter(account=account).values_list("pk", "seats"))
    has = (account.features, account.seats, account.read_only, account.log_days)
    return has == (features, given.seats, given.read_only, given.log_days) and all(
        given.branch_seats.get(pk) == count for pk, count in seats.items()
    )


def _without_own_roles(ground: ChangeContext, given: Entitlements) -> Iterable[RowChange]:
    needed = ground.scheme.custom_roles_feature
    if needed is None or given.features is None or needed in given.features:
        return
    own = {role.pk: role for role in Role.objects.filter(account_id=ground.account.pk, scheme=ground.scheme.key)}
    if not own:
        return
    lines = list(RoleGrant.objects.filter(role__in=own))
    managing = {line.role_id for line in lines if line.permission == "manage_roles" and line.scope != Scope.NONE}
    published = {role.key: role.pk for role in Role.objects.published(ground.scheme.key)}
    top, lowest = published[ground.scheme.top_role.key], published[_lowest(ground).key]
    for membership in Membership.objects.filter(account=ground.account, role__in=own).order_by("pk"):
        yield updated(membership, role_id=top if membership.role_id in managing else lowest)
    for invitation in Invitation.objects.filter(account=ground.account, role__in=own).order_by("pk"):
        pending = invitation.status == Invitation.Status.PENDING
        yield updated(invitation, role_id=lowest if pending else None)
    for line in lines:
        line.role = own[line.role_id]
        yield deleted(line)
    for role in own.values():
        yield deleted(role)


def _lowest(ground: ChangeContext) -> RoleDefinition:
    return min((role for role in ground.scheme.roles.values() if role.kind == "branch"), key=lambda role: role.rank)
