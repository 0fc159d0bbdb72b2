"""The settings of an account."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from apps.accounts.models import Branch, User
from apps.crm.models import CallResult, LeadStatus, OpportunityStatus, Pipeline, Source
from apps.crm.models.customisation import ListEntry
from tests.factories import CustomFieldFactory
from tests.pages.table import Maker, Route

BASE = "a/<slug:account>/settings/"
CHANGES, LISTS, DELETES = "change_account", "manage_statuses", "delete_account"
_NUMBERS = count(1)
OWN_FIELDS = "manage_custom_fields"
FIELDS = f"{BASE}custom-fields/"
BRANCH = f"{BASE}branches/<slug:branch>/<slug:act>/"


def a_branch(branch: Branch, user: User) -> Mapping[str, Any]:
    """The branch itself, to be renamed."""
    return {"branch": f"{branch.slug}", "act": "rename"}


def a_custom_field(branch: Branch, user: User) -> Mapping[str, Any]:
    """A field of the account's own."""
    return {"field": CustomFieldFactory(account=branch.account).pk}


def entry_of(model: type[ListEntry]) -> Maker:
    """A maker of an entry of a list."""
    return lambda branch, user: {
        "entry": model._default_manager.create(account=branch.account, name=f"Anew {next(_NUMBERS)}").pk
    }


def a_pipeline(branch: Branch, user: User) -> Mapping[str, Any]:
    """The list of a pipeline's statuses."""
    return {"pipeline": Pipeline.objects.create(account=branch.account, name=f"Anew {next(_NUMBERS)}").pk}


def a_status(branch: Branch, user: User) -> Mapping[str, Any]:
    """A status in a pipeline."""
    named = a_pipeline(branch, user)
    status = OpportunityStatus.objects.create(account=branch.account, pipeline_id=named["pipeline"], name="Anew")
    return {**named, "entry": status.pk}


MODELS: dict[str, type[ListEntry]] = {
    "lead-statuses": LeadStatus,
    "pipelines": Pipeline,
    "sources": Source,
    "call-results": CallResult,
}


def _form(pattern: str, permission: str, row: str = "", **sent: str) -> list[Route]:
    """The page of a form, and what is sent from it without its reason."""
    return [Route(pattern, "GET", permission, row=row), Route(pattern, "POST", permission, row=row, data=sent)]


def _list(of: str, row: str, inside: str = "") -> list[Route]:
    """The addresses of one of the lists that the account keeps; `inside` makes what the list itself is of."""
    return [
        *_form(of, LISTS, inside),
        *_form(f"{of}<int:entry>/", LISTS, row),
        Route(f"{of}<int:entry>/arrange/", "POST", LISTS, right=302, row=row, data={"act": "retire"}),
        Route(f"{of}<int:entry>/delete/", "GET", LISTS, row=row),
        Route(f"{of}<int:entry>/delete/", "POST", LISTS, right=302, row=row, data={"sure": "yes"}),
    ]


ROUTES = [
    Route(BASE),
    *_form(f"{BASE}account/", CHANGES, name="Anew", currency="EUR"),
    *_form(f"{BASE}preferences/", "manage_preferences", time_zone="Europe/Oslo"),
    Route(f"{BASE}branches/", permission="view_branch"),
    *_form(f"{BASE}branches/new/", "add_branch", name="South"),
    *_form(BRANCH, "view_branch", "branch", name="South"),
    *_form(f"{BASE}system/", CHANGES, to="atmos"),
    *_form(f"{BASE}ownership/", "transfer_account"),
    *_form(f"{BASE}closing/", DELETES, name="Acme"),
    Route(f"{BASE}closing/export/", "GET", DELETES, right=405),
    Route(f"{BASE}closing/export/", "POST", DELETES),
    *(route for key in MODELS for route in _list(f"{BASE}{key}/", key)),
    *_list(f"{BASE}pipelines/<int:pipeline>/statuses/", "pipeline-status", "pipeline"),
    *_form(FIELDS, OWN_FIELDS),
    *_form(f"{FIELDS}<int:field>/", OWN_FIELDS, "custom-field"),
    Route(f"{FIELDS}<int:field>/arrange/", "POST", OWN_FIELDS, right=302, row="custom-field", data={"act": "retire"}),
    Route(f"{FIELDS}<int:field>/delete/", "GET", OWN_FIELDS, row="custom-field"),
    Route(f"{FIELDS}<int:field>/delete/", "POST", OWN_FIELDS, right=302, row="custom-field", data={"sure": "yes"}),
]
ROWS = {
    "branch": a_branch,
    "custom-field": a_custom_field,
    "pipeline": a_pipeline,
    "pipeline-status": a_status,
    **{key: entry_of(model) for key, model in MODELS.items()},
}
NOTHING = {"branch": "there-is-no-such-branch", "act": "rename"}
