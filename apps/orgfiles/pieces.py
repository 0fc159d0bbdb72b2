"""An organisation file cut where that is safe: entries on lines of their own, and text for the YAML parser between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from apps.orgfiles.lines import Lines, entry, is_closed, section

# How much text may lie between two cuts. What is longer goes to the parser in a stream, with all that follows.
_LONGEST = 1024 * 1024
_TOKENS = re.compile(r'(?:[ \t\r\n]++|[{}\[\],:]|"(?:[^"\\]|\\.)*+"|[-+.0-9A-Za-z]++)*+')
_ESCAPED_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Text:
    """Some of the file for the parser: from this line (from 1) to the end, or to where a key of the file begins.

    `index` is that of the first entry in a text that goes on with a section, under a key of the section put before it.
    """

    parts: Iterable[str]
    line: int
    begins_file: bool = False
    is_json: bool = False
    index: int | None = None


class Entries:
    """The entries of the section that begins on `line`: each with its index, its line and its text, read.

    `rest` is there once they are used up, if the section goes on in another form: that, and all that follows.
    """

    def __init__(self, key: str, line: int, lines: Lines) -> None:
        self.key = key
        self.line = line
        self.rest: Text | None = None
        self._lines = lines

    def __iter__(self) -> Iterator[tuple[int, int, str, dict[str, Any]]]:
        lines, index = self._lines, 0
        while (found := entry(text := lines.peek())) is not None:
            number = lines.number
            lines.take()
            yield index, number, text, found
            index += 1
        if text and not _begins_key(text):
            self.rest = Text(chain([f"{self.key}:\n"], lines.all()), lines.number - 1, index=index)


Piece = Text | Entries


def pieces(chunks: Iterator[str]) -> Iterator[Piece]:
    """The pieces of a file in their order; each is to be used up before the next one is asked for."""
    first = next(chunks, "")
    # Where every text is quoted, null can only mean nothing.
    if first.lstrip()[:1] == "{":
        yield Text(_with_joined_pairs(chain([first], chunks)), 1, begins_file=True, is_json=True)
        return
    lines = Lines(chain([first], chunks))
    begins_file = True
    while begins_file or lines.peek():
        key = section(lines.peek())
        if key is not None and entry(lines.peek(1)) is not None:
            found = Entries(key, lines.number, lines)
            lines.take()
            yield found
            if found.rest is not None:
                return
        else:
            number = lines.number
            block, ends = _block(lines)
            yield Text(block if ends else chain(block, lines.all()), number, begins_file=begins_file)
        begins_file = False


def _block(lines: Lines) -> tuple[list[str], bool]:
    """The lines up to the next key of the file, and whether that is known to be one."""
    found: list[str] = []
    length = 0
    while (line := lines.peek()) and not (found and _begins_key(line)):
        length += len(line)
        if length > _LONGEST or not is_closed(line):
            return found, False
        found.append(lines.take())
    return found, True


def _begins_key(line: str) -> bool:
    """Whether a line begins a key of the file, given that nothing before it is open."""
    return line[0] not in " -#\r\n"


def _with_joined_pairs(chunks: Iterable[str]) -> Iterator[str]:
    r"""JSON writes some characters as two escapes (`\ud83d\ude00`), which YAML knows only as one (`\U0001f600`).

    They are joined as long as the text holds nothing but what JSON is made of: in YAML they could mean themselves.
    """
    rest = ""
    is_json = True
    for chunk in chunks:
        if not is_json:
            yield chunk
            continue
        text = rest + chunk
        tokens = _TOKENS.match(text)
        end = tokens.end() if tokens is not None else 0
        yield _ESCAPED_PAIR.sub(_joined, text[:end])
        rest = text[end:]
        # A text may go on in the next piece; anything else that is no JSON is not looked at.
        if rest and (rest[0] != '"' or len(rest) > _LONGEST):
            is_json = False
            yield rest
            rest = ""
    yield rest


def _joined(pair: re.Match[str]) -> str:
    before, high, low = pair.groups()
    point = 0x10000 + (int(high, 16) - 0xD800) * 0x400 + (int(low, 16) - 0xDC00)
    return f"{before}\\U{point:08x}"
