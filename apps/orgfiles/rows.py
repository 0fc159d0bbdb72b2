"""One mapping of the file while it is read: values are asked for by key and kind, and what does not fit is a problem.

Where text is meant, every scalar is text (`no`, `1_000`, `null`). Where something else is meant, `null`, `~` and an
empty value mean that the key is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from apps.orgfiles.lines import Plain
from apps.orgfiles.problems import Path, Problems
from apps.orgfiles.values import InvalidValue, kind_of, short, text

_NOTHING = frozenset({"", "~", "null"})
_T = TypeVar("_T")


class MappingReader:
    """A mapping at a path. Every getter takes the key's value out, so that `close` can report unknown keys."""

    __slots__ = ("_asked", "_left", "_problems", "path")

    def __init__(self, problems: Problems, path: Path, value: Any) -> None:
        self._problems = problems
        self.path = path
        self._asked: list[str] = []
        self._left: dict[Any, Any] = {}
        if isinstance(value, Mapping):
            self._left = dict(value)
        else:
            problems.add(path, f"must be a mapping of keys to values, not {kind_of(value)}.")
            self._problems = Problems("")  # what such a row lacks besides is no news

    def get(self, key: str, read: Callable[[Any], _T]) -> _T | None:
        """The value of an optional key, read as its kind."""
        value = self._take(key)
        return None if _is_nothing(value) else self._read(key, read, value)

    def need(self, key: str, read: Callable[[Any], _T], placeholder: _T) -> _T:
        """The value of a key that must be there. After a problem it returns the placeholder, and nothing is created."""
        value = self._left.get(key)
        if _is_nothing(value):
            self.wrong(key, "is missing." if value is None else "has no value.")
        found = self.get(key, read)
        return placeholder if found is None else found

    def text(self, key: str, longest: int | None) -> str | None:
        """The text of an optional key, whatever the word is: here even an unquoted `null` is text."""
        value = self._take(key)
        # Most texts need no closer look.
        if (
            isinstance(value, str)
            and (longest is None or len(value) <= longest)
            and value.isascii()
            and value.isprintable()
        ):
            return str(value)
        return self._read(key, text if longest is None else short(longest), value)

    def need_text(self, key: str, longest: int | None) -> str:
        """The text of a key that must be there, and must not be blank."""
        missing = self._left.get(key) is None
        found = self.text(key, longest)
        if missing or (found is not None and not found.strip()):
            self.wrong(key, "is missing." if missing else "is blank.")
        return found or "?"

    def row(self, key: str) -> MappingReader:
        """The mapping under an optional key."""
        value = self._take(key)
        return MappingReader(self._problems, (*self.path, key), {} if _is_nothing(value) else value)

    def rows(self, key: str) -> Iterator[MappingReader]:
        """The mappings in the list under an optional key."""
        return rows_of(self._problems, (*self.path, key), self._take(key))

    def wrong(self, key: str | None, sentence: str) -> None:
        """Note a problem with the key's value, or with the whole row."""
        self._problems.add(self.path if key is None else (*self.path, key), sentence)

    def rest(self) -> list[str]:
        """Return the keys that were not read yet."""
        return [key for key in self._left if isinstance(key, str)]

    def offer(self, keys: Iterable[str]) -> None:
        """Name keys that could have been there, for the hint at an unknown one."""
        self._asked.extend(keys)

    def ignore_rest(self) -> None:
        """Ignore unread keys: they can't be checked."""
        self._left.clear()

    def close(self) -> None:
        """Report every unread key as unknown."""
        for key in self._left:
            near = get_close_matches(str(key), self._asked, 1)
            hint = f"did you mean {near[0]}?" if near else f"the allowed keys are {', '.join(self._asked)}."
            self._problems.add((*self.path, str(key)), f"this key is unknown; {hint}")

    def _take(self, key: str) -> Any:
        self._asked.append(key)
        return self._left.pop(key, None)

    def _read(self, key: str, read: Callable[[Any], _T], value: Any) -> _T | None:
        if value is None:
            return None
        try:
            return read(value)
        except InvalidValue as misfit:
            self.wrong(key, f"{misfit}.")
            return None


def rows_of(problems: Problems, path: Path, value: Any) -> Iterator[MappingReader]:
    """The mappings in a list, each at its place. What is no mapping, or no list, is a problem."""
    if _is_nothing(value):
        return
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        problems.add(path, f"must be a list, not {kind_of(value)}.")
        return
    for index, item in enumerate(value):
        yield MappingReader(problems, (*path, index), item)


def _is_nothing(value: Any) -> bool:
    return value is None or (type(value) is Plain and value in _NOTHING)
