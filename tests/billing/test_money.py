"""Amounts are exact, and their parts sum to them, in every mode of rounding."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.billing.money import Rounding, rounded, smallest, spread, written

currencies = st.sampled_from(["EUR", "JPY", "KWD"])
amounts = st.decimals(min_value=Decimal(-(10**6)), max_value=Decimal(10**6), places=3)
rates = st.decimals(min_value=0, max_value=30, places=1)


@given(amounts, currencies, st.sampled_from(list(Rounding)))
def test_rounding_is_what_the_decimal_module_says(amount: Decimal, currency: str, how: Rounding) -> None:
    assert rounded(amount, currency, how) == amount.quantize(smallest(currency), rounding=how.mode)


@given(st.fractions(min_value=-1000, max_value=1000), currencies, st.sampled_from(list(Rounding)))
def test_rounding_is_never_a_whole_part_away(amount: Fraction, currency: str, how: Rounding) -> None:
    assert abs(Fraction(rounded(amount, currency, how)) - amount) < Fraction(smallest(currency))


@given(st.lists(amounts.filter(bool), min_size=1, max_size=12), rates, currencies, st.sampled_from(list(Rounding)))
def test_lines_sum_to_the_total_with_tax_in_every_mode(
    nets: list[Decimal], rate: Decimal, currency: str, how: Rounding
) -> None:
    lines = [rounded(net, currency, how) for net in nets]
    net = sum(lines, Decimal(0))
    tax = rounded(Fraction(net) * Fraction(rate) / 100, currency, how)
    taxes = spread(tax, lines, currency)
    assert sum(taxes, Decimal(0)) == tax
    assert sum((line + part for line, part in zip(lines, taxes, strict=True)), Decimal(0)) == net + tax
    assert all(part == part.quantize(smallest(currency)) for part in taxes)


def test_a_part_is_less_than_the_smallest_amount_away_from_its_share() -> None:
    assert spread(Decimal("0.10"), [Decimal(1)] * 3, "EUR") == [Decimal("0.04"), Decimal("0.03"), Decimal("0.03")]
    assert spread(Decimal(5), [Decimal(0), Decimal(0)], "EUR") == [5, 0]


@pytest.mark.parametrize(
    ("amount", "how", "expected"),
    [
        ("0.125", Rounding.HALF_UP, "0.13"),
        ("0.125", Rounding.HALF_EVEN, "0.12"),
        ("0.125", Rounding.HALF_DOWN, "0.12"),
        ("-0.125", Rounding.HALF_UP, "-0.13"),
        ("0.129", Rounding.DOWN, "0.12"),
        ("0.121", Rounding.UP, "0.13"),
    ],
)
def test_half_a_cent(amount: str, how: Rounding, expected: str) -> None:
    assert rounded(Decimal(amount), "EUR", how) == Decimal(expected)


def test_a_fraction_is_rounded_once() -> None:
    third = Fraction(1, 3)
    assert rounded(third + third + third, "EUR") == 1
    assert rounded(Fraction(10, 3), "JPY") == 3
    assert str(rounded(Fraction(-1, 300), "EUR", Rounding.DOWN)) == "0.00"


def test_amounts_are_written_as_people_read_them() -> None:
    assert written(Decimal("1234.5"), "EUR") == "€1,234.50"
    assert written(Decimal(1234), "JPY") == "¥1,234"


def test_the_modes_are_those_of_the_decimal_module() -> None:
    assert Rounding.HALF_UP.mode == ROUND_HALF_UP
    assert Rounding.HALF_EVEN.mode == ROUND_HALF_EVEN
