"""Switch the role system: a new role for each current one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.changes.base import Change
from apps.changes.switching import SwitchScheme, held_roles
from apps.pages.forms.base import ChangeForm
from apps.roles.models import Role
from apps.roles.schemes import Scheme, scheme

CHOOSE = ("", _("Choose…"))
ENDS = "-"
PARENT = _("A parent role, which applies on all branches.")
PREFIX = "becomes_"


class SwitchSchemeForm(ChangeForm):
    """One field for each role with members, with the roles of the other system to choose from.

    `row` is the account, `target` the key of the system that it is to follow.
    """

    title = _("Switch role system")
    help = _("Overrides and shares stay as they are. Custom roles are inactive until the account switches back.")
    danger = True
    needs = ("change_account",)
    target: str = ""

    @classmethod
    def towards(cls, target: str) -> type[SwitchSchemeForm]:
        """The form for this system."""
        return type(cls.__name__, (cls,), {"target": target, "__doc__": cls.__doc__})

    def build(self) -> None:
        self.new = scheme(self.target)
        roles = Role.objects.filter(pk__in=held_roles(self.row))
        self.standing = sorted(roles, key=lambda role: (role.kind, -role.rank, role.name))
        for role in self.standing:
            self.fields[f"{PREFIX}{role.key}"] = forms.ChoiceField(
                label=_("%(role)s becomes") % {"role": role.name},
                choices=_choices(self.new, role),
                initial=_likely(self.new, role),
                help_text=PARENT if role.kind == Role.Kind.PARENT else "",
            )

    def change(self) -> Change:
        chosen = {role.key: self.cleaned_data[f"{PREFIX}{role.key}"] for role in self.standing}
        becomes = {key: None if target == ENDS else target for key, target in chosen.items()}
        return SwitchScheme(account_id=self.account_id, scheme=self.target, roles=becomes)


def _choices(new: Scheme, role: Role) -> list[tuple[str, Any]]:
    offered = sorted((each for each in new.roles.values() if each.kind == role.kind), key=lambda each: -each.rank)
    ends = [(ENDS, _("No role (remove)"))] if role.kind == Role.Kind.PARENT else []
    return [CHOOSE, *((each.key, each.name) for each in offered), *ends]


def _likely(new: Scheme, role: Role) -> str:
    """The role of the same name; nothing is guessed of the others."""
    same = new.roles.get(role.key)
    return role.key if same is not None and same.kind == role.kind else ""
