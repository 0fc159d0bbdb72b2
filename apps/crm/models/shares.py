"""The tables of shares: which user or team has been given a permission on which very record.

They are written by the functions that change access. Activities have no shares: they follow what they are about.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.access.shares import TeamShare, UserShare, register
from apps.crm.models.clients import Company, Contact
from apps.crm.models.sales import Lead, Opportunity
from apps.crm.models.work import Task


def _reasoned(name: str) -> list[models.BaseConstraint]:
    return [models.CheckConstraint(condition=~Q(reason__regex=r"^\s*$"), name=f"{name}_has_a_reason")]


class CompanyUserShare(UserShare):
    """A company shared with a user."""

    content_object = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="user_shares", db_constraint=False
    )

    class Meta(UserShare.Meta):
        """Allow each permission once."""

        constraints = _reasoned("companyusershare")


class CompanyTeamShare(TeamShare):
    """A company shared with a team."""

    content_object = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="team_shares", db_constraint=False
    )

    class Meta(TeamShare.Meta):
        """Allow each permission once."""

        constraints = _reasoned("companyteamshare")


class ContactUserShare(UserShare):
    """A contact shared with a user."""

    content_object = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="user_shares", db_constraint=False
    )

    class Meta(UserShare.Meta):
        """Allow each permission once."""

        constraints = _reasoned("contactusershare")


class ContactTeamShare(TeamShare):
    """A contact shared with a team."""

    content_object = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="team_shares", db_constraint=False
    )

    class Meta(TeamShare.Meta):
        """Allow each permission once."""

        constraints = _reasoned("contactteamshare")


class LeadUserShare(UserShare):
    """A lead shared with a user."""

    content_object = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="user_shares", db_constraint=False)

    class Meta(UserShare.Meta):
        """Allow each permission once."""

        constraints = _reasoned("leadusershare")


class LeadTeamShare(TeamShare):
    """A lead shared with a team."""

    content_object = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="team_shares", db_constraint=False)

    class Meta(TeamShare.Meta):
        """Allow each permission once."""

        constraints = _reasoned("leadteamshare")


class OpportunityUserShare(UserShare):
    """An opportunity shared with a user."""

    content_object = models.ForeignKey(
        Opportunity, on_delete=models.CASCADE, related_name="user_shares", db_constraint=False
    )

    class Meta(UserShare.Meta):
        """Allow each permission once."""

        constraints = _reasoned("opportunityusershare")


class OpportunityTeamShare(TeamShare):
    """An opportunity shared with a team."""

    content_object = models.ForeignKey(
        Opportunity, on_delete=models.CASCADE, related_name="team_shares", db_constraint=False
    )

    class Meta(TeamShare.Meta):
        """Allow each permission once."""

        constraints = _reasoned("opportunityteamshare")


class TaskUserShare(UserShare):
    """A task shared with a user."""

    content_object = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="user_shares", db_constraint=False)

    class Meta(UserShare.Meta):
        """Allow each permission once."""

        constraints = _reasoned("taskusershare")


class TaskTeamShare(TeamShare):
    """A task shared with a team."""

    content_object = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="team_shares", db_constraint=False)

    class Meta(TeamShare.Meta):
        """Allow each permission once."""

        constraints = _reasoned("taskteamshare")


register("company", CompanyUserShare, CompanyTeamShare)
register("contact", ContactUserShare, ContactTeamShare)
register("lead", LeadUserShare, LeadTeamShare)
register("opportunity", OpportunityUserShare, OpportunityTeamShare)
register("task", TaskUserShare, TaskTeamShare)
