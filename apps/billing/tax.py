"""Tax on what we sell: rate by country and VAT number (`tax.toml`).

Numbers are checked for how they are written (`tax.toml`) and for their check digits (`stdnum`). Whether the tax office
has given one out is not asked.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from stdnum import get_cc_module
from stdnum.exceptions import InvalidChecksum, ValidationError

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
class TaxRate:
    """A rate in percent, and why it is this one."""

    rate: Decimal
    treatment: Treatment


@dataclass(frozen=True, slots=True)
class _Country:
    rate: Decimal
    number: re.Pattern[str]
    looks: str
    in_union: bool


def taxed(seller: str, buyer: str, vat_number: str = "") -> TaxRate:
    """The tax on a service from a seller's country to a buyer's (two letters each); `vat_number` is the buyer's.

    Raises:
        LookupError: the rate of the seller's country is not known.
    """
    known = _countries()
    if seller not in known:
        raise LookupError(f"The tax rate of the seller's country, {seller or 'which is missing'}, is not known.")
    if buyer == seller:
        return TaxRate(known[seller].rate, Treatment.DOMESTIC)
    if not (known[seller].in_union and buyer in known and known[buyer].in_union):
        return TaxRate(NOTHING, Treatment.OUTSIDE)
    if vat_number and is_vat_number(vat_number, buyer):
        return TaxRate(NOTHING, Treatment.REVERSE_CHARGE)
    return TaxRate(known[buyer].rate, Treatment.ABROAD)


def is_vat_number(number: str, country: str) -> bool:
    """Whether it can be a VAT number of the country; where none is known, any can."""
    return not fault(number, country)


def fault(number: str, country: str) -> str:
    """What is wrong with a VAT number of the country, as a sentence; nothing where it can be one."""
    found = _countries().get(country)
    plain = compact(number)
    if found is None:
        return ""
    if found.number.fullmatch(plain) is None:
        return _("“%(number)s” is not in the format of a VAT number of %(country)s: %(looks)s.") % {
            "number": plain,
            "country": country,
            "looks": found.looks,
        }
    try:
        _check(plain, country)
    except InvalidChecksum:
        return _("“%(number)s” is not a valid VAT number: its check digits are wrong. Check it for typing errors.") % {
            "number": plain
        }
    except ValidationError:
        return _("“%(number)s” is not a valid VAT number: %(country)s doesn't issue numbers with these digits.") % {
            "number": plain,
            "country": country,
        }
    return ""


def _check(number: str, country: str) -> None:
    """Ask the library about its check digits.

    Raises:
        ValidationError: they do not fit.
    """
    known: Any = get_cc_module(country, "vat")
    # Swiss invoices show the number with the word for the tax in one of three languages, registers without it.
    if country == "CH" and known is not None:
        known, number = get_cc_module("ch", "uid"), number[:12]
    if known is not None:
        known.validate(number)


def compact(number: str) -> str:
    """The number without spaces, dots and hyphens, in capitals."""
    return re.sub(r"[\s.\-]", "", number).upper()


@cache
def _countries() -> Mapping[str, _Country]:
    areas = tomllib.loads(RATES.read_text())
    return {
        country: _Country(Decimal(entry["rate"]), re.compile(entry["number"]), entry["looks"], area == "union")
        for area, countries in areas.items()
        for country, entry in countries.items()
    }
