"""Branches and teams in the admin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import slugify
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelect2MultipleWidget, UnfoldAdminTextInputWidget

from apps.access.admin.changing import ChangeForm
from apps.access.admin.desk import Desk, desk_of
from apps.access.admin.fields import branches, id_field, people
from apps.access.admin.tables import AccessTableAdmin, PlaceFilter
from apps.access.changes.base import Change
from apps.access.changes.branches import ChangeBranch, CloseBranch, CreateBranch, ReopenBranch
from apps.access.changes.teams import AddTeam, ChangeTeam, DeleteTeam
from apps.accounts.models import Branch
from apps.teams.models import Team, TeamMember

LONGEST_NAME = 100
LONGEST_SLUG = 60


def name_field(initial: str = "") -> forms.CharField:
    """What a branch or a team is called."""
    return forms.CharField(max_length=LONGEST_NAME, initial=initial, widget=UnfoldAdminTextInputWidget())


def people_field(desk: Desk, branch_ids: list[int], initial: list[str]) -> forms.Field:
    """Several colleagues of these branches."""
    return forms.TypedMultipleChoiceField(
        label="Members",
        coerce=int,
        required=False,
        choices=[(str(pk), name) for pk, name in people(desk, branch_ids)],
        initial=initial,
        widget=UnfoldAdminSelect2MultipleWidget(),
    )


# Teams


class AddTeamForm(ChangeForm):
    """A new team."""

    title = "Make a team"
    needs = ("manage_teams",)

    def build(self) -> None:
        allowed = self.desk.branches_where("manage_teams")
        self.fields["name"] = name_field()
        self.fields["branch"] = id_field(branches(allowed), label="Branch")
        self.fields["members"] = people_field(self.desk, [branch.pk for branch in allowed], [])

    def change(self) -> Change:
        data = self.cleaned_data
        return AddTeam(
            account_id=self.account_id,
            branch_id=data["branch"],
            slug=slugify(data["name"])[:LONGEST_SLUG],
            name=data["name"],
            user_ids=tuple(data["members"]),
        )


class ChangeTeamForm(ChangeForm):
    """Another name, other members."""

    title = "Change the team"
    needs = ("manage_teams",)

    def build(self) -> None:
        self.fields["name"] = name_field(self.row.name)
        standing = [str(pk) for pk in self.standing]
        self.fields["members"] = people_field(self.desk, [self.row.branch_id], standing)

    @property
    def standing(self) -> list[int]:
        """Who is in it now."""
        return sorted(TeamMember.objects.filter(team=self.row).values_list("user_id", flat=True))

    def shown(self) -> dict[str, Any]:
        return {"name": self.row.name, "members": self.standing}

    def change(self) -> Change:
        seen = self.seen_there
        offered = {int(pk) for pk, _ in self.fields["members"].choices}  # type: ignore[attr-defined]
        # Who is in the team and not to be chosen here (removed, or deactivated) stays in it.
        hidden = set(seen["members"]) - offered
        return ChangeTeam(
            account_id=self.account_id,
            team_id=self.row.pk,
            name=self.cleaned_data["name"],
            user_ids=frozenset(self.cleaned_data["members"]) | hidden,
            seen={"name": seen["name"]},
            seen_user_ids=frozenset(seen["members"]),
        )


class DeleteTeamForm(ChangeForm):
    """A team goes, with what is shared with it."""

    title = "Delete the team"
    help = "What is shared with it is shared with nobody then."
    danger = True
    needs = ("manage_teams",)

    def change(self) -> Change:
        return DeleteTeam(account_id=self.account_id, team_id=self.row.pk)


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
    search_help_text = "A name."
    ordering = ("name", "pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("branch").annotate(places=Count("members"))

    @display(description="Team")
    def team(self, team: Team) -> str:
        """What it is called."""
        return team.name

    @display(description="Branch")
    def on(self, team: Team) -> str:
        """Where it is."""
        return team.branch.name

    @display(description="Members")
    def size(self, team: Any) -> str:
        """How many are in it."""
        return str(team.places)

    def more(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Who is in it."""
        places = TeamMember.objects.filter(team=row).select_related("user").order_by("user__name")
        lines = [{"title": str(place.user)} for place in places]
        return {"parts": [{"title": "Members", "lines": lines, "empty": "Nobody yet."}]}


# Branches


class AddBranchForm(ChangeForm):
    """A new branch."""

    title = "Open a branch"
    help = "It has no members yet: add them, or invite them."
    needs = ("add_branch",)

    def build(self) -> None:
        self.fields["name"] = name_field()

    def change(self) -> Change:
        name = self.cleaned_data["name"]
        return CreateBranch(account_id=self.account_id, slug=slugify(name)[:LONGEST_SLUG], name=name)


class OpenBranchForm(ChangeForm):
    """A change of a branch that is open."""

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == Branch.Status.ACTIVE)


class RenameBranchForm(OpenBranchForm):
    """Another name."""

    title = "Change name"
    needs = ("change_branch",)
    columns = ("name",)

    def build(self) -> None:
        self.fields["name"] = name_field(self.row.name)

    def change(self) -> Change:
        return ChangeBranch(
            account_id=self.account_id, branch_id=self.row.pk, name=self.cleaned_data["name"], seen=self.seen_values
        )


class CloseBranchForm(OpenBranchForm):
    """It is closed, with what becomes of its records."""

    title = "Close the branch"
    help = "Its memberships give nothing from then on. Records that stay are reached by parent roles alone."
    danger = True
    needs = ("delete_branch",)

    def build(self) -> None:
        others = [branch for branch in self.desk.branches if branch.pk != self.row.pk]
        self.fields["records_to"] = id_field(branches(others), label="Its records move to", required=False)
        self.fields["records_to"].choices[0] = ("", "Nowhere: they stay with it")  # type: ignore[attr-defined]

    def change(self) -> Change:
        return CloseBranch(
            account_id=self.account_id, branch_id=self.row.pk, records_to=self.cleaned_data["records_to"]
        )


class ReopenBranchForm(ChangeForm):
    """It is opened again, with the members that it had."""

    title = "Open it again"
    needs = ("delete_branch",)

    @classmethod
    def applies(cls, desk: Desk, row: Any) -> bool:
        return bool(row.status == Branch.Status.CLOSED)

    def change(self) -> Change:
        return ReopenBranch(account_id=self.account_id, branch_id=self.row.pk)


class BranchAdmin(AccessTableAdmin):
    """The branches of the account; closed ones for those whose parent role reaches them."""

    views = "view_branch"
    adds = AddBranchForm
    acts: ClassVar[Mapping[str, type[ChangeForm]]] = {
        "name": RenameBranchForm,
        "close": CloseBranchForm,
        "reopen": ReopenBranchForm,
    }
    list_display = ("branch_", "state")
    search_fields = ("name",)
    search_help_text = "A name."
    ordering = ("name", "pk")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        desk = desk_of(request)
        rows = Branch.objects.filter(account=desk.account_id)
        found = rows.filter(pk__in=[branch.pk for branch in desk.branches_where(self.views)])
        mandate = desk.mandate
        by_parent_role = mandate is not None and mandate.allows(self.views, 0)
        return found | rows.filter(status=Branch.Status.CLOSED) if by_parent_role else found

    @display(description="Branch")
    def branch_(self, branch: Branch) -> str:
        """What it is called."""
        return branch.name

    @display(description="State")
    def state(self, branch: Branch) -> str:
        """Whether it is open."""
        return str(branch.get_status_display())

    def more(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Where its members are."""
        desk = desk_of(request)
        if row.status != Branch.Status.ACTIVE or not desk.may("view_members", row):
            return {}
        link = f"{reverse('admin:teams_membership_changelist')}?branch={row.pk}"
        teams = Team.objects.filter(branch=row).order_by("name")
        lines = [{"title": team.name, "link": reverse("admin:teams_team_change", args=[team.pk])} for team in teams]
        part = {"title": "Teams", "lines": lines, "empty": "None yet.", "link": link, "link_title": "Its members"}
        return {"parts": [part]}
