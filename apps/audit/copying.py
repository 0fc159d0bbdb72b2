"""Lines as COPY writes them in its text format: values with tabs between, and what is special behind backslashes."""

from __future__ import annotations

import re

SPECIAL = re.compile(r"\\(.)", re.DOTALL)
CHARACTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def values(line: bytes) -> list[str | None]:
    """The values of one line, None for NULL. Bytes that are no UTF-8 become surrogates.

    Raises:
        ValueError: COPY writes no such line.
    """
    text = line.decode(errors="surrogateescape").removesuffix("\n")
    parts = text.split("\t")
    if "\\" not in text:
        return list(parts)
    return [None if part == "\\N" else SPECIAL.sub(_character, part) if "\\" in part else part for part in parts]


def _character(found: re.Match[str]) -> str:
    try:
        return CHARACTERS[found[1]]
    except KeyError:
        raise ValueError(f"\\{found[1]}") from None
