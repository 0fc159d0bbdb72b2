"""Requests for access."""

from collections.abc import Mapping
from typing import Any

from apps.access.models import AccessRequest
from apps.accounts.models import Branch, User
from tests.factories import MembershipFactory
from tests.pages.table import Route

ONE = "a/<slug:account>/requests/<int:asked>/"
ACT = "a/<slug:account>/requests/<int:asked>/<slug:act>/"
NEW = "a/<slug:account>/requests/new/"


def asked_by(branch: Branch, user: User) -> AccessRequest:
    """A request that waits."""
    return AccessRequest.objects.create(
        account=branch.account, branch=branch, user=user, permission="delete_lead", message="For the clean-up"
    )


def request(branch: Branch, user: User) -> Mapping[str, Any]:
    """Another member's request."""
    return {"asked": asked_by(branch, MembershipFactory(branch=branch).user).pk}


def approval(branch: Branch, user: User) -> Mapping[str, Any]:
    """Its approval."""
    return {**request(branch, user), "act": "approve"}


ROUTES = [
    Route("a/<slug:account>/requests/"),
    Route(NEW),
    Route(NEW, "POST", data={"reason": "Needs it", "scope": "all"}),
    Route(ONE, row="request"),
    Route(ACT, row="approval"),
    Route(ACT, "POST", row="approval", data={"reason": "Needs it"}),
]
ROWS = {"request": request, "approval": approval}
NOTHING = {"act": "approve"}
