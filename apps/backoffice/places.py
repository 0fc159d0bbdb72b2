"""Branches and teams in the admin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from apps.access.context import access_of
from apps.accounts.models import Branch
from apps.backoffice.tables import AccessTableAdmin, PlaceFilter
from apps.changes.accounts import CLOSING
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.places import (
    AddBranchForm,
    AddTeamForm,
    ChangeTeamForm,
    CloseBranchForm,
    DeleteTeamForm,
    RenameBranchForm,
    ReopenBranchForm,
    branches_in_sight,
)
from apps.teams.models import Team, TeamMember

# Teams


class TeamAdmin(AccessTableAdmin):
    """The teams of the branches."""

    views = "view_members"
    adds = AddTeamForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {"change": ChangeTeamForm}
    removes = DeleteTeamForm
    list_display = ("team", "on", "size")
    list_select_related = ("branch",)
    list_filter: ClassVar[Any] = (PlaceFilter,)
    list_filter_submit = True
    search_fields = ("name",)
    search_help_text = gettext_lazy("Name.")
    ordering = ("name", "pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("branch").annotate(places=Count("members"))

    @display(description=gettext_lazy("Team"))
    def team(self, team: Team) -> str:
        """Return its name."""
        return team.name

    @display(description=gettext_lazy("Branch"))
    def on(self, team: Team) -> str:
        """Return the branch."""
        return team.branch.name

    @display(description=gettext_lazy("Members"))
    def size(self, team: Any) -> str:
        """Return the number of members."""
        return str(team.places)

    def more(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return the members."""
        places = TeamMember.objects.filter(team=row).select_related("user").order_by("user__name")
        lines = [{"title": str(place.user)} for place in places]
        return {"parts": [{"title": _("Members"), "lines": lines, "empty": _("No members yet.")}]}


# Branches


class BranchAdmin(AccessTableAdmin):
    """The branches of the account; closed ones for those whose parent role reaches them."""

    views = "view_branch"
    jobs = (CLOSING,)
    adds = AddBranchForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {
        "name": RenameBranchForm,
        "close": CloseBranchForm,
        "reopen": ReopenBranchForm,
    }
    list_display = ("branch_", "state")
    search_fields = ("name",)
    search_help_text = gettext_lazy("Name.")
    ordering = ("name", "pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return branches_in_sight(access_of(request))

    @display(description=gettext_lazy("Branch"))
    def branch_(self, branch: Branch) -> str:
        """Return its name."""
        return branch.name

    @display(description=gettext_lazy("State"))
    def state(self, branch: Branch) -> str:
        """Whether it is open."""
        return str(branch.get_status_display())

    def more(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return the link to its members."""
        access = access_of(request)
        if row.status != Branch.Status.ACTIVE or not access.may("view_members", row):
            return {}
        link = f"{reverse('admin:teams_membership_changelist')}?branch={row.pk}"
        teams = Team.objects.filter(branch=row).order_by("name")
        lines = [{"title": team.name, "link": reverse("admin:teams_team_change", args=[team.pk])} for team in teams]
        part = {
            "title": _("Teams"),
            "lines": lines,
            "empty": _("No teams yet."),
            "link": link,
            "link_title": _("Members"),
        }
        return {"parts": [part]}
