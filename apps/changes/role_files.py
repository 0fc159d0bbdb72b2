"""Custom roles from a file, created and changed in one operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _

from apps.access import verbs
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.custom_roles import CopyRole, EditRole
from apps.changes.diff import Diff, RowChange
from apps.changes.refusals import ChangedMeanwhile, NoSuchTarget
from apps.roles.models import Role
from apps.roles.scopes import Scope


class RoleDefinitionValues(NamedTuple):
    """A custom role to create or change: a copy of `based_on` with other scopes for the permissions in `grants`."""

    key: str
    name: str
    based_on: str
    grants: Mapping[str, Scope]


@dataclass(frozen=True, kw_only=True)
class DefineRoles(Change):
    """Create or change custom roles to match these definitions; other roles stay. Needs `manage_roles`.

    `seen` is what the page showed of existing roles, by key: each permission's scope.
    """

    verb = verbs.OWN_ROLES_IMPORTED

    definitions: Sequence[RoleDefinitionValues]
    seen: Mapping[str, Mapping[str, Scope]] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the roles that are new or change."""
        own = Role.objects.filter(account_id=context.account.pk, scheme=context.account.scheme)
        standing = {role.key: role for role in own.select_related("based_on")}
        found: list[RowChange] = []
        for definition in self.definitions:
            role = standing.get(definition.key)
            if self.seen is not None and (role is not None) != (definition.key in self.seen):
                raise ChangedMeanwhile(
                    _("The role “%(key)s” was created or deleted while you were editing.") % {"key": definition.key}, {}
                )
            change = self._new(definition) if role is None else self._changed(context, definition, role)
            for diff in change.plan(context):
                found += diff.rows
        # Roles before their grants: they are written in this order.
        return [Diff(sorted(found, key=lambda row: row.model is not Role))]

    def _new(self, definition: RoleDefinitionValues) -> Change:
        return CopyRole(
            account_id=self.account_id,
            based_on=definition.based_on,
            name=definition.name,
            key=definition.key,
            grants=definition.grants,
        )

    def _changed(self, context: ChangeContext, definition: RoleDefinitionValues, role: Role) -> Change:
        if role.based_on is None or role.based_on.key != definition.based_on:
            raise NoSuchTarget(
                _("The role “%(key)s” is based on %(based_on)s here, but on “%(other)s” in the file.")
                % {"key": role.key, "based_on": role.based_on, "other": definition.based_on},
                _("Give it another key in the file."),
            )
        base = context.scheme.roles[definition.based_on].grants
        return EditRole(
            account_id=self.account_id,
            role_id=role.pk,
            name=definition.name,
            grants={codename: definition.grants.get(codename, grant.scope) for codename, grant in base.items()},
            seen=None if self.seen is None else self.seen[role.key],
        )
