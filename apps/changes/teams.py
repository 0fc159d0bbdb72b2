"""Teams of a branch and their members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access import shares, verbs
from apps.accounts.models import Branch, validate_slug
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange, deleted, inserted, updated
from apps.changes.guards.judging import GuardTerms
from apps.changes.refusals import ChangedMeanwhile, NoSuchTarget
from apps.changes.values import checked
from apps.teams.models import Membership, Team, TeamMember


def open_branch(context: ChangeContext, branch_id: int) -> Branch:
    """Return an open branch of the account.

    Raises:
        NoSuchTarget: there is none with that id, or it is closed.
    """
    branch = context.branch(branch_id)
    if branch.status != Branch.Status.ACTIVE:
        raise NoSuchTarget(_("%(branch)s is closed.") % {"branch": branch})
    return branch


def team_of(context: ChangeContext, team_id: int) -> Team:
    """Return a team of the account, on an open branch.

    Raises:
        NoSuchTarget: there is none.
    """
    team = context.find(Team, team_id, _("team"))
    team.branch = open_branch(context, team.branch_id)
    return team


def places(context: ChangeContext, team: Team, user_ids: Iterable[int]) -> list[RowChange]:
    """Plan new team members.

    Raises:
        NoSuchTarget: a user is not an active member of the team's branch.
    """
    wanted = list(dict.fromkeys(user_ids))
    members = set(
        Membership.objects.active().filter(branch=team.branch_id, user__in=wanted).values_list("user", flat=True)
    )
    if strangers := [user_id for user_id in wanted if user_id not in members]:
        raise NoSuchTarget(
            ngettext(
                "%(number)s of the chosen people are not active members of %(branch)s.",
                "%(number)s of the chosen people are not active members of %(branch)s.",
                len(strangers),
            )
            % {"number": len(strangers), "branch": team.branch},
            _("Add them to the branch first."),
        )
    return [inserted(TeamMember(account=context.account, team=team, user_id=user_id)) for user_id in wanted]


@dataclass(frozen=True, kw_only=True)
class AddTeam(Change):
    """Create a team on a branch, with these members. Needs `manage_teams` there."""

    verb = verbs.TEAM_ADDED

    branch_id: int
    slug: str
    name: str
    user_ids: tuple[int, ...] = ()

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the team and its members."""
        branch = open_branch(context, self.branch_id)
        checked(validate_slug, self.slug, _("short name"))
        if Team.objects.filter(branch=branch, slug=self.slug).exists():
            raise NoSuchTarget(
                _("A team %(slug)s already exists on %(branch)s.") % {"slug": self.slug, "branch": branch},
                _("Choose another short name."),
            )
        team = Team(account=context.account, branch=branch, slug=self.slug, name=self.name.strip() or self.slug)
        return [Diff([inserted(team), *places(context, team, self.user_ids)])]


@dataclass(frozen=True, kw_only=True)
class ChangeTeam(Change):
    """Change a team's name or members. Needs `manage_teams` on its branch.

    None leaves a value unchanged; `seen_user_ids` are the members that the page showed.
    """

    verb = verbs.TEAM_CHANGED

    team_id: int
    name: str | None = None
    user_ids: frozenset[int] | None = None
    seen: Mapping[str, Any] | None = None
    seen_user_ids: frozenset[int] | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the team's row if it changes, and the members to delete and to add."""
        team = team_of(context, self.team_id)
        row_changes: list[RowChange] = []
        if self.name is not None and (self.name.strip() != team.name or self.seen is not None):
            row_changes.append(updated(team, name=self.name.strip() or team.name, seen=self.seen))
        if self.user_ids is not None:
            members = {place.user_id: place for place in TeamMember.objects.filter(team=team)}
            if self.seen_user_ids is not None and self.seen_user_ids != members.keys():
                raise ChangedMeanwhile(
                    _("%(team)s changed while you were editing.") % {"team": team},
                    {"members": (sorted(self.seen_user_ids), sorted(members))},
                )
            for user_id, place in members.items():
                place.team = team
                if user_id not in self.user_ids:
                    row_changes.append(deleted(place))
            row_changes += places(context, team, sorted(self.user_ids - members.keys()))
        return [Diff(row_changes)]


@dataclass(frozen=True, kw_only=True)
class DeleteTeam(Change):
    """Delete a team with its memberships and shares. Needs `manage_teams` on its branch."""

    verb = verbs.TEAM_DELETED
    terms = GuardTerms(needs=("manage_teams",))

    team_id: int

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the deletion of the shares, the members and the team."""
        team = team_of(context, self.team_id)
        row_changes: list[RowChange] = [deleted(share) for share in shares.of_group(team.group_id)]
        for place in TeamMember.objects.filter(team=team):
            place.team = team
            row_changes.append(deleted(place))
        return [Diff([*row_changes, deleted(team)])]
