"""From the text of an organisation file to plain values: dicts, lists and texts.

YAML's own ideas of what a plain word means (`no`, `1_000`, `2024-01-01`) are not asked: a scalar without quotes becomes
a `Plain` text, and what is meant by it is decided where its key is known. The file is read one entry of a section at a
time, and only that entry is in memory. Aliases, tags, doubled keys and deep nesting are refused here.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import partial
from typing import Any, TypeVar

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from apps.orgfiles.events import DEEPEST, Events
from apps.orgfiles.lines import Plain
from apps.orgfiles.locating import locate
from apps.orgfiles.pieces import Entries, Text, pieces
from apps.orgfiles.problems import InvalidOrganisation, Mark, Path, Problems
from apps.orgfiles.progress import Progress, silent
from apps.orgfiles.source import Source

# How deep the entries of a section lie.
_ENTRIES = 2
# The column of an entry where the reader has put the key of its section before it.
_COLUMN = 3
_T = TypeVar("_T")


def problems_of(source: Source) -> Problems:
    """Return an empty collection of problems that can locate every value in this file."""
    return Problems(source.name, partial(locate, source))


def sections(source: Source, problems: Problems, progress: Progress = silent) -> Iterator[tuple[str, Any]]:
    """Each key with its value. A list comes as an iterator, to be used up before the next key is asked for.

    Raises:
        Refused: the text is no YAML, or no single document, or holds what a file of this kind never needs.
    """
    seen: set[str] = set()
    for piece in pieces(source.chunks(progress)):
        if isinstance(piece, Text):
            yield from _Reader(piece, problems, seen).sections()
            continue
        if piece.key in seen:
            problems.add((piece.key,), "this key is listed twice.", (piece.line, 1))
        seen.add(piece.key)
        rest: list[_Reader] = []
        items = _items(piece, problems, seen, rest)
        yield piece.key, items
        for _ in items:
            pass
        for reader in rest:
            yield from reader.sections()


def _items(entries: Entries, problems: Problems, seen: set[str], rest: list[_Reader]) -> Iterator[Any]:
    """The entries of a section, whatever their form; what reads all that comes behind them is put into `rest`."""
    for _, _, _, found in entries:
        yield found
    if entries.rest is not None:
        reader = _Reader(entries.rest, problems, seen)
        rest.append(reader)
        yield from reader.continued(entries.key)


class _Reader:
    """Turns the events of a piece of the file into values."""

    def __init__(self, text: Text, problems: Problems, seen: set[str]) -> None:
        self._text = text
        self._problems = problems
        self._seen = seen
        self._events = Events(text)
        self._next = self._events.next
        self._mark = self._events.mark
        self._begun = False

    def sections(self) -> Iterator[tuple[str, Any]]:
        """The keys with their values; behind `continued` those that are left."""
        try:
            yield from self._told(self._sections())
        finally:
            self._events.close()

    def continued(self, key: str) -> Iterator[Any]:
        """The entries with which the section of that key goes on."""
        yield from self._told(self._continued(key))

    def _told(self, found: Iterator[_T]) -> Iterator[_T]:
        """What is found, until the text is no YAML; whoever asked for a list goes through it, and is told too."""
        try:
            yield from found
        except yaml.YAMLError as error:
            sentence = getattr(error, "problem", None) or "the text can't be parsed"
            raise self._fatal((), f"is not valid YAML: {sentence}.", self._events.mark_of_error(error)) from None

    def _continued(self, key: str) -> Iterator[Any]:
        self._begun = True
        for _ in range(4):  # the stream, the document, its mapping, the key
            self._next()
        event = self._next()
        if isinstance(event, SequenceStartEvent) and self._mark(event)[1] == _COLUMN:
            yield from self._items((key,), _ENTRIES, self._text.index or 0)
        elif not (isinstance(event, ScalarEvent) and event.implicit[0] and not event.value):
            raise self._fatal((), "is not valid YAML: did not find expected '-' indicator.", self._mark(event))

    def _sections(self) -> Iterator[tuple[str, Any]]:
        if not self._begun and not self._begins():
            return
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._key(event, (), self._seen)
            self._seen.add(key)
            event = self._next()
            if isinstance(event, SequenceStartEvent):
                self._check_bare(event, (key,))
                items = self._told(self._items((key,), _ENTRIES))
                yield key, items
                for _ in items:
                    pass
            else:
                yield key, self._value(event, (key,), _ENTRIES)
        self._next()
        event = self._next()
        if not isinstance(event, StreamEndEvent):
            raise self._second(event)

    def _begins(self) -> bool:
        """Whether there is a document at all. What stands before and behind the cuts is one and the same."""
        self._next()
        event = self._next()
        if not isinstance(event, DocumentStartEvent):
            if self._text.begins_file:
                raise self._fatal((), "is empty.", (1, 1))
            return False
        if event.explicit and not self._text.begins_file:
            raise self._second(event)
        event = self._next()
        if not isinstance(event, MappingStartEvent):
            raise self._fatal((), "must be a mapping that begins with a key such as account.", self._mark(event))
        self._check_bare(event, ())
        return True

    def _second(self, event: Any) -> InvalidOrganisation:
        return self._fatal((), "holds a second document; there can be only one.", self._mark(event))

    def _value(self, event: Any, path: Path, depth: int) -> Any:
        if event.__class__ is ScalarEvent:
            if event.anchor is not None or event.tag is not None:
                self._check_bare(event, path)
            return self._scalar(event)
        self._check_bare(event, path)
        if depth > DEEPEST:
            raise self._fatal(path, "is nested too deeply.", self._mark(event))
        if isinstance(event, SequenceStartEvent):
            return list(self._items(path, depth + 1))
        return self._mapping(path, depth + 1)

    def _scalar(self, event: Any) -> str | None:
        if event.implicit[0]:
            # Where every text is quoted, null can only mean nothing.
            return None if self._text.is_json and event.value == "null" else Plain(event.value)
        text: str = event.value
        return text

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        following = self._next
        while (event := following()).__class__ is not MappingEndEvent:
            key = self._key(event, path, found)
            event = following()
            # Nearly all values are bare scalars, and there are millions of them: no path is made for those.
            if event.__class__ is ScalarEvent and event.anchor is None and event.tag is None:
                found[key] = self._scalar(event)
            else:
                found[key] = self._value(event, (*path, key), depth)
        return found

    def _items(self, path: Path, depth: int, index: int = 0) -> Iterator[Any]:
        while not isinstance(event := self._next(), SequenceEndEvent):
            yield self._value(event, (*path, index), depth)
            index += 1

    def _key(self, event: Any, path: Path, seen: Container[str]) -> str:
        if event.__class__ is not ScalarEvent:
            self._check_bare(event, path)
            raise self._fatal(path, "has a key that is not text.", self._mark(event))
        if event.anchor is not None or event.tag is not None:
            self._check_bare(event, path)
        key: str = event.value
        if key in seen:
            self._problems.add((*path, key), "this key is listed twice.", self._mark(event))
        return key

    def _check_bare(self, event: Any, path: Path) -> None:
        """Refuse what an organisation file has no use for: anchors with their aliases, and tags."""
        if isinstance(event, AliasEvent) or event.anchor is not None:
            raise self._fatal(path, f"uses the YAML anchor {event.anchor}; write the value itself.", self._mark(event))
        if event.tag is not None:
            raise self._fatal(path, f"uses the YAML tag {event.tag}; write the value without a tag.", self._mark(event))

    def _fatal(self, path: Path, sentence: str, mark: Mark | None) -> InvalidOrganisation:
        self._problems.add(path, sentence, mark)
        return self._problems.refusal()
