"""Roles."""

from collections.abc import Mapping
from typing import Any

from apps.accounts.models import Branch, User
from tests.factories import OwnRoleFactory
from tests.pages.table import Route

BASE = "a/<slug:account>/roles/"


def own_role(branch: Branch, user: User) -> Mapping[str, Any]:
    """A role of the account's own."""
    return {"key": OwnRoleFactory(account=branch.account).key}


ROUTES = [
    Route(BASE, permission="view_members"),
    Route(f"{BASE}definitions/export/", permission="view_members"),
    Route(f"{BASE}definitions/import/", permission="manage_roles"),
    Route(f"{BASE}definitions/import/", "POST", permission="manage_roles", data={"reason": "Asked for"}),
    Route(f"{BASE}<slug:key>/", permission="view_members", row="own role"),
    *(
        Route(f"{BASE}<slug:key>/{page}/", method, permission="manage_roles", row="own role", data=data)
        for page in ("copy", "edit", "delete")
        for method, data in (("GET", {}), ("POST", {"reason": "Asked for"}))
    ),
]
ROWS = {"own role": own_role}
NOTHING = {"key": "there-is-no-such-role"}
