"""“Update permissions”."""

from collections.abc import Mapping
from typing import Any

from apps.accounts.models import Branch, User
from tests.factories import MembershipFactory
from tests.pages.table import Route

ADDRESS = "a/<slug:account>/members/<int:member>/permissions/<slug:branch>/"


def colleague(branch: Branch, user: User) -> Mapping[str, Any]:
    """Another member of the branch."""
    return {"member": MembershipFactory(branch=branch).user_id, "branch": branch.slug}


ROUTES = [
    Route(ADDRESS, permission="manage_member_permissions", row="colleague"),
    Route(ADDRESS, "POST", permission="manage_member_permissions", row="colleague", data={"reason": "Needs it"}),
]
ROWS = {"colleague": colleague}
