"""How commands print texts that people wrote: nothing in them moves the cursor, colours a line or begins another."""

from __future__ import annotations

import json
import re
from typing import IO, Any

from django.core.management.base import OutputWrapper

# Controls of either set, what turns the direction of writing, what ends a line elsewhere, and halves of characters.
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_UNSHOWN = re.compile(f"[{_CONTROLS}]")
_UNSHOWN_IN_LINE = re.compile(f"[\t\n{_CONTROLS}]")
_NAMES = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def shown(text: str) -> str:
    """Return the text with every control shown as its escape (`\\x1b`, `\\u202e`); tabs and line breaks stay."""
    return _UNSHOWN.sub(_escaped, text)


def one_line(text: str) -> str:
    """Return the text as one line: as `shown`, with tabs and line breaks as their escapes, too."""
    return _UNSHOWN_IN_LINE.sub(_escaped, text)


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Return the value as JSON, of exactly this value, in which controls stand as JSON's own escapes."""
    return escaped_json(json.dumps(value, ensure_ascii=False, indent=indent))


def escaped_json(text: str) -> str:
    """Return the text of a JSON value, or of a part of one, with controls as JSON's own escapes."""
    return _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(found: re.Match[str]) -> str:
    point = ord(found[0])
    return _NAMES.get(found[0]) or (f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}")


class Output(OutputWrapper):
    """Standard output or standard error of a command. `write` writes one line, `exact` whatever it is given."""

    _out: Any

    def write(self, msg: str = "", style_func: Any = None, ending: str | None = None) -> None:  # type: ignore[override] # as Django's
        """Write one line, with every control in it shown."""
        super().write(one_line(msg.removesuffix("\n")), style_func, ending)

    def exact(self, text: str) -> None:
        """Write what programs read, and what draws on a terminal, as it is and without a line's end."""
        self._out.write(text)


class ShownErrors:
    """Standard error while arguments are read. The sentence that says what is wrong with them is one line."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text with every control in it shown."""
        is_sentence = ": error: " in text.partition("\n")[0]
        return self._stream.write(f"{one_line(text.removesuffix(chr(10)))}\n" if is_sentence else shown(text))
