"""Who needs a second factor to work in an account, and who of them has none."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied
from django.db.models import Q

from apps.access.context import AccessContext
from apps.access.mandate_cache import bind_account, mandate_for
from apps.accounts import fence
from apps.accounts.models import EVERYONE, Account, User
from apps.accounts.second_factor import FACTORS, has_second_factor
from apps.teams.models import Membership, ParentMembership


class SecondFactorMissing(PermissionDenied):
    """The account requires a second factor, and the user has none."""


@contextmanager
def inside(user: User, account: Account) -> Iterator[AccessContext]:
    """Switch the user to this account inside the block, then back; yields their access context there.

    Every page that shows data of an account other than the one in its URL uses this.

    Raises:
        SecondFactorMissing: the account requires a second factor, so nothing of it can be shown.
    """
    before = user.current_account, user.operator_session
    with fence.tenant(account.pk, user.pk):
        bind_account(user, account)
        try:
            if lacks_second_factor(user, account):
                raise SecondFactorMissing
            yield AccessContext(user)
        finally:
            user.current_account, user.operator_session = before


def lacks_second_factor(user: User, account: Account) -> bool:
    """Return whether the account requires a second factor of the user, and they have none.

    It can be required of everyone, operators included, or of holders of some roles: on any branch, or as a parent role.
    A user who needs it anywhere in the account needs it for all of it.
    """
    requirement = set(account.second_factor)
    if not requirement:
        return False
    if EVERYONE not in requirement:
        facts = mandate_for(user, account.pk).facts
        role_keys = {membership.role.key for membership in facts.memberships.values() if membership.active}
        if facts.parent is not None:
            role_keys.add(facts.parent.key)
        if not requirement & role_keys:
            return False
    return not has_second_factor(user)


def without_second_factor(account_id: int, requirement: Collection[str]) -> set[int]:
    """Return the ids of the people in the account who would need a second factor and have none."""
    required = Q() if EVERYONE in requirement else Q(role__key__in=requirement)
    members = Membership.objects.active().filter(required, account=account_id).values_list("user", flat=True)
    parents = ParentMembership.objects.filter(required, account=account_id).values_list("user", flat=True)
    people = {*members, *parents}
    able = Authenticator.objects.filter(type__in=FACTORS, user__in=members.union(parents)).values_list(
        "user", flat=True
    )
    return people - set(able)
