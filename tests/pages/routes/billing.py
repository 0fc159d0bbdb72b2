"""The pages of billing. An account without a subscription has no plan to choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.accounts.models import Branch, User
from tests.billing.cases import begin, invoices
from tests.pages.table import OpenRoute, Route

BASE = "a/<slug:account>/billing/"


def _payer(branch: Branch, user: User) -> Mapping[str, Any]:
    return {"payer": begin(branch.account).pk}


def _invoice(branch: Branch, user: User) -> Mapping[str, Any]:
    begin(branch.account)
    return {"reference": invoices(branch.account)[0].reference}


def _subscription(branch: Branch, user: User) -> Mapping[str, Any]:
    begin(branch.account)
    return {}


ROWS = {"payer": _payer, "invoice": _invoice, "subscription": _subscription}
OPEN = [OpenRoute("billing/webhook/", "POST", signed_in=400, signed_out=400)]
NOTHING = {"reference": "M-999999999"}
ROUTES = [
    Route(BASE, permission="view_billing"),
    Route(f"{BASE}invoices/", permission="view_billing"),
    Route(f"{BASE}invoices/<slug:reference>/", permission="view_billing", row="invoice"),
    Route(f"{BASE}invoices/<slug:reference>/pdf/", permission="view_billing", row="invoice"),
    Route(f"{BASE}payers/<int:payer>/", permission="manage_billing", row="payer"),
    Route(f"{BASE}payers/<int:payer>/", "POST", permission="manage_billing", row="payer", data={"reason": "A"}),
    Route(f"{BASE}payers/<int:payer>/method/", permission="manage_billing", row="payer", right=302),
    Route(
        f"{BASE}payers/<int:payer>/method/",
        "POST",
        permission="manage_billing",
        row="payer",
        right=302,
        data={"a": "b"},
    ),
    Route(f"{BASE}begin/", permission="manage_subscription"),
    Route(f"{BASE}begin/", "POST", permission="manage_subscription", data={"reason": "A"}),
    *(
        Route(f"{BASE}{name}/", method, permission="manage_subscription", row="subscription", data=data)
        for name in ("plan", "how", "cancel")
        for method, data in (("GET", {}), ("POST", {"reason": "A"}))
    ),
]
