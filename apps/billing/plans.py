"""What can be bought: plans as data (`plans.toml`), each with its features, its limits and its prices."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PLANS = Path(__file__).with_name("plans.toml")

FEATURES: Mapping[str, StrOrPromise] = {
    "branches": _("Several branches"),
    "automation": _("Automation"),
    "custom_roles": _("Custom roles"),
}


class Interval(StrEnum):
    """How long a period is."""

    MONTH = "month"
    YEAR = "year"

    @property
    def rank(self) -> int:
        """The longer, the higher."""
        return 12 if self is Interval.YEAR else 1


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan. `seats` and `audit_days` are limits, None is none; `prices` are a seat's, by interval and currency."""

    key: str
    name: str
    rank: int
    summary: str
    features: frozenset[str]
    seats: int | None
    audit_days: int | None
    prices: Mapping[tuple[Interval, str], Decimal]

    def price(self, interval: Interval, currency: str) -> Decimal:
        """What a seat costs for one interval, without tax.

        Raises:
            LookupError: the plan is not sold in that currency.
        """
        try:
            return self.prices[interval, currency]
        except KeyError:
            raise LookupError(f"{self.name} is not sold in {currency}.") from None

    @property
    def currencies(self) -> list[str]:
        """The currencies that it is sold in."""
        return sorted({currency for _, currency in self.prices})


@cache
def plans() -> Mapping[str, Plan]:
    """Every plan by key, the lowest first.

    Raises:
        ValueError: the file names a feature that nothing knows, or a price that is none.
    """
    found = (_plan(key, entry) for key, entry in tomllib.loads(PLANS.read_text()).items())
    return {plan.key: plan for plan in sorted(found, key=lambda plan: plan.rank)}


def plan(key: str) -> Plan:
    """The plan of that key.

    Raises:
        LookupError: there is none.
    """
    try:
        return plans()[key]
    except KeyError:
        raise LookupError(f"There is no plan “{key}”.") from None


def _plan(key: str, entry: Mapping[str, object]) -> Plan:
    features = frozenset(_mapping_or_list(entry, "features"))
    if unknown := features - FEATURES.keys():
        raise ValueError(f"{PLANS.name}: {key} has the unknown feature {', '.join(sorted(unknown))}.")
    limits = entry["limits"]
    if not isinstance(limits, dict):
        raise ValueError(f"{PLANS.name}: the limits of {key} are no table.")
    prices = {
        (interval, currency): Decimal(price)
        for interval in Interval
        for currency, price in _mapping_or_list(entry, interval).items()  # type: ignore[union-attr] # a table
    }
    if any(price < 0 for price in prices.values()):
        raise ValueError(f"{PLANS.name}: {key} has a price below zero.")
    return Plan(
        key=key,
        name=str(entry["name"]),
        rank=int(str(entry["rank"])),
        summary=str(entry["summary"]),
        features=features,
        seats=limits.get("seats"),
        audit_days=limits.get("audit_days"),
        prices=prices,
    )


def _mapping_or_list(entry: Mapping[str, object], name: str) -> list[str] | dict[str, str]:
    found = entry[name]
    if not isinstance(found, list | dict):
        raise ValueError(f"{PLANS.name}: {name} is neither a list nor a table.")
    return found
