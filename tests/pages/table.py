"""Every address outside of the admin: who may use it, and what it answers. One that is missing here fails a test.

Each module of `tests/pages/routes` has its part: `ROUTES`, and `ROWS`, which make what an address speaks of.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from apps.accounts.models import Branch, User
from tests.pages import routes

# What an address names, as its keyword arguments, made on a branch (of this account or of a foreign one).
Maker = Callable[[Branch, User], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address and method.

    `permission` is what it needs, empty where everybody who works in the account may. `right` is what somebody who
    holds every permission gets. `row` names the maker of what it speaks of; a foreign or unknown one is 404, like
    nothing. `data` is what is sent. `lacking` are further permissions that open the page, to be taken away for the
    wrong right.
    """

    pattern: str
    method: str = "GET"
    permission: str = ""
    right: int = 200
    row: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.pattern}"


@dataclass(frozen=True, slots=True)
class OpenRoute:
    """An address outside of any account: its answer to signed-in users and to strangers."""

    pattern: str
    method: str = "GET"
    signed_in: int = 200
    signed_out: int = 302
    path: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.pattern}"


ROUTES: list[Route] = []
OPEN: list[OpenRoute] = []
ROWS: dict[str, Maker] = {}
# What stands for a row that is not there, by the name of the argument.
NOTHING: dict[str, str] = {}

for _finder, _name, _package in pkgutil.iter_modules(routes.__path__):
    _part = import_module(f"{routes.__name__}.{_name}")
    ROUTES += getattr(_part, "ROUTES", [])
    OPEN += getattr(_part, "OPEN", [])
    ROWS |= getattr(_part, "ROWS", {})
    NOTHING |= getattr(_part, "NOTHING", {})
