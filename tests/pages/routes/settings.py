"""The settings of an account."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from apps.accounts.models import Branch, User
from apps.crm.models import CallResult, LeadStatus, OpportunityStatus, Source
from apps.crm.models.customisation import ListEntry
from tests.pages.table import Maker, Route

BASE = "a/<slug:account>/settings/"
CHANGES, LISTS, DELETES = "change_account", "manage_statuses", "delete_account"
_NUMBERS = count(1)
BRANCH = f"{BASE}branches/<slug:branch>/<slug:act>/"


def a_branch(branch: Branch, user: User) -> Mapping[str, Any]:
    """The branch itself, to be renamed."""
    return {"branch": f"{branch.slug}", "act": "rename"}


def entry_of(model: type[ListEntry]) -> Maker:
    """A maker of an entry of a list."""
    return lambda branch, user: {
        "entry": model._default_manager.create(account=branch.account, name=f"Anew {next(_NUMBERS)}").pk
    }


MODELS: dict[str, type[ListEntry]] = {
    "lead-statuses": LeadStatus,
    "opportunity-statuses": OpportunityStatus,
    "sources": Source,
    "call-results": CallResult,
}


def _form(pattern: str, permission: str, row: str = "", **sent: str) -> list[Route]:
    """The page of a form, and what is sent from it without its reason."""
    return [Route(pattern, "GET", permission, row=row), Route(pattern, "POST", permission, row=row, data=sent)]


def _list(key: str) -> list[Route]:
    """The addresses of one of the lists that the account keeps."""
    of = f"{BASE}{key}/"
    return [
        *_form(of, LISTS),
        *_form(f"{of}<int:entry>/", LISTS, key),
        Route(f"{of}<int:entry>/arrange/", "POST", LISTS, right=302, row=key, data={"act": "retire"}),
        Route(f"{of}<int:entry>/delete/", "GET", LISTS, row=key),
        Route(f"{of}<int:entry>/delete/", "POST", LISTS, right=302, row=key, data={"sure": "yes"}),
    ]


ROUTES = [
    Route(BASE),
    *_form(f"{BASE}account/", CHANGES, name="Anew", currency="EUR"),
    Route(f"{BASE}branches/", permission="view_branch"),
    *_form(f"{BASE}branches/new/", "add_branch", name="South"),
    *_form(BRANCH, "view_branch", "branch", name="South"),
    *_form(f"{BASE}system/", CHANGES, to="atmos"),
    *_form(f"{BASE}ownership/", "transfer_account"),
    *_form(f"{BASE}closing/", DELETES, name="Acme"),
    Route(f"{BASE}closing/export/", "GET", DELETES, right=405),
    Route(f"{BASE}closing/export/", "POST", DELETES),
    *(route for key in MODELS for route in _list(key)),
]
ROWS = {"branch": a_branch, **{key: entry_of(model) for key, model in MODELS.items()}}
NOTHING = {"branch": "there-is-no-such-branch", "act": "rename"}
