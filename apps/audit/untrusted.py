"""JSON that other people or programs send: read within limits, and refused in one way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

# What a form or a message needs at most; whole files name a limit of their own.
LONGEST = 1024 * 1024
DEEPEST = 50
# A whole text with its quotes, which a bracket inside of it does not end; or one bracket.
_PARTS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{}]', re.DOTALL)


class LimitedDecoder(json.JSONDecoder):
    """Reads JSON of at most `DEEPEST` levels, so that neither reading nor writing it exhausts the stack.

    As `decoder` of a form's `JSONField` it raises what that field expects.
    """

    def decode(self, text: str, *args: Any) -> Any:
        """Return the value.

        Raises:
            JSONDecodeError: the text is no JSON, is too long or too deep, or holds a number that is too large.
        """
        _check_depth(text)
        try:
            return super().decode(text, *args)
        except json.JSONDecodeError:
            raise
        except ValueError as error:
            # Python refuses to read a number of thousands of digits.
            raise json.JSONDecodeError("a number is too large", text, 0) from error


def read_json(text: str | bytes, *, longest: int = LONGEST, **hooks: Callable[..., Any]) -> Any:
    """Return the value of JSON that someone sent, of at most `longest` characters (or bytes, where it comes as bytes).

    `hooks` are those of `json.loads`.

    Raises:
        JSONDecodeError: the text is no JSON, is too long or too deep, or holds a number that is too large.
        UnicodeDecodeError: the bytes are no text.
    """
    if len(text) > longest:
        raise json.JSONDecodeError(f"the text is longer than {longest:,}", "", 0)
    return json.loads(text, cls=LimitedDecoder, **hooks)


def _check_depth(text: str) -> None:
    depth = 0
    for part in _PARTS.finditer(text):
        if text[part.start()] in "[{":
            depth += 1
            if depth > DEEPEST:
                raise json.JSONDecodeError("it is nested too deeply", text, part.start())
        elif text[part.start()] in "]}":
            depth -= 1
