"""Members, invitations, parent roles, teams."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from apps.accounts.models import Branch, User
from apps.teams.models import Invitation, Membership
from tests.factories import MEMBER_ROLES, MembershipFactory, ParentMembershipFactory, TeamFactory, published
from tests.pages.table import Route

BASE = "a/<slug:account>/"
MEMBERS = f"{BASE}members/"
INVITES, REMOVES, MANAGES = "invite_members", "remove_members", "manage_teams"


def member(branch: Branch, user: User) -> Mapping[str, Any]:
    """Another member of the branch."""
    return {"member": MembershipFactory(branch=branch).user_id}


def removed(branch: Branch, user: User) -> Mapping[str, Any]:
    """A removed member of the branch."""
    gone = MembershipFactory(branch=branch, status=Membership.Status.REMOVED)
    return {"member": gone.user_id, "branch": branch.slug}


def own_place(branch: Branch, user: User) -> Mapping[str, Any]:
    """The branch of the one who asks."""
    return {"branch": branch.slug}


def holder(branch: Branch, user: User) -> Mapping[str, Any]:
    """A member with a parent role."""
    return {
        "member": ParentMembershipFactory(account=branch.account, user=MembershipFactory(branch=branch).user).user_id
    }


def team(branch: Branch, user: User) -> Mapping[str, Any]:
    """A team of the branch."""
    return {"team": TeamFactory(branch=branch, members=[user]).pk}


def invitation(branch: Branch, user: User) -> Mapping[str, Any]:
    """An invitation to the branch that waits."""
    made = Invitation.objects.create(
        account=branch.account,
        branch=branch,
        role=published(branch.account.scheme, MEMBER_ROLES[branch.account.scheme]),
        email=f"{uuid4().hex}@example.com",
        token_digest=uuid4().hex,
        expires_at=timezone.now() + timedelta(days=7),
    )
    return {"invitation": made.pk}


ROWS = {
    "member": member,
    "removed": removed,
    "own place": own_place,
    "holder": holder,
    "team": team,
    "invitation": invitation,
}


def both(pattern: str, permission: str = "", row: str = "", **options: Any) -> list[Route]:
    """A page with a form, looked at and sent without all that it needs."""
    return [
        Route(pattern, permission=permission, row=row, **options),
        Route(pattern, "POST", permission=permission, row=row, data={"reason": "Asked for"}, **options),
    ]


ROUTES = [
    Route(f"{BASE}people/"),
    Route(MEMBERS, permission="view_members"),
    Route(f"{MEMBERS}invited/", permission="view_members"),
    Route(f"{MEMBERS}restore/", permission="view_members"),
    Route(f"{MEMBERS}<int:member>/", permission="view_members", row="member"),
    *both(f"{MEMBERS}role/", "change_roles"),
    *both(f"{MEMBERS}add/", "add_to_branches"),
    *both(f"{MEMBERS}<int:member>/name/", "change_members", "member"),
    *both(f"{MEMBERS}<int:member>/second-factor/", "reset_mfa", "member"),
    *both(f"{MEMBERS}<int:member>/role/<slug:branch>/", "change_roles", "colleague"),
    *both(f"{MEMBERS}<int:member>/remove/", REMOVES, "member"),
    *both(f"{MEMBERS}<int:member>/restore/<slug:branch>/", REMOVES, "removed"),
    *both(f"{MEMBERS}<int:member>/delete/<slug:branch>/", REMOVES, "removed"),
    *both(f"{BASE}leave/<slug:branch>/", row="own place"),
    *both(f"{BASE}invitations/new/", INVITES),
    *both(f"{BASE}invitations/<int:invitation>/resend/", INVITES, "invitation"),
    *both(f"{BASE}invitations/<int:invitation>/cancel/", INVITES, "invitation"),
    Route(f"{BASE}parent-roles/", permission="view_parent_roles"),
    *both(f"{BASE}parent-roles/grant/", "view_parent_roles"),
    *both(f"{BASE}parent-roles/<int:member>/change/", "view_parent_roles", "holder"),
    *both(f"{BASE}parent-roles/<int:member>/revoke/", "view_parent_roles", "holder"),
    Route(f"{BASE}teams/", permission="view_members"),
    Route(f"{BASE}teams/<int:team>/", permission="view_members", row="team"),
    *both(f"{BASE}teams/new/", MANAGES),
    *both(f"{BASE}teams/<int:team>/change/", MANAGES, "team"),
    *both(f"{BASE}teams/<int:team>/delete/", MANAGES, "team"),
]
