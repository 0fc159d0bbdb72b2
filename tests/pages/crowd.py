"""An account with many people: branches, teams, overrides, invitations, requests, records, and a log of it all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from apps.access.models import AccessRequest
from apps.accounts.models import Account, Branch, User
from apps.audit.services import operation
from apps.roles.models import Role
from apps.teams.models import Invitation, Membership
from tests.admin.people import everything, make, staff
from tests.factories import (
    FACTORIES,
    AccountFactory,
    BranchFactory,
    MembershipFactory,
    OverrideFactory,
    OwnRoleFactory,
    ParentMembershipFactory,
    TeamFactory,
    UserFactory,
    share,
)

MEMBERS = 60
TEAM = 6
ROLES = ("member", "admin", "member", "owner", "member")
OVERRIDDEN = ("view_lead", "export_records", "view_contact")


@dataclass(frozen=True)
class Crowd:
    """The account, its branches, and a member with every permission on each of them."""

    account: Account
    branches: tuple[Branch, ...]
    viewer: User

    def grow(self, members: int = MEMBERS) -> None:
        """So many more members, and of all else in proportion."""
        people = [UserFactory() for _ in range(members)]
        for number, user in enumerate(people):
            branch = self.branches[number % len(self.branches)]
            self._join(user, branch, number)
            self._records(user, branch, number)
        for start in range(0, members, TEAM):
            for branch in self.branches:
                TeamFactory(branch=branch, members=people[start : start + TEAM])
        for number in range(members // TEAM):
            self._invite(number)
            ParentMembershipFactory(account=self.account, user=people[number])
            OwnRoleFactory(account=self.account)

    def _join(self, user: User, branch: Branch, number: int) -> None:
        role = Role.objects.published(self.account.scheme).get(key=ROLES[number % len(ROLES)])
        with operation(verb="access.member.added", actor=self.viewer, reason=f"Number {number} came"):
            removed = {"status": Membership.Status.REMOVED} if number % 10 == 9 else {}
            MembershipFactory(branch=branch, user=user, role=role, **removed)
        if number % 3 == 0:
            with operation(verb="access.override.set", actor=self.viewer, reason=f"Number {number} needs it"):
                OverrideFactory(branch=branch, user=user, permission=OVERRIDDEN[number % len(OVERRIDDEN)])
        if number % 4 == 0:
            AccessRequest.objects.create(
                account=self.account, branch=branch, user=user, permission="delete_lead", message="For the clean-up"
            )

    def _records(self, user: User, branch: Branch, number: int) -> None:
        for record_type in FACTORIES:
            record = make(record_type, branch, responsible=user, created_by=user)
            if record_type == "lead":
                make("task", branch, about=record, responsible=self.viewer)
                if number % 2:
                    share(record, user)

    def _invite(self, number: int) -> None:
        email = f"new-{Invitation.objects.count()}@example.com"
        Invitation.objects.create(
            account=self.account,
            branch=self.branches[number % len(self.branches)],
            role=Role.objects.published(self.account.scheme).get(key="member"),
            email=email,
            token_digest=f"digest of {email}",
            expires_at=timezone.now() + timedelta(days=7),
            invited_by=self.viewer,
        )


def make_crowd(members: int = MEMBERS) -> Crowd:
    """An account of three branches and so many members, with a limit to its seats, and its viewer."""
    account = AccountFactory(slug="crowd", name="Crowd", seats=10_000)
    branches = tuple(BranchFactory(account=account) for _ in range(3))
    viewer = staff(branches[0], everything(), name="Vera Viewer")
    role = Membership.objects.get(user=viewer).role
    for branch in branches[1:]:
        MembershipFactory(branch=branch, user=viewer, role=role)
    crowd = Crowd(account, branches, viewer)
    crowd.grow(members)
    return crowd
