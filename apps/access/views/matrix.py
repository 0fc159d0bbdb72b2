"""The matrix: members × permissions at a glance, a page of members and a tab of permissions at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.access.desk import Desk
from apps.access.facts import load_some
from apps.access.mandate import Mandate
from apps.access.matrix import Cell, cell_of
from apps.access.shield import shielded
from apps.access.views.listing import Order, by_name, part_of
from apps.access.views.page import page, show
from apps.accounts.models import Branch
from apps.roles.catalogue import Permission
from apps.roles.models import Role
from apps.roles.tabs import Tab, shown_tabs
from apps.teams.models import Membership

SEES = "view_member_permissions"
LONGEST_WORDS = 200
ORDER = Order("name", (by_name(),))


@dataclass(frozen=True, slots=True)
class MatrixLine:
    """One member on a branch, with what they may there of the tab's permissions."""

    membership: Membership
    cells: list[tuple[Permission, Cell]]


@page(SEES)
def matrix(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Who may what, on the branches where the person sees what members may."""
    assert desk.account is not None
    places = desk.branches_where(SEES)
    tabs = shown_tabs(desk.account.role_system, desk.account.features)
    tab = next((each for each in tabs if each.key == request.GET.get("tab")), tabs[0])
    known = _members(desk, places)
    part = part_of(request, _narrowed(request, known, places), known, ORDER)
    kept = {name: value for name in ("q", "branch", "role") if (value := request.GET.get(name, ""))}
    context = {
        "tabs": tabs,
        "tab": tab,
        "lines": list(_lines(desk, part.rows, tab)),
        "part": part,
        "places": places,
        "roles": _roles(desk),
        "asked": kept,
    }
    return show(request, desk, "pages/matrix.html", _("Matrix"), context)


def _members(desk: Desk, places: Sequence[Branch]) -> QuerySet[Membership]:
    """The active members on these branches, without those whose rights are only their own to see."""
    found = Membership.objects.active().filter(branch__in=places).exclude(user__in=shielded(desk))
    return found.select_related("user", "branch", "role")


def _narrowed(request: HttpRequest, rows: QuerySet[Membership], places: Sequence[Branch]) -> QuerySet[Membership]:
    """Those that the address asks for; an impossible question finds nobody."""
    for word in request.GET.get("q", "")[:LONGEST_WORDS].replace("\0", "").split():
        rows = rows.filter(user__name__icontains=word) | rows.filter(user__email__icontains=word)
    if slug := request.GET.get("branch"):
        rows = rows.filter(branch__in=[place.pk for place in places if place.slug == slug])
    if key := request.GET.get("role", "").replace("\0", ""):
        rows = rows.filter(role__key=key)
    return rows


def _roles(desk: Desk) -> list[tuple[str, str]]:
    assert desk.account is not None
    usable = Role.objects.usable_in(desk.account_id, desk.account.scheme).filter(kind=Role.Kind.BRANCH)
    return [(role.key, role.name) for role in usable.order_by("-rank", "name")]


def _lines(desk: Desk, rows: Sequence[Membership], tab: Tab) -> Iterator[MatrixLine]:
    """The rows with their cells; the facts of all of them are loaded at once."""
    assert desk.mandate is not None
    now = timezone.now()
    facts = load_some(desk.mandate.facts.account, {row.user_id for row in rows})
    mandates = {user_id: Mandate(each, now) for user_id, each in facts.items()}
    for row in rows:
        found = [(each, cell_of(mandates[row.user_id], each, row.branch)) for each in tab.permissions]
        yield MatrixLine(row, found)
