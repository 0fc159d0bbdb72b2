"""Amounts: exact decimals, rounded once and in a named mode, and shares of an amount that sum to it."""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from moneyed import Money, get_currency
from moneyed.l10n import format_money


class Rounding(StrEnum):
    """How what lies between two amounts is rounded; a seller's, since their tax office says it."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    HALF_DOWN = "half_down"
    DOWN = "down"
    UP = "up"

    @property
    def mode(self) -> str:
        """The name that `decimal` has for it."""
        return str(getattr(decimal, f"ROUND_{self.name}"))


def places(currency: str) -> int:
    """How many decimal places the currency's amounts have."""
    return len(str(get_currency(currency).sub_unit)) - 1


def smallest(currency: str) -> Decimal:
    """The currency's smallest amount, such as 0.01."""
    return Decimal(1).scaleb(-places(currency))


def rounded(amount: Fraction | Decimal, currency: str, how: Rounding = Rounding.HALF_UP) -> Decimal:
    """The amount in whole parts of the currency. A fraction is exact until here, so that nothing is rounded twice."""
    exact = Fraction(amount) * 10 ** places(currency)
    whole, rest = divmod(abs(exact), 1)
    up = {
        Rounding.HALF_UP: rest >= Fraction(1, 2),
        Rounding.HALF_DOWN: rest > Fraction(1, 2),
        Rounding.HALF_EVEN: rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1),
        Rounding.DOWN: False,
        Rounding.UP: rest > 0,
    }[how]
    units = int(whole) + up
    return (Decimal(units) * smallest(currency)).copy_sign(Decimal(1 if exact >= 0 or not units else -1))


def spread(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """The total in as many parts as there are weights, in proportion to them, which sum to it exactly.

    What rounding down leaves over goes, one smallest amount at a time, to those whose parts lost most by it.
    """
    whole = sum(weights, Decimal(0))
    if not whole:
        return [total if place == 0 else Decimal(0) for place in range(len(weights))]
    exact = [Fraction(total) * Fraction(weight) / Fraction(whole) for weight in weights]
    unit = Fraction(smallest(currency))
    floors = [part // unit for part in exact]
    left = Fraction(total) / unit - sum(floors)
    order = sorted(range(len(weights)), key=lambda place: (floors[place] * unit - exact[place], place))
    for place in order[: int(left)]:
        floors[place] += 1
    return [Decimal(int(floor)) * smallest(currency) for floor in floors]


def written(amount: Decimal, currency: str) -> str:
    """The amount as people read it, such as “€1,234.50”."""
    return str(format_money(Money(amount, currency), locale="en"))
