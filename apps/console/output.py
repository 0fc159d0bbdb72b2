"""How commands print texts that people wrote: no text can move the cursor, colour a line or start another."""

from __future__ import annotations

import json
import re
from typing import IO, Any

from django.core.management.base import OutputWrapper

# Control characters, direction marks, other line ends, and surrogates.
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
    """Return the value as JSON of exactly this value, with control characters as JSON escapes."""
    return escaped_json(json.dumps(value, ensure_ascii=False, indent=indent))


def escaped_json(text: str) -> str:
    """Return the text of a JSON value, or of a part of one, with control characters as JSON escapes."""
    return _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(found: re.Match[str]) -> str:
    point = ord(found[0])
    return _NAMES.get(found[0]) or (f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}")


class Output(OutputWrapper):
    """Standard output or standard error of a command. `write` prints one line, `exact` prints the text unchanged."""

    _out: Any

    def write(self, msg: str = "", style_func: Any = None, ending: str | None = None) -> None:  # type: ignore[override] # as Django's
        """Print one line, with every control character in it escaped."""
        super().write(one_line(msg.removesuffix("\n")), style_func, ending)

    def exact(self, text: str) -> None:
        """Print text for programs or terminal drawing unchanged, without a line end."""
        self._out.write(text)


class ShownErrors:
    """Standard error while arguments are parsed. An error about them is one line."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Print the text with every control character escaped."""
        is_sentence = ": error: " in text.partition("\n")[0]
        return self._stream.write(f"{one_line(text.removesuffix(chr(10)))}\n" if is_sentence else shown(text))
