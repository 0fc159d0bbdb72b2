"""Validate values that people type against their columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from apps.changes.refusals import NoSuchTarget


def checked(validator: Callable[[Any], object], value: Any, noun: str) -> Any:
    """Return the value, if the validator accepts it.

    Raises:
        NoSuchTarget: the value is invalid.
    """
    try:
        validator(value)
    except ValidationError as error:
        raise NoSuchTarget(
            _("“%(value)s” is not a valid %(noun)s.") % {"value": value, "noun": noun}, " ".join(error.messages)
        ) from None
    return value
