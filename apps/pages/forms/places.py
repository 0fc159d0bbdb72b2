"""Branches and teams: made, changed, closed."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import AccessContext
from apps.accounts.models import Branch
from apps.audit.text import SingleLineInput
from apps.changes.base import Change
from apps.changes.branches import ChangeBranch, CloseBranch, CreateBranch, ReopenBranch
from apps.changes.teams import AddTeam, ChangeTeam, DeleteTeam
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import branches, id_field
from apps.pages.forms.picker import PeopleField
from apps.pages.forms.pool import PickablePeople
from apps.teams.models import TeamMember

LONGEST_NAME = 100
LONGEST_SLUG = 60
SEES_BRANCH = "view_branch"


def name_field(initial: str = "") -> SingleLineInput:
    """The name of a branch or a team."""
    return SingleLineInput(label=_("Name"), max_length=LONGEST_NAME, initial=initial)


class AddTeamForm(ChangeForm):
    """A new team."""

    title = gettext_lazy("Add team")
    needs = ("manage_teams",)

    def build(self) -> None:
        allowed = self.access.branches_where("manage_teams")
        self.fields["name"] = name_field()
        self.fields["branch"] = id_field(branches(allowed), label=_("Branch"))
        self.fields["members"] = PeopleField(
            PickablePeople(self.access, on=frozenset(branch.pk for branch in allowed)), label=_("Members")
        )

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

    title = gettext_lazy("Edit team")
    needs = ("manage_teams",)

    def build(self) -> None:
        self.fields["name"] = name_field(self.row.name)
        colleagues = PickablePeople(self.access, on=frozenset([self.row.branch_id]))
        self.fields["members"] = PeopleField(colleagues, label=_("Members"), initial=self.standing)

    @property
    def standing(self) -> list[int]:
        """Return the ids of its members."""
        return sorted(TeamMember.objects.filter(team=self.row).values_list("user_id", flat=True))

    def shown(self) -> dict[str, Any]:
        return {"name": self.row.name, "members": self.standing}

    def change(self) -> Change:
        seen = self.seen_there
        colleagues = PickablePeople(self.access, on=frozenset([self.row.branch_id]))
        # Who is in the team and not to be chosen here (removed, or deactivated) stays in it.
        hidden = set(seen["members"]) - {person.pk for person in colleagues.among(seen["members"])}
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

    title = gettext_lazy("Delete team")
    help = gettext_lazy("Its members lose access to the records shared with it.")
    danger = True
    needs = ("manage_teams",)

    def change(self) -> Change:
        return DeleteTeam(account_id=self.account_id, team_id=self.row.pk)


def branches_in_sight(access: AccessContext) -> QuerySet[Branch]:
    """The branches whose settings the person may see; closed ones for those whose parent role reaches them."""
    rows = Branch.objects.filter(account=access.account_id)
    matching = rows.filter(pk__in=[branch.pk for branch in access.branches_where(SEES_BRANCH)])
    mandate = access.mandate
    by_parent_role = mandate is not None and mandate.allows(SEES_BRANCH, 0)
    return matching | rows.filter(status=Branch.Status.CLOSED) if by_parent_role else matching


class AddBranchForm(ChangeForm):
    """A new branch."""

    title = gettext_lazy("Add branch")
    help = gettext_lazy("The branch starts without members. Add or invite them afterwards.")
    needs = ("add_branch",)

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        assert access.account is not None
        system = access.account.role_system
        return (
            ""
            if system.many_branches
            else _("%(system)s has one branch only. Add teams instead.") % {"system": system.name}
        )

    def build(self) -> None:
        self.fields["name"] = name_field()

    def change(self) -> Change:
        name = self.cleaned_data["name"]
        return CreateBranch(account_id=self.account_id, slug=slugify(name)[:LONGEST_SLUG], name=name)


class OpenBranchForm(ChangeForm):
    """A change of a branch that is open."""

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == Branch.Status.ACTIVE)


class RenameBranchForm(OpenBranchForm):
    """Another name."""

    title = gettext_lazy("Change name")
    needs = ("change_branch",)
    columns = ("name",)

    def build(self) -> None:
        self.fields["name"] = name_field(self.row.name)

    def change(self) -> Change:
        return ChangeBranch(
            account_id=self.account_id, branch_id=self.row.pk, name=self.cleaned_data["name"], seen=self.seen_values
        )


class CloseBranchForm(OpenBranchForm):
    """Close a branch, with the destination of its records."""

    title = gettext_lazy("Close branch")
    help = gettext_lazy("Its members lose access immediately. Only parent roles still reach records that stay there.")
    danger = True
    needs = ("delete_branch",)

    def build(self) -> None:
        others = [branch for branch in self.access.branches if branch.pk != self.row.pk]
        self.fields["records_to"] = id_field(branches(others), label=_("Move records to"), required=False)
        self.fields["records_to"].choices[0] = ("", _("Don’t move them"))  # type: ignore[attr-defined]

    def change(self) -> Change:
        return CloseBranch(
            account_id=self.account_id, branch_id=self.row.pk, records_to=self.cleaned_data["records_to"]
        )


class ReopenBranchForm(ChangeForm):
    """Reopen a branch with its members."""

    title = gettext_lazy("Reopen branch")
    needs = ("delete_branch",)

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == Branch.Status.CLOSED)

    def change(self) -> Change:
        return ReopenBranch(account_id=self.account_id, branch_id=self.row.pk)
