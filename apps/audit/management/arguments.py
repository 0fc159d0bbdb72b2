"""Arguments that several commands take."""

from __future__ import annotations

from argparse import ArgumentTypeError

from django.core.exceptions import ValidationError

from apps.audit.text import validate_multi_line


def reason(text: str) -> str:
    """The reason that an argument states.

    Raises:
        ArgumentTypeError: it has control characters.
    """
    try:
        validate_multi_line(text)
    except ValidationError as error:
        raise ArgumentTypeError(" ".join(error.messages)) from None
    return text
