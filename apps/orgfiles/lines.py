"""The lines of an organisation file as an export writes them: an entry on each, read without a YAML parser.

A parser of all of YAML takes most of an import's time. This module reads a strict part of YAML, in which every quote
and bracket that a line opens is closed on it, and reads it as the parser does. Any other line is left to the parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

# Words with single spaces or colons between them, which no parser could take for anything but a scalar.
_PLAIN = r"[-+]?[A-Za-z0-9][A-Za-z0-9_@./+-]*+(?:[ :][A-Za-z0-9_@./+-]++)*+"
_RAW = r'[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]'
_ESCAPE = r'\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})'
_QUOTED = rf'"{_RAW}*+(?:{_ESCAPE}{_RAW}*+)*+"'
_SCALAR = rf"(?:{_PLAIN}|{_QUOTED})"
_SCALARS = rf"\[(?:{_SCALAR}(?:, {_SCALAR})*+)?\]"
_KEY = rf"(?:[A-Za-z_][A-Za-z0-9_.-]*+|{_QUOTED})"
_FLAT = rf"\{{(?:{_KEY}: (?:{_SCALAR}|{_SCALARS})(?:, {_KEY}: (?:{_SCALAR}|{_SCALARS}))*+)?\}}"
_VALUE = rf"(?:{_SCALAR}|{_SCALARS}|{_FLAT})"
_FLOW = rf"\{{(?:{_KEY}: {_VALUE}(?:, {_KEY}: {_VALUE})*+)?\}}"
_ANY = rf"(?:{_VALUE}|{_FLOW}|\[(?:{_FLOW}(?:, {_FLOW})*+)?\])"

_PAIRS = re.compile(rf"(?:{_KEY}: (?:{_SCALAR}|{_SCALARS}|{_FLAT})(?:, (?=[A-Za-z_\"])|\Z))*+\Z")
_PAIR = re.compile(rf"({_KEY}): ({_SCALAR}|{_SCALARS}|{_FLAT})")
_ITEM = re.compile(_SCALAR)
_SECTION = re.compile(r"([a-z_]+):\n")
# A line on which everything that it opens is closed: what follows it at the beginning of a line is a key of the file.
_CLOSED = re.compile(rf"(?: *(?:- )*)(?:{_KEY}:(?: {_ANY})?|{_ANY})\n")
_BEGINS, _ENDS = "  - {", "}\n"
# A longer line is not kept until it ends.
_LONGEST = 1024 * 1024


class Plain(str):
    """A scalar that stood without quotes: a text, unless its key means a number, a yes or no, or nothing."""

    __slots__ = ()


def entry(line: str) -> dict[str, Any] | None:
    """The entry on a line; None where the line is not of the form that an export writes."""
    if not (line.startswith(_BEGINS) and line.endswith(_ENDS)):
        return None
    text = line[len(_BEGINS) : -len(_ENDS)]
    return _mapping(text) if _PAIRS.match(text) else None


def section(line: str) -> str | None:
    """The key of a section whose entries follow on lines of their own; None where the line begins no such section."""
    found = _SECTION.fullmatch(line)
    return found[1] if found is not None else None


def is_closed(line: str) -> bool:
    """Whether everything that the line opens (quotes, brackets, blocks of text) ends on it, and it is no comment."""
    return _CLOSED.fullmatch(line) is not None


def _mapping(text: str) -> dict[str, Any] | None:
    """The pairs of a mapping without its braces; None if a key is listed twice."""
    pairs = _PAIR.findall(text)
    found: dict[str, Any] = {}
    for key, value in pairs:
        first = value[0]
        if key[0] == '"':
            key = _scalar(key)
        if first == '"':
            found[key] = json.loads(value) if "\\" in value else value[1:-1]
        elif first == "[":
            found[key] = [_scalar(item) for item in _ITEM.findall(value)]
        elif first == "{":
            nested = _mapping(value[1:-1])
            if nested is None:
                return None
            found[key] = nested
        else:
            found[key] = Plain(value)
    return found if len(found) == len(pairs) else None


def _scalar(text: str) -> str:
    if text[0] != '"':
        return Plain(text)
    return json.loads(text) if "\\" in text else text[1:-1]


class Lines:
    """The lines of a text that comes in pieces. One that can be looked at before it is taken."""

    def __init__(self, chunks: Iterable[str]) -> None:
        self._chunks = iter(chunks)
        self._rest = ""
        self._ready: list[str] = []
        # The line that comes next, counted from 1.
        self.number = 1

    def peek(self, ahead: int = 0) -> str:
        """The next line (or the one behind it); what has no end within a piece comes in parts. Empty at the end."""
        while len(self._ready) <= ahead and self._fill():
            pass
        return self._ready[-1 - ahead] if len(self._ready) > ahead else ""

    def take(self) -> str:
        """The next line, and the text goes on behind it."""
        line = self.peek()
        if line:
            self._ready.pop()
            self.number += line.endswith("\n")
        return line

    def all(self) -> Iterator[str]:
        """All that is left."""
        while line := self.take():
            yield line

    def _fill(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            found, self._rest = [self._rest] if self._rest else [], ""
        else:
            found = _split(self._rest + chunk)
            self._rest = found.pop() if found and not found[-1].endswith("\n") else ""
            if len(self._rest) > _LONGEST:
                found, self._rest = [*found, self._rest], ""
        self._ready = [*reversed(found), *self._ready]
        return chunk is not None or bool(found)


def _split(text: str) -> list[str]:
    """The text in lines. Only a line feed ends one: whatever else YAML takes for an end stays inside."""
    lines = text.split("\n")
    last = lines.pop()
    found = [f"{line}\n" for line in lines]
    return [*found, last] if last else found
