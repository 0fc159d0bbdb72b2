"""Which tax is due, by country and VAT number."""

from decimal import Decimal

import pytest

from apps.billing.tax import Treatment, is_vat_number, taxed


@pytest.mark.parametrize(
    ("seller", "buyer", "number", "rate", "treatment"),
    [
        ("DE", "DE", "", "19", Treatment.DOMESTIC),
        ("DE", "DE", "DE123456789", "19", Treatment.DOMESTIC),
        ("DE", "FR", "", "20", Treatment.ABROAD),
        ("DE", "FR", "FR 12 345678901", "0", Treatment.REVERSE_CHARGE),
        ("DE", "FR", "DE123456789", "20", Treatment.ABROAD),
        ("DE", "GR", "EL123456789", "0", Treatment.REVERSE_CHARGE),
        ("DE", "CH", "", "0", Treatment.OUTSIDE),
        ("DE", "US", "", "0", Treatment.OUTSIDE),
        ("GB", "GB", "", "20", Treatment.DOMESTIC),
        ("GB", "DE", "DE123456789", "0", Treatment.OUTSIDE),
    ],
)
def test_the_rate_follows_from_where_both_are(
    seller: str, buyer: str, number: str, rate: str, treatment: Treatment
) -> None:
    found = taxed(seller, buyer, number)
    assert (found.rate, found.treatment) == (Decimal(rate), treatment)


def test_who_owes_the_tax_is_said() -> None:
    assert "Reverse charge" in taxed("DE", "FR", "FR12345678901").treatment.note
    assert not taxed("DE", "DE").treatment.note


def test_a_seller_whose_rate_is_not_known_is_refused() -> None:
    with pytest.raises(LookupError, match="ZZ"):
        taxed("ZZ", "DE")


def test_a_vat_number_is_checked_for_how_it_is_written() -> None:
    assert is_vat_number("at u12345678", "AT")
    assert not is_vat_number("AT12345678", "AT")
    assert is_vat_number("anything", "US")
