"""An account's own roles: copies of a published branch role with other grants, where scheme and plan allow them."""

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


def own_role(ground: ChangeContext, role_id: int) -> Role:
    """A role of the account's scheme, published or own; the guards refuse to change a published one.

    Raises:
        NoSuchTarget: there is none.
    """
    usable = Role.objects.usable_in(ground.account.pk, ground.account.scheme)
    role = usable.select_related("based_on").filter(pk=role_id).first()
    if role is None:
        raise NoSuchTarget(_("That role doesn't exist in %(account)s.") % {"account": ground.account})
    return role


@dataclass(frozen=True, kw_only=True)
class CopyRole(Change):
    """Make an own role of a published branch role. Needs `manage_roles`.

    `grants` are the scopes that are to be other than in the role that is copied.
    """

    verb = verbs.OWN_ROLE_COPIED

    based_on: str
    name: str
    key: str = ""
    description: str = ""
    grants: Mapping[str, Scope] = field(default_factory=dict)

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The role, with a line for each permission of the catalogue."""
        base = Role.objects.published(ground.account.scheme).filter(key=self.based_on).first()
        if base is None:
            raise NoSuchTarget(
                _("%(scheme)s has no role “%(based_on)s”.") % {"scheme": ground.scheme.name, "based_on": self.based_on}
            )
        name = self.name.strip()
        key = self.key or slugify(name)
        if not name or not key:
            raise NoSuchTarget(_("Enter a name for the role."))
        if Role.objects.filter(account_id=ground.account.pk, scheme=ground.account.scheme, key=key).exists():
            raise NoSuchTarget(_("A role “%(key)s” already exists.") % {"key": key}, _("Choose another name."))
        role = Role(
            scheme=ground.account.scheme,
            key=key,
            name=name,
            description=self.description or base.description,
            kind=base.kind,
            rank=base.rank,
            account_id=ground.account.pk,
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
            for codename, grant in ground.scheme.roles[base.key].grants.items()
        ]
        return [Diff([inserted(role), *(inserted(line) for line in lines)])]


@dataclass(frozen=True, kw_only=True)
class EditRole(Change):
    """Give an own role other grants, or another name; everybody who holds it is affected. Needs `manage_roles`.

    `grants` are those that change; `seen` is what the page showed of them.
    """

    verb = verbs.OWN_ROLE_EDITED

    role_id: int
    grants: Mapping[str, Scope] = field(default_factory=dict)
    name: str | None = None
    description: str | None = None
    seen: Mapping[str, Scope] | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The role's row, which is judged whether it changes or not, and the lines that change."""
        role = own_role(ground, self.role_id)
        stated: dict[str, Any] = {}
        if self.name is not None and self.name.strip():
            stated["name"] = self.name.strip()
        if self.description is not None:
            stated["description"] = self.description
        found: list[RowChange] = [updated(role, **stated)]
        lines = {line.permission: line for line in RoleGrant.objects.filter(role=role)}
        self._compare(lines)
        for asked, scope in self.grants.items():
            codename = checked_scope(asked, scope)
            line = lines.get(codename)
            if line is None:
                # An own role is silent about what came after it.
                base = ground.scheme.roles[role.based_on.key].grants[codename] if role.based_on else None
                grantable = base is None or base.grantable
                found.append(inserted(RoleGrant(role=role, permission=codename, scope=scope, grantable=grantable)))
            elif line.scope != scope:
                line.role = role
                found.append(updated(line, scope=scope))
        return [Diff(found)]

    def _compare(self, lines: Mapping[str, RoleGrant]) -> None:
        standing = {name: lines[name].scope if name in lines else Scope.NONE for name in self.seen or ()}
        if self.seen is not None and (differing := {n for n in standing if standing[n] != self.seen[n]}):
            raise ChangedMeanwhile(
                _("This role changed while you were editing."),
                {name: (self.seen[name], standing[name]) for name in sorted(differing)},
            )


@dataclass(frozen=True, kw_only=True)
class DeleteRole(Change):
    """Delete an own role that nobody holds. Needs `manage_roles`."""

    verb = verbs.OWN_ROLE_DELETED

    role_id: int

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The role and its lines gone; invitations that have ended forget it."""
        role = own_role(ground, self.role_id)
        if role.account_id is None:
            return [Diff([deleted(role)])]
        holders = Membership.objects.filter(account=ground.account, role=role).count()
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
        invitations = Invitation.objects.filter(account=ground.account, role=role)
        if invitations.filter(status=Invitation.Status.PENDING).exists():
            raise NoSuchTarget(
                _("An invitation for the role %(role)s is pending.") % {"role": role}, _("Cancel the invitation first.")
            )
        found: list[RowChange] = []
        for line in RoleGrant.objects.filter(role=role):
            line.role = role
            found.append(deleted(line))
        found += [updated(invitation, role_id=None) for invitation in invitations]
        return [Diff([*found, deleted(role)])]
