"""Custom roles from a file: a preview of new and changed roles, and the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.roletable import grants_by_role
from apps.changes.base import Change
from apps.changes.refusals import ChangedMeanwhile
from apps.changes.role_files import DefineRoles, RoleDefinitionValues
from apps.orgfiles.contents import RoleLine
from apps.pages.forms.base import ChangeForm
from apps.roles import catalogue
from apps.roles.models import Role
from apps.roles.scopes import Scope


@dataclass(frozen=True, slots=True)
class RoleComparison:
    """A role of the file beside the one that there is, if there is one: each permission before and after."""

    line: RoleLine
    new: bool
    renamed: str
    changes: tuple[tuple[str, Scope, Scope], ...]

    @property
    def state(self) -> str:
        """New, changed or unchanged, in a word."""
        if self.new:
            return _("new")
        return _("changed") if self.changes or self.renamed else _("unchanged")


class ImportRolesForm(ChangeForm):
    """Own roles become what a file says of them; `lines` are its roles, `text` is the file."""

    title = gettext_lazy("Import roles")
    needs = ("manage_roles",)

    def __init__(self, data: Any = None, *, lines: Sequence[RoleLine], text: str, **options: Any) -> None:
        self.lines = lines
        self.text = text
        super().__init__(data, **options)

    def build(self) -> None:
        assert self.access.account is not None
        self.fields["text"] = forms.CharField(widget=forms.HiddenInput, strip=False, initial=self.text)
        own = Role.objects.filter(account_id=self.account_id, scheme=self.access.account.scheme)
        named = own.filter(key__in=[line.key for line in self.lines]).select_related("based_on")
        self.standing = {role.key: role for role in named}
        grants = grants_by_role(self.access.account, list(named))
        self.grants: dict[str, Mapping[str, Scope]] = {
            role.key: {codename: grant.scope for codename, grant in grants[role.pk].items()} for role in named
        }

    def shown(self) -> dict[str, Any]:
        return {key: {name: scope.names for name, scope in given.items()} for key, given in self.grants.items()}

    def compared(self) -> list[RoleComparison]:
        """The roles of the file beside those that there are."""
        return [self._compared(line) for line in self.lines]

    def _compared(self, line: RoleLine) -> RoleComparison:
        assert self.access.account is not None
        base = self.access.account.role_system.roles[line.based_on].grants
        role = self.standing.get(line.key)
        before = {name: grant.scope for name, grant in base.items()} if role is None else self.grants[line.key]
        changes = [
            (permission.label, before[name], line.grants.get(name, base[name].scope))
            for permission in catalogue.permissions()
            if before[name := permission.codename] != line.grants.get(name, base[name].scope)
        ]
        renamed = role.name if role is not None and role.name != line.name else ""
        return RoleComparison(line, role is None, renamed, tuple(changes))

    def asked(self) -> list[tuple[str, str]]:
        return [(each.line.name, each.state) for each in self.compared()]

    def change(self) -> Change:
        seen = {
            key: {name: Scope.parse(names) for name, names in given.items()} for key, given in self.seen_there.items()
        }
        definitions = [RoleDefinitionValues(line.key, line.name, line.based_on, line.grants) for line in self.lines]
        return DefineRoles(account_id=self.account_id, definitions=definitions, seen=seen)

    def overtaken(self, refusal: ChangedMeanwhile) -> None:
        """Show what stands otherwise than the page showed it."""
        for name, (seen, now) in refusal.differences.items():
            self.differences.append((catalogue.get(name).label, seen.label, now.label))
        self.data = self.data.copy()  # type: ignore[attr-defined]
        self.data["seen"] = self._signed()  # type: ignore[index]
