"""What billing's tables have in common."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Account

validate_country = RegexValidator(r"^[A-Z]{2}\Z", _("Write a country's two letters, such as DE."), code="country")


class Amount(models.DecimalField[Any, Any]):
    """An amount of money; its currency stands beside it, or on the invoice that it belongs to."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **({"max_digits": 14, "decimal_places": 3} | options))


class OfAccount(models.Model):
    """A row of one account."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True
        default_permissions = ()


def within_account(model: str, **options: Any) -> Any:
    """A key to another row of the same account, which a composite key at the database holds together."""
    return models.ForeignKey(model, on_delete=models.PROTECT, db_constraint=False, **options)
