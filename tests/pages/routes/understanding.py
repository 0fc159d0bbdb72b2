"""The matrix, and why."""

from tests.pages.table import Route

SEES = "view_member_permissions"
ROUTES = [
    Route("a/<slug:account>/matrix/", permission=SEES),
    Route("a/<slug:account>/matrix/export/", "POST", permission=SEES, data={"file": "csv"}),
    Route("a/<slug:account>/why/", permission=SEES),
]
