"""A member's effective permission, as a settings page shows it: the granted scope and its cap by prerequisites.

Prerequisites apply record by record (access model, section 4). Here they are shown for all records at once: the granted
scope, and the first prerequisite with a narrower one.
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
    """A prerequisite with a narrower scope than the granted one."""

    permission: Permission
    scope: Scope


@dataclass(frozen=True, slots=True)
class EffectivePermission:
    """A member's permission on a branch: the granted scope with its steps, and its cap.

    `elsewhere` says that it is an account permission that another branch or the parent role gives.
    """

    permission: Permission
    given: EffectiveScope
    cap: Limit | None = None
    elsewhere: bool = False

    @property
    def scope(self) -> Scope:
        """Return the effective scope. If neither scope contains the other, this is the narrower one, the cap."""
        if self.elsewhere:
            return Scope.ALL
        return self.given.scope if self.cap is None else self.cap.scope

    @property
    def both(self) -> bool:
        """Return whether a record must be within both scopes, since neither contains the other."""
        return self.cap is not None and bool(self.cap.scope) and not self.given.scope.covers(self.cap.scope)


def effective_permission(mandate: Mandate, branch_id: int, permission: Permission) -> EffectivePermission:
    """Return the effective permission of the Mandate's user on a branch."""
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
    """Return the narrowest prerequisite that does not cover the granted scope; None if all do or nothing is granted."""
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
