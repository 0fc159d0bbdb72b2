"""The events of a YAML parser on a stream of text, with their positions in the file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from apps.orgfiles.pieces import Text
from apps.orgfiles.problems import Mark

DEEPEST = 8


class Events:
    """One event after the other of a piece of a file, without more of its text in memory than the parser looks at."""

    def __init__(self, text: Text) -> None:
        self._before = text.line
        self._parser: Any = yaml.CSafeLoader(_Stream(text.parts))
        self.next = self._parser.get_event

    def mark(self, event: Any) -> Mark:
        """Return the position of the event in the file."""
        return event.start_mark.line + self._before, event.start_mark.column + 1

    def mark_of_error(self, error: yaml.YAMLError) -> Mark | None:
        """Where the text stops being YAML."""
        mark = getattr(error, "problem_mark", None)
        return (mark.line + self._before, mark.column + 1) if mark else None

    def close(self) -> None:
        """Let the parser go."""
        self._parser.dispose()


class _Stream:
    """Pieces of text as the parser asks for them."""

    def __init__(self, parts: Iterable[str]) -> None:
        self._parts = iter(parts)
        self._rest = ""

    def read(self, size: int = -1, /) -> str:
        """At most so many characters; none at the end."""
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return ""
            self._rest = part
        found, self._rest = self._rest[:size], self._rest[size:]
        return found
