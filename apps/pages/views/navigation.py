"""The way around an account: the groups of its side bar, for those who may open what they lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from apps.access.context import Desk
from apps.pages.access_requests import waiting_count


@dataclass(frozen=True, slots=True)
class Place:
    """A page that the side bar leads to: its URL name, its words, its icon, and the permission that shows it.

    `fits` says whether the account has such a thing at all.
    """

    name: str
    label: str
    icon: str
    permission: str = ""
    badge: Callable[[Desk], int] | None = None
    fits: Callable[[Desk], bool] | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A place as one person sees it."""

    address: str
    label: str
    icon: str
    here: bool
    badge: int


def has_parent_roles(desk: Desk) -> bool:
    """Whether the account's scheme has parent roles."""
    assert desk.account is not None
    return any(role.kind == "parent" for role in desk.account.role_system.roles.values())


# The groups in their order; apps above enter theirs with `offer`.
PLACES: dict[str, list[Place]] = {
    "": [Place("pages:home", noop("Home"), "home")],
    noop("People"): [
        Place("pages:members", noop("Members"), "group", "view_members"),
        Place("pages:teams", noop("Teams"), "groups", "view_members"),
        Place("pages:parent-roles", noop("Parent roles"), "shield_person", "view_parent_roles", fits=has_parent_roles),
    ],
    noop("Access"): [
        Place("pages:roles", noop("Roles"), "badge", "view_members"),
        Place("pages:matrix", noop("Matrix"), "grid_on", "view_member_permissions"),
        Place("pages:why", noop("Why?"), "help", "view_member_permissions"),
        Place("pages:requests", noop("Requests"), "waving_hand", badge=waiting_count),
        Place("pages:log", noop("Audit log"), "history", "view_audit_log"),
    ],
    noop("Account"): [
        Place("billing:overview", noop("Billing"), "receipt_long", "view_billing"),
        Place("pages:settings", noop("Settings"), "settings"),
    ],
}


def offer(group: str, place: Place) -> None:
    """Let the side bar lead to a place, at the end of its group."""
    PLACES[group].append(place)


def sections(request: HttpRequest, desk: Desk) -> list[tuple[str, list[Link]]]:
    """The groups with at least one place for the person, and which of them they are at."""
    if desk.account is None:
        return []
    found = []
    for group, places in PLACES.items():
        links = [
            _link(request, desk, place)
            for place in places
            if (not place.permission or desk.may_anywhere(place.permission)) and (not place.fits or place.fits(desk))
        ]
        if links:
            found.append((_(group) if group else "", links))
    return found


def _link(request: HttpRequest, desk: Desk, place: Place) -> Link:
    assert desk.account is not None
    address = reverse(place.name, args=[desk.account.slug])
    home = place.name == "pages:home"
    here = request.path == address if home else request.path.startswith(address)
    return Link(address, _(place.label), place.icon, here, place.badge(desk) if place.badge else 0)
