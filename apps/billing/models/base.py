"""What billing's tables have in common."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.models import Account
from apps.audit.text import MultiLineField

validate_country = RegexValidator(
    r"^[A-Z]{2}\Z", gettext_lazy("Enter a two-letter country code, such as DE."), code="country"
)

# How much an address on an invoice may hold.
ADDRESS_CHARACTERS, ADDRESS_LINES = 500, 10


def validate_address(address: str) -> None:
    """Let an address pass that an invoice has room for.

    Raises:
        ValidationError: it has too many lines.
    """
    lines = len(address.splitlines())
    if lines > ADDRESS_LINES:
        raise ValidationError(
            _("Enter the address in at most %(most)s lines; it has %(lines)s."),
            code="address",
            params={"most": ADDRESS_LINES, "lines": f"{lines:,}"},
        )


def address_fits(name: str) -> models.CheckConstraint:
    """The same limits for the column `address` at the database."""
    return models.CheckConstraint(
        name=name,
        condition=models.Q(LessThanOrEqual(Length("address"), ADDRESS_CHARACTERS))
        & models.Q(address__regex=rf"^[^\n]*(\n[^\n]*){{0,{ADDRESS_LINES - 1}}}$"),
    )


class AddressField(MultiLineField[Any, Any]):
    """A postal address, as it is printed on an invoice."""

    default_validators = [*MultiLineField.default_validators, validate_address]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **({"max_length": ADDRESS_CHARACTERS} | options))


class Amount(models.DecimalField[Any, Any]):
    """An amount of money; its currency is on the same row or on its invoice."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **({"max_digits": 14, "decimal_places": 3} | options))


class AccountModel(models.Model):
    """A row of one account."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True
        default_permissions = ()


def within_account(model: str, **options: Any) -> Any:
    """A key to another row of the same account, which a composite key at the database holds together."""
    return models.ForeignKey(model, on_delete=models.PROTECT, db_constraint=False, **options)
