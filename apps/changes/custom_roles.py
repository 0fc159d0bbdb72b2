"""Custom roles: copies of a built-in branch role with other grants, if role system and plan support them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access import verbs
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange, deleted, inserted, updated
from apps.changes.overrides import checked_scope
from apps.changes.refusals import ChangedMeanwhile, NoSuchTarget
from apps.roles.models import Role, RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership


def own_role(context: ChangeContext, role_id: int) -> Role:
    """Return a role of the account's role system, built-in or custom; the guards refuse to change a built-in one.

    Raises:
        NoSuchTarget: there is none.
    """
    usable = Role.objects.usable_in(context.account.pk, context.account.scheme)
    role = usable.select_related("based_on").filter(pk=role_id).first()
    if role is None:
        raise NoSuchTarget(_("That role doesn't exist in %(account)s.") % {"account": context.account})
    return role


@dataclass(frozen=True, kw_only=True)
class CopyRole(Change):
    """Create a custom role from a built-in branch role. Needs `manage_roles`.

    `grants` are the scopes that differ from the built-in role.
    """

    verb = verbs.OWN_ROLE_COPIED

    based_on: str
    name: str
    key: str = ""
    description: str = ""
    grants: Mapping[str, Scope] = field(default_factory=dict)

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the role, with a grant for each permission of the catalogue."""
        base = Role.objects.published(context.account.scheme).filter(key=self.based_on).first()
        if base is None:
            raise NoSuchTarget(
                _("%(scheme)s has no role “%(based_on)s”.") % {"scheme": context.scheme.name, "based_on": self.based_on}
            )
        name = self.name.strip()
        key = self.key or slugify(name)
        if not name or not key:
            raise NoSuchTarget(_("Enter a name for the role."))
        if Role.objects.filter(account_id=context.account.pk, scheme=context.account.scheme, key=key).exists():
            raise NoSuchTarget(_("A role “%(key)s” already exists.") % {"key": key}, _("Choose another name."))
        role = Role(
            scheme=context.account.scheme,
            key=key,
            name=name,
            description=self.description or base.description,
            kind=base.kind,
            rank=base.rank,
            account_id=context.account.pk,
            based_on=base,
        )
        changed = {checked_scope(codename, scope): scope for codename, scope in self.grants.items()}
        lines = [
            RoleGrant(
                role=role,
                permission=codename,
                scope=changed.get(codename, grant.scope),
                grantable=grant.grantable,
            )
            for codename, grant in context.scheme.roles[base.key].grants.items()
        ]
        return [Diff([inserted(role), *(inserted(line) for line in lines)])]


@dataclass(frozen=True, kw_only=True)
class EditRole(Change):
    """Change the grants or the name of a custom role. This affects every holder. Needs `manage_roles`.

    `grants` are those that change; `seen` is what the page showed of them.
    """

    verb = verbs.OWN_ROLE_EDITED

    role_id: int
    grants: Mapping[str, Scope] = field(default_factory=dict)
    name: str | None = None
    description: str | None = None
    seen: Mapping[str, Scope] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the role's row, which is checked even if it does not change, and the grants that change."""
        role = own_role(context, self.role_id)
        stated: dict[str, Any] = {}
        if self.name is not None and self.name.strip():
            stated["name"] = self.name.strip()
        if self.description is not None:
            stated["description"] = self.description
        row_changes: list[RowChange] = [updated(role, **stated)]
        lines = {line.permission: line for line in RoleGrant.objects.filter(role=role)}
        self._compare(lines)
        for asked, scope in self.grants.items():
            codename = checked_scope(asked, scope)
            line = lines.get(codename)
            if line is None:
                # A custom role has no grant for permissions that are newer.
                base = context.scheme.roles[role.based_on.key].grants[codename] if role.based_on else None
                grantable = base is None or base.grantable
                row_changes.append(
                    inserted(RoleGrant(role=role, permission=codename, scope=scope, grantable=grantable))
                )
            elif line.scope != scope:
                line.role = role
                row_changes.append(updated(line, scope=scope))
        return [Diff(row_changes)]

    def _compare(self, lines: Mapping[str, RoleGrant]) -> None:
        standing = {name: lines[name].scope if name in lines else Scope.NONE for name in self.seen or ()}
        if self.seen is not None and (differing := {n for n in standing if standing[n] != self.seen[n]}):
            raise ChangedMeanwhile(
                _("This role changed while you were editing."),
                {name: (self.seen[name], standing[name]) for name in sorted(differing)},
            )


@dataclass(frozen=True, kw_only=True)
class DeleteRole(Change):
    """Delete a custom role that no member has. Needs `manage_roles`."""

    verb = verbs.OWN_ROLE_DELETED

    role_id: int

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the deletion of the role and its grants; ended invitations lose their reference to it."""
        role = own_role(context, self.role_id)
        if role.account_id is None:
            return [Diff([deleted(role)])]
        holders = Membership.objects.filter(account=context.account, role=role).count()
        if holders:
            raise NoSuchTarget(
                ngettext(
                    "%(number)s member has the role %(role)s (removed members included).",
                    "%(number)s members have the role %(role)s (removed members included).",
                    holders,
                )
                % {"number": f"{holders:,}", "role": role},
                _("Give them another role first."),
            )
        invitations = Invitation.objects.filter(account=context.account, role=role)
        if invitations.filter(status=Invitation.Status.PENDING).exists():
            raise NoSuchTarget(
                _("An invitation for the role %(role)s is pending.") % {"role": role}, _("Cancel the invitation first.")
            )
        row_changes: list[RowChange] = []
        for line in RoleGrant.objects.filter(role=role):
            line.role = role
            row_changes.append(deleted(line))
        row_changes += [updated(invitation, role_id=None) for invitation in invitations]
        return [Diff([*row_changes, deleted(role)])]
