"""Form fields for people, roles, permissions, scopes and end dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import AccessContext
from apps.accounts.models import Branch
from apps.roles import catalogue
from apps.roles.catalogue import CATEGORIES, Permission, Target
from apps.roles.models import Role
from apps.roles.scopes import IF_CREATOR, IF_RESPONSIBLE, IN_GROUP, Scope

CHOOSE = ("", gettext_lazy("Choose…"))
OFFERED = (Scope.NONE, IF_CREATOR, IF_RESPONSIBLE, IN_GROUP, Scope.ALL)


class QuickSelect(forms.Select):
    """A list that is written without a template for each of its lines, of which some forms have thousands."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The list."""
        told = self.get_context(name, value, attrs)["widget"]
        lines = []
        for group, options, _index in told["optgroups"]:
            written = format_html_join(
                "", "<option{}>{}</option>", ((_written(each), each["label"]) for each in options)
            )
            lines.append(format_html('<optgroup label="{}">{}</optgroup>', group, written) if group else written)
        named = flatatt({"name": told["name"], **told["attrs"]})
        return format_html("<select{}>{}</select>", named, format_html_join("", "{}", ((line,) for line in lines)))


def _written(option: Mapping[str, Any]) -> SafeString:
    return flatatt({"value": option["value"], **option["attrs"]})


class SearchSelect(QuickSelect):
    """A choice among so many that one searches for it."""


def id_field(choices: Iterable[tuple[Any, str]], *, label: str, **options: Any) -> forms.Field:
    """A choice of one row by its id."""
    return forms.TypedChoiceField(
        label=label,
        coerce=lambda value: int(value) if value else None,
        empty_value=None,
        choices=[CHOOSE, *((str(pk), name) for pk, name in choices)],
        widget=QuickSelect,
        error_messages={"invalid_choice": _("Choose an option from the list.")},
        **options,
    )


def branches(found: Sequence[Branch]) -> list[tuple[int, str]]:
    """Branches as choices."""
    return [(branch.pk, branch.name) for branch in found]


def roles(access: AccessContext, kind: str) -> list[tuple[int, str]]:
    """The roles of a kind that can be granted; a single one moves only by a transfer."""
    assert access.account is not None
    usable = Role.objects.usable_in(access.account_id, access.account.scheme).filter(kind=kind, single=False)
    return [(role.pk, role.name) for role in usable.order_by("-rank", "name")]


def permissions_field(**options: Any) -> forms.ChoiceField:
    """Every permission, in its category."""
    grouped: dict[str, list[tuple[str, str]]] = {str(title): [] for title in CATEGORIES.values()}
    for permission in catalogue.permissions():
        grouped[str(CATEGORIES[permission.category])].append((permission.codename, permission.label))
    choices: list[Any] = [CHOOSE, *((title, lines) for title, lines in grouped.items() if lines)]
    return forms.ChoiceField(label=_("Permission"), choices=choices, widget=SearchSelect(), **options)


def word_of(scope: Scope) -> str:
    """A scope as a form sends it."""
    return "+".join(scope.names) or "none"


def scope_of(word: str) -> Scope:
    """The scope that a form sent."""
    return Scope.parse(word if word in ("none", "all") else word.split("+"))


def scope_choices(permission: Permission | None, standing: Scope | None = None) -> list[tuple[str, str]]:
    """The scopes that a permission can have: what is asked of no record is either off or on."""
    offered = list(OFFERED)
    if permission is not None and permission.target is not Target.RECORD:
        offered = [Scope.NONE, Scope.ALL]
    if standing is not None and standing not in offered:
        offered.append(standing)
    return [(word_of(scope), scope.label) for scope in offered]


def scope_field(permission: Permission | None, standing: Scope | None = None, **options: Any) -> forms.Field:
    """A scope."""
    return forms.TypedChoiceField(
        label=_("Scope"),
        coerce=scope_of,
        choices=scope_choices(permission, standing),
        initial=word_of(standing if standing is not None else Scope.ALL),
        **options,
    )


def end_field(**options: Any) -> forms.DateTimeField:
    """An end, or none; asked with the browser's own calendar."""
    return forms.DateTimeField(
        label=_("End date"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("Leave empty for no end date."),
        **options,
    )
