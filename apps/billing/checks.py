"""System check of the settings of billing: what an invoice says about its seller fits on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, ValidationError

from apps.billing.models import Seller


@checks.register("billing")
def check_seller(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """An error for each part of BILLING_SELLER that is unknown or does not fit."""
    found: list[checks.CheckMessage] = []
    for name, value in settings.BILLING_SELLER.items():
        try:
            Seller._meta.get_field(name).clean(value, None)  # type: ignore[union-attr] # fields of its own
        except FieldDoesNotExist:
            found.append(_error(name, "this is not a field of a seller.", "E001"))
        except ValidationError as error:
            found.append(_error(name, " ".join(error.messages), "E002"))
    return found


def _error(name: str, message: str, number: str) -> checks.Error:
    return checks.Error(f'BILLING_SELLER, "{name}": {message}', hint="Correct the setting.", id=f"billing.{number}")
