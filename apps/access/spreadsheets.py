"""Cells of files for spreadsheets: none becomes a formula, and exported cells are read back unchanged."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any
from unicodedata import category, normalize

GUARD = "'"
# Where a cell begins for a spreadsheet with another separator than a comma.
_SEPARATORS = re.compile(r"([;\t\r\n]+)")
# Start of a formula, in every Unicode width that spreadsheets accept.
_FORMULA = frozenset("=+-@\N{MINUS SIGN}")
# Characters that can precede a formula, besides spaces, controls and invisible characters.
_QUOTES = frozenset('"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{FULLWIDTH QUOTATION MARK}')
# A plain number, and an E.164 telephone number with or without extension: neither is computed.
_NUMBER = re.compile(r"[+\-\u2212]?\d+(?:[., \u00a0\u202f'’]\d{3})*(?:[.,]\d+)?(?:[eE][+-]?\d{1,3})?\s?%?", re.ASCII)
_PHONE = re.compile(r"\+[1-9](?:[ .()/\-\u00a0]{0,2}\d){6,14}(?: ?(?:ext\.?|x|#) ?\d{1,7})?", re.ASCII)


def cell(value: Any) -> str:
    """Return the value as text that a spreadsheet doesn't compute.

    An apostrophe is put before each formula, also after a separator inside the cell. Plain numbers and telephone
    numbers stay as they are. `uncell` removes exactly these apostrophes.
    """
    if value is None:
        return ""
    text = "; ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)
    return "".join(f"{GUARD}{part}" if risky or guarded else part for part, risky, guarded in _judged(text))


def uncell(text: str) -> str:
    """Return the text from which `cell` made this; other text unchanged."""
    return "".join(part[1:] if guarded else part for part, _risky, guarded in _judged(text))


def csv_line(values: Iterable[Any], *, end: str = "\r\n") -> str:
    """Return one line of a CSV file with every cell guarded."""
    line = _Line()
    csv.writer(line, lineterminator=end).writerow([cell(value) for value in values])
    return line.text


class _Line:
    """Stores the line that a CSV writer writes."""

    text = ""

    def write(self, text: str) -> None:
        self.text += text


def _judged(text: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield each part of the text and each separator, whether it would be computed, and whether without apostrophes.

    A part of the latter kind gets one more apostrophe, so that it is read back unchanged, too. If anything but numbers
    follows a separator, the text as a whole is not a number, and neither is its beginning.
    """
    parts = _SEPARATORS.split(text)
    whole = all(_is_plain(part) for part in parts[2::2])
    for place, part in enumerate(parts):
        plain_allowed = whole or place > 0
        guarded = part.startswith(GUARD) and _is_computed(part.lstrip(GUARD), plain_allowed)
        yield part, _is_computed(part, plain_allowed), guarded


def _is_computed(part: str, plain_allowed: bool) -> bool:
    if plain_allowed and _is_plain(part):
        return False
    first = next((sign for sign in part if not _is_unseen(sign)), "")
    return normalize("NFKC", first)[:1] in _FORMULA if first else False


def _is_plain(part: str) -> bool:
    text = part.strip(" \u00a0")
    return not text or bool(_NUMBER.fullmatch(text) or _PHONE.fullmatch(text))


def _is_unseen(sign: str) -> bool:
    return sign in _QUOTES or category(sign)[0] in "CZ"
