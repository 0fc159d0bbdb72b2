"""The way around an account: the groups of its side bar, for those who may open what they lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from apps.access.context import AccessContext
from apps.pages.access_requests import waiting_count


@dataclass(frozen=True, slots=True)
class MenuItem:
    """A page that the side bar leads to: its URL name, its words, its icon, and the permission that shows it.

    `fits` says whether the account has such a thing at all.
    """

    name: str
    label: str
    icon: str
    permission: str = ""
    badge: Callable[[AccessContext], int] | None = None
    fits: Callable[[AccessContext], bool] | None = None


@dataclass(frozen=True, slots=True)
class MenuLink:
    """A place as one person sees it."""

    address: str
    label: str
    icon: str
    here: bool
    badge: int


def has_parent_roles(access: AccessContext) -> bool:
    """Whether the account's scheme has parent roles."""
    assert access.account is not None
    return any(role.kind == "parent" for role in access.account.role_system.roles.values())


# The groups in their order; apps above enter theirs with `offer`.
MENU: dict[str, list[MenuItem]] = {
    "": [MenuItem("pages:home", noop("Home"), "home")],
    noop("People"): [
        MenuItem("pages:members", noop("Members"), "group", "view_members"),
        MenuItem("pages:teams", noop("Teams"), "groups", "view_members"),
        MenuItem(
            "pages:parent-roles", noop("Parent roles"), "shield_person", "view_parent_roles", fits=has_parent_roles
        ),
    ],
    noop("Access"): [
        MenuItem("pages:roles", noop("Roles"), "badge", "view_members"),
        MenuItem("pages:matrix", noop("Matrix"), "grid_on", "view_member_permissions"),
        MenuItem("pages:why", noop("Why?"), "help", "view_member_permissions"),
        MenuItem("pages:requests", noop("Requests"), "waving_hand", badge=waiting_count),
        MenuItem("pages:log", noop("Audit log"), "history", "view_audit_log"),
    ],
    noop("Account"): [
        MenuItem("billing:overview", noop("Billing"), "receipt_long", "view_billing"),
        MenuItem("pages:settings", noop("Settings"), "settings"),
    ],
}


def offer(group: str, place: MenuItem) -> None:
    """Let the side bar lead to a place, at the end of its group."""
    MENU[group].append(place)


def sections(request: HttpRequest, access: AccessContext) -> list[tuple[str, list[MenuLink]]]:
    """The groups with at least one place for the person, and which of them they are at."""
    if access.account is None:
        return []
    items = []
    for group, places in MENU.items():
        links = [
            _link(request, access, place)
            for place in places
            if (not place.permission or access.may_anywhere(place.permission))
            and (not place.fits or place.fits(access))
        ]
        if links:
            items.append((_(group) if group else "", links))
    return items


def _link(request: HttpRequest, access: AccessContext, place: MenuItem) -> MenuLink:
    assert access.account is not None
    address = reverse(place.name, args=[access.account.slug])
    home = place.name == "pages:home"
    here = request.path == address if home else request.path.startswith(address)
    return MenuLink(address, _(place.label), place.icon, here, place.badge(access) if place.badge else 0)
