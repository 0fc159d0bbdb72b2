"""The matrix: members × permissions at a glance, a page of members and one tab of permissions, or all, at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.access.context import AccessContext
from apps.access.facts import load_some
from apps.access.mandate import Mandate
from apps.access.matrix import Cell, MatrixRow, access_matrix, held_cell
from apps.access.matrixfile import as_json, csv_lines
from apps.access.shield import shielded
from apps.access.verbs import MATRIX_EXPORTED
from apps.accounts.models import Branch, User
from apps.audit.services import EntryValues, record
from apps.pages.api_tokens import for_tokens
from apps.pages.views.listing import Order, by_name, part_of
from apps.pages.views.page import page, show
from apps.roles.catalogue import Permission
from apps.roles.models import Role
from apps.roles.tabs import Tab, shown_tabs
from apps.teams.models import Membership, ParentMembership

SEES = "view_member_permissions"
# The word that asks for all the categories at once.
EVERYTHING = "everything"
LONGEST_WORDS = 200
FILES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
R = TypeVar("R", Membership, ParentMembership)
ORDER = Order("name", (by_name(),))


@dataclass(frozen=True, slots=True)
class MatrixLine:
    """One member on a branch with their scopes of the shown permissions; without a branch for parent roles only."""

    user: User
    role: str
    branch: Branch | None
    cells: list[tuple[Permission, Cell]]


@page(SEES)
def matrix(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The matrix of members and permissions, on branches where the person sees permissions."""
    assert access.account is not None
    places = access.branches_where(SEES)
    tabs = shown_tabs(access.account.role_system, access.account.features)
    everything = request.GET.get("tab") == EVERYTHING
    shown = tabs if everything else [next((each for each in tabs if each.key == request.GET.get("tab")), tabs[0])]
    known = _members(access, places)
    part = part_of(request, _narrowed(request, known, places), known, ORDER)
    kept = {name: value for name in ("q", "branch", "role") if (value := request.GET.get(name, ""))}
    parents = [] if part.before or kept.keys() & {"branch", "role"} else _parents_alone(request, access)
    context = {
        "tabs": tabs,
        "tab": EVERYTHING if everything else shown[0].key,
        "everything": EVERYTHING,
        "shown": shown,
        "lines": list(_lines(access, part.rows, parents, shown)),
        "part": part,
        "places": places,
        "roles": _roles(access),
        "asked": kept,
    }
    return show(request, access, "pages/matrix.html", _("Matrix"), context)


def _members(access: AccessContext, places: Sequence[Branch]) -> QuerySet[Membership]:
    """The active members on these branches, without those whose rights are only their own to see."""
    matching = Membership.objects.active().filter(branch__in=places).exclude(user__in=shielded(access))
    return matching.select_related("user", "branch", "role")


def _narrowed(request: HttpRequest, rows: QuerySet[Membership], places: Sequence[Branch]) -> QuerySet[Membership]:
    """Return the branches that the address names; an invalid one matches no branch."""
    rows = _named(request, rows)
    if slug := request.GET.get("branch"):
        rows = rows.filter(branch__in=[place.pk for place in places if place.slug == slug])
    if key := request.GET.get("role", "").replace("\0", ""):
        rows = rows.filter(role__key=key)
    return rows


def _named(request: HttpRequest, rows: QuerySet[R]) -> QuerySet[R]:
    """Return the people who match the name or address."""
    for word in request.GET.get("q", "")[:LONGEST_WORDS].replace("\0", "").split():
        rows = rows.filter(Q(user__name__icontains=word) | Q(user__email__icontains=word))
    return rows


def _roles(access: AccessContext) -> list[tuple[str, str]]:
    assert access.account is not None
    usable = Role.objects.usable_in(access.account_id, access.account.scheme).filter(kind=Role.Kind.BRANCH)
    return [(role.key, role.name) for role in usable.order_by("-rank", "name")]


def _parents_alone(request: HttpRequest, access: AccessContext) -> list[ParentMembership]:
    """Return holders of a parent role without a membership, for people who may see parent roles."""
    if not access.may_anywhere("view_parent_roles"):
        return []
    matching = ParentMembership.objects.filter(account=access.account_id).exclude(user__in=shielded(access))
    members = Membership.objects.active().filter(account=access.account_id, user=OuterRef("user"))
    named = _named(request, matching.filter(~Exists(members)))
    ordered = named.select_related("user", "role").annotate(key=by_name()).order_by("key", "pk")
    return list(ordered[: access.rows_per_page])


def _lines(
    access: AccessContext, rows: Sequence[Membership], parents: Sequence[ParentMembership], tabs: Sequence[Tab]
) -> Iterator[MatrixLine]:
    """The rows with their cells; the facts of all of them are loaded at once."""
    assert access.mandate is not None
    now = timezone.now()
    facts = load_some(access.mandate.facts.account, {row.user_id for row in rows} | {held.user_id for held in parents})
    mandates = {user_id: Mandate(each, now) for user_id, each in facts.items()}
    permissions = [permission for tab in tabs for permission in tab.permissions]
    for row in rows:
        items = [(each, held_cell(mandates[row.user_id], each, row.branch)) for each in permissions]
        yield MatrixLine(row.user, row.role.name, row.branch, items)
    for held in parents:
        items = [(each, held_cell(mandates[held.user_id], each, None)) for each in permissions]
        yield MatrixLine(held.user, held.role.name, None, items)


def _of_account(access: AccessContext) -> Iterator[MatrixRow]:
    """The rows of the matrix that the person may see, to be taken along."""
    assert access.account is not None
    places = {branch.pk for branch in access.branches_where(SEES)}
    hidden, parents = shielded(access), access.may_anywhere("view_parent_roles")
    for row in access_matrix(access.account):
        if row.user.pk not in hidden and (parents if row.branch is None else row.branch.pk in places):
            yield row if parents else replace(row, parent_role="")


@for_tokens
@page(SEES, sends=True)
@require_POST
def export_matrix(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """All of the matrix that the person may see, as a file; the export is recorded in the audit log.

    Raises:
        Http404: there is no such kind of file.
    """
    assert access.account is not None
    kind = request.POST.get("file", "")
    if kind not in FILES:
        raise Http404
    rows = list(_of_account(access))
    if kind == "csv":
        body = "".join(csv_lines(rows))
    else:
        values = {"account": access.account.slug, "members": [as_json(row) for row in rows]}
        body = json.dumps(values, ensure_ascii=False, indent=2)
    with transaction.atomic():
        record(
            verb=MATRIX_EXPORTED,
            actor=access.user,
            reason=f"Taken along as {kind.upper()} from the matrix",
            account_id=access.account_id,
            entries=[
                EntryValues(
                    target_type="accounts.account",
                    target_id=access.account_id,
                    target_text=str(access.account),
                    after={"file": kind.upper(), "rows": len(rows)},
                )
            ],
        )
    response = HttpResponse(body, content_type=FILES[kind])
    response["Content-Disposition"] = f'attachment; filename="matrix.{kind}"'
    return response
