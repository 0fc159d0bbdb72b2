"""Teams: those of each branch, one with its members, made, changed, deleted."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Count, IntegerField, QuerySet, Value, When
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.access.shield import shielded
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.people import TeamFilter
from apps.pages.forms.places import AddTeamForm, ChangeTeamForm, DeleteTeamForm
from apps.pages.views.acts import acts, address, changing, page_action
from apps.pages.views.listing import Order, by_name, part_of
from apps.pages.views.page import page, show
from apps.teams.models import Membership, Team, TeamMember

VIEWS, MANAGES = "view_members", "manage_teams"
LONGEST = 18


@page(VIEWS)
def teams(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The teams of the visible branches, branch by branch."""
    places = access.branches_where(VIEWS)
    known = _in_sight(access).annotate(many=Count("members"))
    asked = TeamFilter(request.GET, access=access, places=places)
    # The branches come in the order of their names, which the desk knows.
    turn = Case(
        *(When(branch=branch.pk, then=Value(number)) for number, branch in enumerate(places)),
        default=Value(len(places)),
        output_field=IntegerField(),
    )
    part = part_of(request, asked.narrow(known), known, Order("", [turn, Lower("name")]))
    context = {
        "filter": asked,
        "filtered": bool(asked.narrowed) or not asked.is_valid(),
        "part": part,
        "several": len(places) > 1,
        "add": page_action(access, AddTeamForm, None, "group_add", address(access, "team-add")),
    }
    return show(request, access, "pages/teams/list.html", _("Teams"), context)


@page(VIEWS)
def team(request: HttpRequest, access: AccessContext, team: int) -> HttpResponse:
    """Show one team with its members."""
    row = _found(access, team)
    everybody = TeamMember.objects.filter(team=row).exclude(user__in=shielded(access)).select_related("user")
    part = part_of(request, everybody, everybody, Order("", [by_name()]))
    active = Membership.objects.active().filter(branch=row.branch, user__in=[place.user_id for place in part.rows])
    as_what = dict(active.values_list("user_id", "role__name"))
    context = {
        "team": row,
        "part": part,
        "members": [(place.user, as_what.get(place.user_id, "")) for place in part.rows],
        "acts": acts(
            page_action(access, ChangeTeamForm, row, "edit", address(access, "team-change", row.pk)),
            page_action(access, DeleteTeamForm, row, "delete", address(access, "team-delete", row.pk)),
        ),
        "crumbs": [(address(access, "teams"), _("Teams"))],
    }
    return show(request, access, "pages/teams/team.html", row.name, context)


@page(MANAGES, sends=True)
def add(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """A new team."""
    back = address(access, "teams")
    chosen = {name: request.GET[name] for name in ("branch",) if name in request.GET}
    crumbs = [(back, _("Teams"))]
    return changing(
        request, access, AddTeamForm, None, back=back, subject=str(AddTeamForm.title), crumbs=crumbs, initial=chosen
    )


@page(MANAGES, sends=True)
def change(request: HttpRequest, access: AccessContext, team: int) -> HttpResponse:
    """Another name, other members."""
    row = _found(access, team)
    return _change(request, access, ChangeTeamForm, row, address(access, "team", row.pk), _joining(request, row))


@page(MANAGES, sends=True)
def delete(request: HttpRequest, access: AccessContext, team: int) -> HttpResponse:
    """Delete a team with the shares it has."""
    return _change(request, access, DeleteTeamForm, _found(access, team), address(access, "teams"))


def _change(
    request: HttpRequest,
    access: AccessContext,
    kind: type[ChangeForm],
    row: Team,
    back: str,
    chosen: dict[str, Any] | None = None,
) -> HttpResponse:
    """The page of a change; `chosen` is what a link has chosen of it already."""
    crumbs = [(address(access, "teams"), _("Teams")), (address(access, "team", row.pk), row.name)]
    subject = f"{kind.title}: {row.name}"
    return changing(request, access, kind, row, back=back, subject=subject, crumbs=crumbs, initial=chosen)


def _joining(request: HttpRequest, row: Team) -> dict[str, Any]:
    """The members as they are now, and the one a link names."""
    named = request.GET.get("member", "")
    if not named.isdecimal() or len(named) > LONGEST:
        return {}
    standing = TeamMember.objects.filter(team=row).values_list("user_id", flat=True)
    return {"members": sorted({*standing, int(named)})}


def _in_sight(access: AccessContext) -> QuerySet[Any]:
    return Team.objects.filter(account=access.account_id, branch__in=access.branches_where(VIEWS)).select_related(
        "branch"
    )


def _found(access: AccessContext, team: int) -> Team:
    row: Team | None = _in_sight(access).filter(pk=team).first()
    if row is None:
        raise Http404
    return row
