"""Who sees one record."""

from collections.abc import Mapping
from typing import Any

from apps.accounts.models import Branch, User
from tests.factories import LeadFactory
from tests.pages.table import Route

ADDRESS = "a/<slug:account>/access/<slug:kind>/<path:reference>/"


def lead(branch: Branch, user: User) -> Mapping[str, Any]:
    """A lead, by its reference; others' references are as likely, so a rare one."""
    record = LeadFactory(branch=branch)
    reference = f"L-{branch.account.slug}/{record.pk}"
    type(record).objects.filter(pk=record.pk).update(reference=reference)
    return {"kind": "lead", "reference": reference}


ROUTES = [
    Route(ADDRESS, permission="view_access_history", row="seen_lead"),
    Route(ADDRESS, "POST", permission="view_access_history", row="seen_lead", data={"reason": "Asked for"}),
]
ROWS = {"seen_lead": lead}
NOTHING = {"kind": "lead", "reference": "L-0"}
