"""Viewing as another member."""

from collections.abc import Mapping
from typing import Any

from apps.accounts.models import Branch, User
from tests.factories import MembershipFactory
from tests.pages.table import OpenRoute, Route

ADDRESS = "a/<slug:account>/members/<int:member>/view-as/"
NEEDS = "manage_member_permissions"


def viewed(branch: Branch, user: User) -> Mapping[str, Any]:
    """Another member of the branch."""
    return {"member": MembershipFactory(branch=branch).user_id}


ROUTES = [
    Route(ADDRESS, permission=NEEDS, row="viewed"),
    Route(ADDRESS, "POST", permission=NEEDS, row="viewed", data={"reason": "She asks"}, right=302),
]
OPEN = [OpenRoute("viewing/stop/", "POST", signed_in=302)]
ROWS = {"viewed": viewed}
