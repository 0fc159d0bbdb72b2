"""The shield in lists: some role systems hide the single top member's details and permissions from everyone else."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.roles.schemes import scheme
from apps.teams.models import Membership


def why_shielded() -> str:
    """Return the sentence that replaces what the shield hides."""
    return _("Only this member can view or change this: the role system protects the holder of the top role.")


def shielded(access: AccessContext) -> frozenset[int]:
    """Return the ids of members whose details and permissions the user can't see; empty in other role systems."""
    return access.once("shielded", lambda: _shielded(access))


def _shielded(access: AccessContext) -> frozenset[int]:
    account, mandate = access.account, access.mandate
    if account is None or mandate is None or mandate.operator:
        return frozenset()
    published = scheme(account.scheme)
    single = [role.key for role in published.roles.values() if role.single and role.kind == "branch"]
    if not published.shield or not single:
        return frozenset()
    held = Membership.objects.filter(
        account=account, status=Membership.Status.ACTIVE, role__key__in=single, role__account_id=None
    )
    return frozenset(held.exclude(user=access.user).values_list("user_id", flat=True))
