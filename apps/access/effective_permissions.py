"""What somebody holds of one permission, as a page of settings shows it: as given, and as far as it is capped.

Prerequisites are applied record by record (access model, section 4). Here they are told for all records at once: what
is given, and the first prerequisite that reaches less far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.access.mandate import EffectiveScope, Mandate
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target
from apps.roles.scopes import Scope


@dataclass(frozen=True, slots=True)
class Limit:
    """A prerequisite that does not reach as far as what is given."""

    permission: Permission
    scope: Scope


@dataclass(frozen=True, slots=True)
class EffectivePermission:
    """A permission as somebody holds it on a branch: what is given and by which steps, and what caps it.

    `elsewhere` says that the account asks for it, and that another branch or the parent role gives it.
    """

    permission: Permission
    given: EffectiveScope
    cap: Limit | None = None
    elsewhere: bool = False

    @property
    def scope(self) -> Scope:
        """What holds. Of two scopes of which neither holds the other: the narrower condition, the cap."""
        if self.elsewhere:
            return Scope.ALL
        return self.given.scope if self.cap is None else self.cap.scope

    @property
    def both(self) -> bool:
        """Whether a record has to be within what is given and within the cap, since neither holds the other."""
        return self.cap is not None and bool(self.cap.scope) and not self.given.scope.covers(self.cap.scope)


def effective_permission(mandate: Mandate, branch_id: int, permission: Permission) -> EffectivePermission:
    """What the Mandate's user holds of a permission on a branch."""
    given = mandate.effective(branch_id, permission.codename)
    elsewhere = (
        permission.target is Target.ACCOUNT
        and not given.scope
        and bool(mandate.everywhere(permission.codename))
        and mandate.allows(permission.codename, None)
    )
    cap = cap_of(mandate, permission, given.scope, lambda codename: mandate.effective(branch_id, codename).scope)
    return EffectivePermission(permission, given, cap, elsewhere)


def cap_of(mandate: Mandate, permission: Permission, given: Scope, scope_of: Callable[[str], Scope]) -> Limit | None:
    """The narrowest prerequisite that does not reach all of what is given; None where nothing is, or all is reached."""
    if not given:
        return None
    found: Limit | None = None
    for codename in _needed(mandate, permission):
        scope = scope_of(codename)
        if not scope.covers(given) and (found is None or found.scope.covers(scope)):
            found = Limit(catalogue.get(codename), scope)
    return found


def _needed(mandate: Mandate, permission: Permission) -> list[str]:
    record_type = permission.record_types[0] if len(permission.record_types) == 1 else None
    closure = mandate.facts.account.scheme.closure(permission.codename, record_type)
    return [codename for codename in closure if codename != permission.codename]
