"""The first pages."""

from tests.pages.table import OpenRoute, Route

ROUTES = [Route("a/<slug:account>/")]
OPEN = [
    OpenRoute(""),
    OpenRoute("account/<slug:slug>/", signed_in=405, path="account/nothing/"),
    OpenRoute("account/<slug:slug>/", "POST", signed_in=404, path="account/nothing/"),
]
