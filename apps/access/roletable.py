"""The roles of an account side by side: their grants by category, and how many members have each role."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Count

from apps.accounts.models import Account, Branch
from apps.roles.catalogue import Permission
from apps.roles.models import Role, RoleGrant
from apps.roles.schemes import Grant
from apps.roles.scopes import Scope
from apps.roles.tabs import shown_tabs
from apps.teams.models import Membership, ParentMembership


@dataclass(frozen=True, slots=True)
class TableLine:
    """A permission with each role's grant, in the order of the roles."""

    permission: Permission
    grants: tuple[Grant, ...]

    @property
    def differs(self) -> bool:
        """Return whether the grants differ."""
        return len({(grant.scope, grant.grantable) for grant in self.grants}) > 1


def roles_of(account: Account) -> list[Role]:
    """Return the roles that the account can give: built-in branch roles by rank, custom roles, then parent roles."""
    usable = Role.objects.usable_in(account.pk, account.scheme).select_related("based_on")
    return sorted(
        usable,
        key=lambda role: (role.kind == Role.Kind.PARENT, role.account_id is not None, -role.rank, role.name.casefold()),
    )


def grants_by_role(account: Account, roles: Collection[Role]) -> dict[int, Mapping[str, Grant]]:
    """Return the grants of these roles for each permission; one query for all custom roles."""
    own: dict[int, dict[str, Scope]] = defaultdict(dict)
    rows = RoleGrant.objects.filter(role__in=[role.pk for role in roles if role.account_id is not None])
    for role_id, permission, scope in rows.values_list("role", "permission", "scope"):
        own[role_id][permission] = scope
    by_role: dict[int, Mapping[str, Grant]] = {}
    for role in roles:
        base = account.role_system.roles[role.based_on.key if role.based_on is not None else role.key].grants
        if role.account_id is None:
            by_role[role.pk] = base
        else:
            given = own[role.pk]
            by_role[role.pk] = {
                codename: Grant(given.get(codename, Scope.NONE), grant.grantable) for codename, grant in base.items()
            }
    return by_role


def table_of(
    account: Account, roles: Collection[Role], *, differing: bool = False
) -> list[tuple[str, list[TableLine]]]:
    """Return the grants of these roles by tab; with `differing`, only the lines in which they differ."""
    grants = grants_by_role(account, roles)
    tabs = []
    for tab in shown_tabs(account.role_system, account.features):
        lines = [
            TableLine(permission, tuple(grants[role.pk][permission.codename] for role in roles))
            for permission in tab.permissions
        ]
        if shown := [line for line in lines if line.differs or not differing]:
            tabs.append((tab.title, shown))
    return tabs


def holders_of(account: Account, branches: Collection[Branch], *, parents: bool) -> dict[int, int]:
    """Count the members with each role: on these branches and, with `parents`, over the account."""
    held = Membership.objects.active().filter(account=account, branch__in=branches, user__is_active=True)
    counts = dict(held.order_by().values_list("role").annotate(many=Count("user", distinct=True)))
    if parents:
        above = ParentMembership.objects.filter(account=account, user__is_active=True)
        counts |= dict(above.order_by().values_list("role").annotate(many=Count("pk")))
    return counts
