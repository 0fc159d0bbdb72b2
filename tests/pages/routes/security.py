"""What the account asks of people when they sign in."""

from tests.pages.table import Route

ROUTES = [
    Route("a/<slug:account>/settings/second-factor/", permission="change_account"),
    Route("a/<slug:account>/settings/second-factor/", "POST", permission="change_account", data={"who": "nobody"}),
]
