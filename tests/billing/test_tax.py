"""Which tax is due, by country and VAT number."""

import tomllib
from decimal import Decimal

import pytest

from apps.billing.tax import RATES, Treatment, fault, is_vat_number, taxed


@pytest.mark.parametrize(
    ("seller", "buyer", "number", "rate", "treatment"),
    [
        ("DE", "DE", "", "19", Treatment.DOMESTIC),
        ("DE", "DE", "DE645535255", "19", Treatment.DOMESTIC),
        ("DE", "FR", "", "20", Treatment.ABROAD),
        ("DE", "FR", "FR 61 244673075", "0", Treatment.REVERSE_CHARGE),
        ("DE", "FR", "DE645535255", "20", Treatment.ABROAD),
        ("DE", "GR", "EL867200111", "0", Treatment.REVERSE_CHARGE),
        ("DE", "CH", "", "0", Treatment.OUTSIDE),
        ("DE", "US", "", "0", Treatment.OUTSIDE),
        ("GB", "GB", "", "20", Treatment.DOMESTIC),
        ("GB", "DE", "DE645535255", "0", Treatment.OUTSIDE),
    ],
)
def test_the_rate_follows_from_where_both_are(
    seller: str, buyer: str, number: str, rate: str, treatment: Treatment
) -> None:
    found = taxed(seller, buyer, number)
    assert (found.rate, found.treatment) == (Decimal(rate), treatment)


def test_who_owes_the_tax_is_said() -> None:
    assert "Reverse charge" in taxed("DE", "FR", "FR61244673075").treatment.note
    assert not taxed("DE", "DE").treatment.note


def test_a_seller_whose_rate_is_not_known_is_refused() -> None:
    with pytest.raises(LookupError, match="ZZ"):
        taxed("ZZ", "DE")


# Made up, so that their check digits fit.
FITTING = [
    "ATU04661099",
    "BE0096063157",
    "BG2296467327",
    "CHE436411868MWST",
    "CY41830543Y",
    "CZ04864328",
    "DE645535255",
    "DK12174756",
    "EE496325739",
    "EL867200111",
    "ESF38859377",
    "FI39075034",
    "FR61244673075",
    "GB782485927",
    "HR33370162752",
    "HU13745794",
    "IE4641395DD",
    "IT14221900138",
    "LT778009413",
    "LU26698069",
    "LV69335091009",
    "MT79255479",
    "NL708240702B90",
    "NO842705185MVA",
    "PL0879713984",
    "PT863169015",
    "RO9512100755",
    "SE143709419401",
    "SI65497988",
    "SK6349771131",
]


def country_of(number: str) -> str:
    return number[:2].replace("EL", "GR")


def test_a_vat_number_of_every_country_is_known() -> None:
    rates = tomllib.loads(RATES.read_text())
    assert {country_of(number) for number in FITTING} == {country for area in rates.values() for country in area}


@pytest.mark.parametrize("number", FITTING)
def test_a_sign_of_a_vat_number_that_is_mistyped_is_noticed(number: str) -> None:
    country = country_of(number)
    assert not fault(f"{number[:2].lower()} {number[2:5]}.{number[5:]}", country)
    place = 6
    wrong = f"{number[:place]}{(int(number[place]) + 1) % 10}{number[place + 1 :]}"
    assert wrong in fault(wrong, country)
    assert "is not a valid VAT number: " in fault(wrong, country)
    assert f"is not in the format of a VAT number of {country}" in fault(f"{number}0000", country)


@pytest.mark.parametrize(
    ("number", "country", "words"),
    [
        ("AT12345678", "AT", "“AT12345678” is not in the format of a VAT number of AT: ATU and 8 digits."),
        ("DE645535255", "FR", "“DE645535255” is not in the format of a VAT number of FR: FR, 2 signs and 9 digits."),
        (
            "DE 123 456 789",
            "DE",
            "“DE123456789” is not a valid VAT number: its check digits are wrong. Check it for typing errors.",
        ),
        ("DE045535255", "DE", "“DE045535255” is not a valid VAT number: DE doesn't issue numbers with these digits."),
        ("anything", "US", ""),
    ],
)
def test_what_is_wrong_with_a_vat_number_is_said(number: str, country: str, words: str) -> None:
    assert fault(number, country) == words
    assert is_vat_number(number, country) is (not words)


def test_a_number_whose_check_digits_do_not_fit_moves_no_tax_to_the_buyer() -> None:
    assert taxed("DE", "FR", "FR12345678901").treatment is Treatment.ABROAD
