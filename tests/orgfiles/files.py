"""An organisation file that says a little of everything, and how the tests read and change it."""

from copy import deepcopy
from io import BytesIO
from typing import Any

import pytest
from django.apps import apps

from apps.orgfiles import organisation
from apps.orgfiles.organisation import InvalidOrganisation, Organisation

ANN, BEN, CEM, DORA, ZOE = (f"{name}@acme.example" for name in ("ann", "ben", "cem", "dora", "zoe"))

ACME: dict[str, Any] = {
    "mandate": 1,
    "account": {"slug": "acme", "name": "Acme Ltd", "scheme": "atlas", "currency": "EUR"},
    "users": [
        {"email": ANN, "name": "Ann Archer", "password": "a secret of Ann's", "active": True, "staff": True},
        {"email": BEN, "name": "Ben Baker"},
        {"email": CEM, "name": "Cem Clark", "active": False},
        {"email": DORA, "name": "Dora Dahl"},
        {"email": ZOE, "name": "Zoe Zimmer"},
    ],
    "branches": [
        {
            "slug": "north",
            "name": "North",
            "teams": [{"slug": "sales", "name": "Sales", "members": [ANN, BEN]}, {"slug": "field", "name": "Field"}],
        },
        {"slug": "south", "name": "South", "teams": [{"slug": "sales", "name": "Sales", "members": [CEM]}]},
    ],
    "members": [
        {"user": ANN, "branch": "north", "role": "owner", "status": "active"},
        {"user": BEN, "branch": "north", "role": "member"},
        {"user": BEN, "branch": "south", "role": "admin"},
        {"user": CEM, "branch": "south", "role": "member", "status": "removed"},
    ],
    "parent_roles": [{"user": ZOE, "role": "viewer"}],
    "overrides": [
        {"user": BEN, "branch": "north", "permission": "manage_billing", "scope": "all", "reason": "Covers for Ann"},
        {
            "user": BEN,
            "branch": "north",
            "permission": "crm.delete_lead",
            "scope": ["created", "team"],
            "reason": "For the spring campaign",
            "expires": "2027-01-31T00:00:00Z",
        },
    ],
    "custom_fields": [
        {"type": "company", "key": "fleet", "name": "Vehicles", "kind": "number", "required": True},
        {"type": "company", "key": "since", "name": "Client since", "kind": "date", "help": "The first invoice"},
        {"type": "company", "key": "motto", "name": "Motto", "kind": "text", "offered": False},
        {"type": "company", "key": "vip", "kind": "flag"},
        {"type": "company", "key": "shop", "kind": "url"},
        {"type": "company", "key": "story", "kind": "long_text"},
        {"type": "lead", "key": "segment", "kind": "choice", "choices": ["Retail", "B2B"], "former_choices": ["no"]},
        {"type": "lead", "key": "topics", "kind": "choices", "choices": ["Printers", "Paper, A4", "Toner"]},
    ],
    "records": [
        {
            "type": "company",
            "ref": "C-1",
            "branch": "north",
            "name": "Initech",
            "responsible": BEN,
            "created_by": ANN,
            "emails": ["Office@Initech.example"],
            "phones": ["030 1234567"],
            "country": "DE",
            "size": "10-49",
            "source": "Referral",
            "tags": ["Key Account"],
            "custom": {
                "fleet": "12.50",
                "since": "2019-04-01",
                "motto": "on",
                "vip": False,
                "shop": "https://initech.example/shop?a=1&b=2",
                "story": "Two lines:\n- the second",
            },
        },
        {
            "type": "contact",
            "ref": "P-1",
            "branch": "north",
            "name": "Peter",
            "company": "C-1",
            "responsible": BEN,
            "created_by": BEN,
            "private": True,
        },
        {"type": "contact", "ref": "P-2", "branch": "south", "name": "Paula", "company": "C-1", "created_by": CEM},
        {"type": "lead", "ref": "L-17", "branch": "north", "name": "Printers", "value": "1200.50", "status": "Warm"}
        | {"custom": {"segment": "no", "topics": ["Toner", "Paper, A4"]}},
        {
            "type": "opportunity",
            "ref": "O-1",
            "branch": "south",
            "name": "Staplers",
            "lead": "L-17",
            "amount": "99.90",
            "currency": "USD",
            "probability": 40,
            "close_date": "2027-03-01",
        },
        {
            "type": "task",
            "ref": "T-1",
            "branch": "north",
            "name": "Call back",
            "about": "contact/P-1",
            "responsible": BEN,
            "done": False,
            "priority": "high",
            "due_at": "2027-02-01T09:00:00+01:00",
        },
        {"type": "task", "ref": "T-2", "branch": "south", "name": "Stock up", "done": True, "done_by": CEM},
        {"type": "activity", "ref": "N-1", "branch": "north", "kind": "note", "about": "company/C-1", "body": "Hi"},
    ],
    "shares": [
        {"record": "company/C-1", "user": DORA, "permissions": ["view", "change"], "reason": "Second accountant"},
        {"record": "company/C-1", "team": "north/sales", "permissions": ["view"], "reason": "Team account"},
    ],
}


def acme(**changed: Any) -> dict[str, Any]:
    """A copy of the organisation, with some of its sections in place of its own."""
    return deepcopy(ACME) | changed


def read(text: str) -> Organisation:
    """The organisation in a text."""
    file = BytesIO(text.encode())
    file.name = "acme.yaml"
    return organisation.load(file)


def refusals(data: dict[str, Any] | str) -> list[str]:
    """Why the organisation is refused, line by line, whether it is when read or when created."""
    with pytest.raises(InvalidOrganisation) as refused:
        organisation.create(read(data) if isinstance(data, str) else organisation.parse(data))
    return refused.value.lines


def counts() -> dict[str, int]:
    """How many rows each table has."""
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}
