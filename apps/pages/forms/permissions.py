"""“Update permissions”: what a member may on a branch, permission by permission, beside what their role gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.effective_permissions import EffectivePermission, Limit, cap_of, effective_permission
from apps.access.facts import load_some
from apps.access.history.entry_text import value_in_words
from apps.access.mandate import Mandate
from apps.access.models import Override
from apps.changes.base import Change
from apps.changes.permissions import RequestedOverride, UpdatePermissions
from apps.changes.previews.values import Preview
from apps.changes.refusals import ChangedMeanwhile
from apps.pages.forms.fields import QuickSelect, end_field, scope_choices, scope_of, word_of
from apps.pages.forms.members import MemberForm
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target
from apps.roles.models import Role
from apps.roles.schemes import Grant
from apps.roles.scopes import Scope
from apps.roles.tabs import MATRIX_VERBS, Tab, shown_tabs

AS_ROLE = ""


@dataclass(frozen=True, slots=True)
class PermissionRow:
    """One permission on the page: what the role gives, what holds, the current override, and the two fields.

    `barred` says why nothing can be chosen, `idle` why the current override has no effect.
    """

    permission: Permission
    grant: Grant
    holding: EffectivePermission
    override: Override | None
    barred: str
    idle: str
    choice: Any
    end: Any

    @property
    def selected(self) -> bool:
        """Whether it is chosen in a list; what is only on or off, by a button for each."""
        return _is_selected(self.permission)


class PermissionsForm(MemberForm):
    """Overrides of one member, all of which are changed in one operation."""

    title = gettext_lazy("Update permissions")
    needs = ("manage_member_permissions",)

    def build(self) -> None:
        assert self.access.mandate is not None
        facts = load_some(self.access.mandate.facts.account, [self.row.user_id])
        self.mandate = Mandate(facts[self.row.user_id], timezone.now())
        self.held = self.mandate.facts.memberships[self.row.branch_id]
        self.standing = self._standing()
        for permission in catalogue.permissions():
            override = self.standing.get(permission.codename)
            choices = self._choices(permission, override)
            if len(choices) < 2:
                continue
            self.fields[f"choice_{permission.codename}"] = forms.TypedChoiceField(
                label=permission.label,
                required=False,
                coerce=scope_of,
                empty_value=None,
                choices=choices,
                initial=AS_ROLE if override is None or _ended(override) else word_of(override.scope),
                widget=QuickSelect if _is_selected(permission) else forms.RadioSelect,
            )
            end = None if override is None or _ended(override) else override.expires_at
            self.fields[f"end_{permission.codename}"] = end_field(initial=end)

    def _standing(self) -> dict[str, Override]:
        rows = Override.objects.filter(branch=self.row.branch_id, user=self.row.user_id).select_related("author")
        return {override.permission: override for override in rows}

    def _choices(self, permission: Permission, override: Override | None) -> list[tuple[str, str]]:
        grant = self.held.role.grant(permission.codename)
        says = (
            AS_ROLE,
            _("Role: %(scope)s") % {"scope": grant.scope.label} if _is_selected(permission) else _("Same as role"),
        )
        if self.barred_by_role(permission):
            return [says] if override is None else [says, (word_of(override.scope), override.scope.label)]
        return [says, *scope_choices(permission, None if override is None else override.scope)]

    def barred_by_role(self, permission: Permission) -> str:
        """Return why the role takes no override of the permission; an empty text if it does."""
        role = self.held.role
        if role.locked:
            return _("The role %(role)s is locked and takes no overrides.") % {"role": role.name}
        if not role.grant(permission.codename).grantable:
            return _("Can’t be granted to the role %(role)s.") % {"role": role.name}
        return ""

    def shown(self) -> dict[str, Any]:
        overrides = {
            codename: {
                "scope": override.scope.names,
                "expires_at": None if override.expires_at is None else override.expires_at.isoformat(),
                "live": not _ended(override),
            }
            for codename, override in self.standing.items()
        }
        return {"role": self.row.role_id, "overrides": overrides}

    def clean(self) -> dict[str, Any]:
        """The data; an end date in the past is an error of its field."""
        data = super().clean() or self.cleaned_data
        now = timezone.now()
        for name in [name for name in self.changed_data if name.startswith("end_")]:
            end, chosen = data.get(name), data.get(f"choice_{name.removeprefix('end_')}")
            if end is not None and chosen is not None and end <= now:
                self.add_error(name, _("Enter an end date in the future, or leave it empty."))
        return data

    @property
    def wanted(self) -> dict[str, RequestedOverride | None]:
        """Return the choices that differ from the page; None removes the override."""
        values: dict[str, RequestedOverride | None] = {}
        for codename in (name.removeprefix("choice_") for name in self.fields if name.startswith("choice_")):
            chosen, end = self.cleaned_data.get(f"choice_{codename}"), self.cleaned_data.get(f"end_{codename}")
            seen = self._seen_overrides.get(codename)
            before = None if seen is None or not seen["live"] else RequestedOverride(seen["scope"], seen["expires_at"])
            after = None if chosen is None else RequestedOverride(chosen, _whole(end, before))
            if after != before:
                values[codename] = after
        return values

    @property
    def _seen_overrides(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            codename: {
                "scope": Scope.parse(seen["scope"]),
                "expires_at": None if seen["expires_at"] is None else datetime.fromisoformat(seen["expires_at"]),
                "live": seen["live"],
            }
            for codename, seen in self.seen_there["overrides"].items()
        }

    def change(self) -> Change:
        seen = {
            codename: {"scope": found["scope"], "expires_at": found["expires_at"]}
            for codename, found in self._seen_overrides.items()
        }
        return UpdatePermissions(
            account_id=self.account_id,
            membership_id=self.row.pk,
            wanted=self.wanted,
            seen=seen,
            seen_role=self.seen_there["role"],
        )

    def asked(self) -> list[tuple[str, str]]:
        return [(catalogue.get(codename).label, self._in_words(wanted)) for codename, wanted in self.wanted.items()]

    def _in_words(self, wanted: RequestedOverride | None) -> str:
        if wanted is None:
            return _("Same as role")
        if wanted.expires_at is None:
            return wanted.scope.label
        end = value_in_words(Override._meta.get_field("expires_at"), wanted.expires_at)
        return _("%(scope)s until %(end)s") % {"scope": wanted.scope.label, "end": end}

    def overtaken(self, refusal: ChangedMeanwhile) -> None:
        """Show what differs from what the page showed; fields that this person left alone take the current value."""
        wanted, seen = self.wanted, self._seen_overrides
        role = self.seen_there["role"]
        self.standing = self._standing()
        if role != self.row.role_id:
            names = dict(Role.objects.filter(pk__in=[role, self.row.role_id]).values_list("pk", "name"))
            self.differences.append((_("Role"), names.get(role, ""), names.get(self.row.role_id, "")))
        self.data = self.data.copy()  # type: ignore[attr-defined]
        for permission in catalogue.permissions():
            codename = permission.codename
            before = (
                None
                if codename not in seen
                else RequestedOverride(seen[codename]["scope"], seen[codename]["expires_at"])
            )
            stands = self.standing.get(codename)
            now = None if stands is None else RequestedOverride(stands.scope, stands.expires_at)
            if before == now:
                continue
            self.differences.append((permission.label, self._in_words(before), self._in_words(now)))
            if codename not in wanted and f"choice_{codename}" in self.fields:
                for name in (f"choice_{codename}", f"end_{codename}"):
                    widget = self.fields[name].widget
                    value = self.get_initial_for_field(self.fields[name], name)
                    self.data[name] = widget.format_value(value) if name.startswith("end_") else value  # type: ignore[index]
        self.data["seen"] = self._signed()  # type: ignore[index]

    # The page

    def tabs(self) -> list[tuple[Tab, list[PermissionRow], list[tuple[str, list[PermissionRow | None]]]]]:
        """The categories with their lines; record permissions are in a matrix, verb by verb."""
        assert self.access.account is not None
        scheme, features = self.access.account.role_system, self.access.account.features
        items = []
        for tab in shown_tabs(scheme, features, also=self.standing):
            lines = {permission.codename: self._line(permission) for permission in tab.permissions}
            rows = [(kind.label_plural, [lines.pop(name, None) for name in names]) for kind, names in tab.matrix]
            items.append((tab, list(lines.values()), rows))
        return items

    def caps(self, found: Preview) -> list[tuple[Permission, Limit]]:
        """Which permissions a prerequisite would cap that it does not cap now, or to something else."""
        branch_id, now = self.row.branch_id, self.mandate
        then = {
            change.permission: change.after.scope
            for member in found.members
            for change in member.changes
            if member.user_id == self.row.user_id and change.branch_id == branch_id
        }

        def scope_of(codename: str) -> Scope:
            return then[codename] if codename in then else now.effective(branch_id, codename).scope

        capped = []
        for permission in catalogue.permissions():
            cap = cap_of(now, permission, scope_of(permission.codename), scope_of)
            if cap is not None and (
                permission.codename in then or cap != effective_permission(now, branch_id, permission).cap
            ):
                capped.append((permission, cap))
        return capped

    def _line(self, permission: Permission) -> PermissionRow:
        codename = permission.codename
        override = self.standing.get(codename)
        barred = self.barred_by_role(permission)
        idle = ""
        if override is not None and barred:
            idle = _("No effect: %(why)s") % {"why": barred}
        elif override is not None and _ended(override):
            idle = _("Ended.")
        return PermissionRow(
            permission=permission,
            grant=self.held.role.grant(codename),
            holding=effective_permission(self.mandate, self.row.branch_id, permission),
            override=override,
            barred=barred,
            idle=idle,
            choice=self[f"choice_{codename}"] if f"choice_{codename}" in self.fields else None,
            end=self[f"end_{codename}"] if f"end_{codename}" in self.fields else None,
        )


def _is_selected(permission: Permission) -> bool:
    return permission.target is Target.RECORD or permission.verb in MATRIX_VERBS


def _ended(override: Override) -> bool:
    return override.expires_at is not None and override.expires_at <= timezone.now()


def _whole(end: datetime | None, before: RequestedOverride | None) -> datetime | None:
    """The end as it is now, where the page's minutes cannot tell it from the one that was sent."""
    stands = None if before is None else before.expires_at
    if end is not None and stands is not None and end == stands.replace(second=0, microsecond=0):
        return stands
    return end
