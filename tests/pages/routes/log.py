"""The log of an account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.accounts.models import Branch, User
from apps.changes.overrides import SetOverride
from apps.roles.scopes import Scope
from tests.factories import MembershipFactory, UserFactory
from tests.pages.table import Route

SEES = "view_audit_log"


def operation(branch: Branch, user: User) -> Mapping[str, Any]:
    membership = MembershipFactory(branch=branch, user=UserFactory(), role="member")
    change = SetOverride(
        account_id=branch.account_id, membership_id=membership.pk, permission="view_lead", scope=Scope.NONE
    )
    return {"operation": change.apply(actor=None, reason="Not their leads").operation_id}


ROWS = {"operation": operation}
ROUTES = [
    Route("a/<slug:account>/audit/", permission=SEES),
    Route("a/<slug:account>/audit/export/", "GET", SEES, right=405),
    Route("a/<slug:account>/audit/export/", "POST", SEES, data={"file": "csv"}),
    Route("a/<slug:account>/audit/export/", "POST", SEES, right=404),
    Route("a/<slug:account>/audit/<int:operation>/", permission=SEES, row="operation"),
    Route("a/<slug:account>/audit/<int:operation>/undo/", permission=SEES, row="operation"),
    Route("a/<slug:account>/audit/<int:operation>/undo/", "POST", SEES, row="operation"),
]
