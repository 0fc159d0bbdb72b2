"""Values that people type, held to what the columns take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from apps.changes.refusals import NoSuchTarget


def checked(validator: Callable[[Any], object], value: Any, noun: str) -> Any:
    """The value, where the validator lets it pass.

    Raises:
        NoSuchTarget: it does not; the sentence names what the value is of.
    """
    try:
        validator(value)
    except ValidationError as error:
        raise NoSuchTarget(
            _("“%(value)s” is not a valid %(noun)s.") % {"value": value, "noun": noun}, " ".join(error.messages)
        ) from None
    return value
