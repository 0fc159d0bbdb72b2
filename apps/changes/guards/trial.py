"""Apply rows to facts: the facts of a user as if the rows were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from apps.access.facts import Facts, MembershipFacts, OverrideFacts
from apps.accounts.models import Account
from apps.changes.context import ChangeContext
from apps.changes.diff import RowChange
from apps.roles.schemes import Grant
from apps.roles.scopes import Scope
from apps.teams.models import Membership


def settled(facts: Facts) -> Facts:
    """Return the facts without deactivation and plan limits, which can change while the grants stay."""
    account = replace(facts.account, features=None, read_only=False, status=str(Account.Status.ACTIVE))
    return replace(facts, active=True, operator=False, account=account)


def with_membership(
    context: ChangeContext, memberships: Mapping[int, MembershipFacts], row: RowChange
) -> MembershipFacts | None:
    """Return the membership after a row; None if it is deleted."""
    if row.after is None:
        return None
    role = context.role(row.after.role_id)
    membership = memberships.get(row.after.branch_id) or MembershipFacts(row.after.branch_id, role, active=True)
    return replace(membership, role=role, active=row.after.status == Membership.Status.ACTIVE)


def with_override(memberships: Mapping[int, MembershipFacts], row: RowChange) -> MembershipFacts | None:
    """Return the membership with its overrides after a row; None without a membership."""
    membership = memberships.get(row.either.branch_id)
    if membership is None:
        return None
    overrides = {name: override for name, override in membership.overrides.items() if name != row.either.permission}
    if row.after is not None:
        override = row.after
        overrides[override.permission] = OverrideFacts(
            override.permission, Scope(override.scope), override.reason, "", override.expires_at
        )
    return replace(membership, overrides=overrides)


def with_grant(facts: Facts, row: RowChange) -> Facts:
    """Return a holder's facts with a changed grant in their role."""
    memberships = dict(facts.memberships)
    for branch_id, membership in facts.memberships.items():
        if membership.role.id == row.either.role_id:
            grants = {name: grant for name, grant in membership.role.grants.items() if name != row.either.permission}
            if row.after is not None:
                grants[row.after.permission] = Grant(Scope(row.after.scope), row.after.grantable)
            memberships[branch_id] = replace(membership, role=replace(membership.role, grants=grants))
    return replace(facts, memberships=memberships)
