"""Tax on what we sell: rate by country and VAT number (`tax.toml`). Numbers are checked for how they are written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path

RATES = Path(__file__).with_name("tax.toml")
NOTHING = Decimal(0)


class Treatment(StrEnum):
    """Why an invoice has the tax that it has."""

    DOMESTIC = "domestic"
    ABROAD = "abroad"
    REVERSE_CHARGE = "reverse_charge"
    OUTSIDE = "outside"

    @property
    def note(self) -> str:
        """What the invoice has to say about it."""
        return {
            Treatment.REVERSE_CHARGE: "Reverse charge: the recipient owes the tax.",
            Treatment.OUTSIDE: "The service is taxed where the recipient is, outside of the seller's tax area.",
        }.get(self, "")


@dataclass(frozen=True, slots=True)
class Taxed:
    """A rate in percent, and why it is this one."""

    rate: Decimal
    treatment: Treatment


@dataclass(frozen=True, slots=True)
class _Country:
    rate: Decimal
    number: re.Pattern[str]
    in_union: bool


def taxed(seller: str, buyer: str, vat_number: str = "") -> Taxed:
    """The tax on a service from a seller's country to a buyer's (two letters each); `vat_number` is the buyer's.

    Raises:
        LookupError: the rate of the seller's country is not known.
    """
    known = _countries()
    if seller not in known:
        raise LookupError(f"The tax rate of the seller's country, {seller or 'which is missing'}, is not known.")
    if buyer == seller:
        return Taxed(known[seller].rate, Treatment.DOMESTIC)
    if not (known[seller].in_union and buyer in known and known[buyer].in_union):
        return Taxed(NOTHING, Treatment.OUTSIDE)
    if vat_number and is_vat_number(vat_number, buyer):
        return Taxed(NOTHING, Treatment.REVERSE_CHARGE)
    return Taxed(known[buyer].rate, Treatment.ABROAD)


def is_vat_number(number: str, country: str) -> bool:
    """Whether it is written as a VAT number of the country; where none is known, any is."""
    found = _countries().get(country)
    return found is None or found.number.fullmatch(compact(number)) is not None


def compact(number: str) -> str:
    """The number without spaces, dots and hyphens, in capitals."""
    return re.sub(r"[\s.\-]", "", number).upper()


@cache
def _countries() -> Mapping[str, _Country]:
    areas = tomllib.loads(RATES.read_text())
    return {
        country: _Country(Decimal(entry["rate"]), re.compile(entry["number"]), area == "union")
        for area, countries in areas.items()
        for country, entry in countries.items()
    }
