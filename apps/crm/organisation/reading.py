"""From the bytes of an organisation file to plain values: dicts, lists and texts.

YAML's own ideas of what a plain word means (`no`, `1_000`, `2024-01-01`) are not asked: a scalar without quotes becomes
a `Plain` text, and what is meant by it is decided where its key is known. The file is read as a stream of events, one
entry of a section at a time, so that the text is never in memory twice over as a tree. Aliases, tags, doubled keys and
deep nesting are refused here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from functools import partial
from pathlib import Path as FilePath
from typing import IO, Any, TypeVar

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from apps.audit.untrusted import read_json
from apps.crm.organisation.problems import Mark, Path, Problems, Refused, with_ancestors
from apps.crm.organisation.progress import Progress, silent

LIMIT = 64 * 1024 * 1024
DEEPEST = 8
# How deep the entries of a section lie.
_ENTRIES = 2
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_T = TypeVar("_T")


class Plain(str):
    """A scalar that stood without quotes: a text, unless its key means a number, a yes or no, or nothing."""

    __slots__ = ()


class Source:
    """The text of an organisation file, and its name in messages."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._text = _with_joined_pairs(text)
        self.problems = Problems(name, self.locate)

    def sections(self, progress: Progress = silent) -> Iterator[tuple[str, Any]]:
        """Each key with its value. A list comes as an iterator, to be used up before the next key is asked for.

        Raises:
            Refused: the text is no YAML, or no single document, or holds what a file of this kind never needs.
        """
        yield from _Reader(self._text, self.problems, progress).sections()

    def locate(self, paths: set[Path]) -> Mapping[Path, Mark]:
        """The places of these values in the text, and of all that lead to them, as far as they exist."""
        return dict(_located(self._text, with_ancestors(paths)))


def open_source(file: str | FilePath | IO[bytes] | IO[str]) -> Source:
    """The file's text.

    Raises:
        Refused: it cannot be read, is too big, is no UTF-8, or holds control characters.
    """
    if isinstance(file, str | FilePath):
        return _decoded(FilePath(file).name, _bytes_of(FilePath(file)))
    name = FilePath(str(getattr(file, "name", "") or "")).name or "the file"
    found = file.read(LIMIT + 1)
    return _decoded(name, found.encode("utf-8", "surrogatepass") if isinstance(found, str) else found)


def _bytes_of(path: FilePath) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LIMIT + 1)
    except OSError as error:
        raise Refused([f"{path.name}: cannot be read: {error.strerror or error}."]) from None


def _decoded(name: str, found: bytes) -> Source:
    if len(found) > LIMIT:
        raise Refused(
            [f"{name}: is larger than {LIMIT // 1024 // 1024} MiB, which is the most that an organisation file may be."]
        )
    try:
        text = found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        byte = f"0x{found[error.start]:02x}"
        raise Refused(
            [f"{name}, line {line}, byte {error.start}: is not UTF-8: the byte {byte} stands there."]
        ) from None
    if unreadable := _UNREADABLE.search(text):
        begin = text.rfind("\n", 0, unreadable.start()) + 1
        place = f"line {text.count(chr(10), 0, begin) + 1}, column {unreadable.start() - begin + 1}"
        raise Refused([f"{name}, {place}: the character U+{ord(unreadable.group()):04X} cannot stand in a text file."])
    return Source(name, text)


def _looks_like_json(text: str) -> bool:
    return re.match(r"\s*\{", text) is not None


def _with_joined_pairs(text: str) -> str:
    r"""JSON writes some characters as two escapes (`\ud83d\ude00`), which YAML knows only as one (`\U0001f600`)."""
    if not _looks_like_json(text) or not _ESCAPED_PAIR.search(text):
        return text
    try:
        read_json(text, longest=LIMIT)
    except ValueError:
        return text
    return _ESCAPED_PAIR.sub(_joined, text)


def _joined(pair: re.Match[str]) -> str:
    before, high, low = pair.groups()
    point = 0x10000 + (int(high, 16) - 0xD800) * 0x400 + (int(low, 16) - 0xDC00)
    return f"{before}\\U{point:08x}"


def _mark(event: Any) -> Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1


class _Reader:
    """Turns the events of one document into values."""

    def __init__(self, text: str, problems: Problems, progress: Progress) -> None:
        self._problems = problems
        self._progress, self._size = progress, len(text)
        # Where every text is quoted, null can only mean nothing.
        self._is_json = _looks_like_json(text)
        self._parser = yaml.CSafeLoader(text)
        self._next: Callable[[], Any] = self._parser.get_event

    def sections(self) -> Iterator[tuple[str, Any]]:
        try:
            yield from self._told(self._sections())
        finally:
            self._parser.dispose()

    def _told(self, found: Iterator[_T]) -> Iterator[_T]:
        """What is found, until the text is no YAML; whoever asked for a list goes through it, and is told too."""
        try:
            yield from found
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            sentence = getattr(error, "problem", None) or "the text cannot be understood"
            raise self._fatal(
                (), f"is no YAML: {sentence}.", (mark.line + 1, mark.column + 1) if mark else None
            ) from None

    def _sections(self) -> Iterator[tuple[str, Any]]:
        self._next()
        if not isinstance(self._next(), DocumentStartEvent):
            raise self._fatal((), "is empty.", (1, 1))
        event = self._next()
        if not isinstance(event, MappingStartEvent):
            raise self._fatal((), "must be a mapping that begins with a key such as account.", _mark(event))
        self._check_bare(event, ())
        seen: set[str] = set()
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._key(event, (), seen)
            seen.add(key)
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
            raise self._fatal((), "holds a second document; there can be only one.", _mark(event))
        self._progress(self._size, self._size)

    def _value(self, event: Any, path: Path, depth: int) -> Any:
        if event.__class__ is ScalarEvent:
            if event.anchor is not None or event.tag is not None:
                self._check_bare(event, path)
            return self._scalar(event)
        self._check_bare(event, path)
        if depth > DEEPEST:
            raise self._fatal(path, "is nested too deeply.", _mark(event))
        if isinstance(event, SequenceStartEvent):
            return list(self._items(path, depth + 1))
        return self._mapping(path, depth + 1)

    def _scalar(self, event: Any) -> str | None:
        if event.implicit[0]:
            return None if self._is_json and event.value == "null" else Plain(event.value)
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

    def _items(self, path: Path, depth: int) -> Iterator[Any]:
        index = 0
        while not isinstance(event := self._next(), SequenceEndEvent):
            if depth == _ENTRIES:
                self._progress(event.start_mark.index, self._size)
            yield self._value(event, (*path, index), depth)
            index += 1

    def _key(self, event: Any, path: Path, seen: Container[str]) -> str:
        if event.__class__ is not ScalarEvent:
            self._check_bare(event, path)
            raise self._fatal(path, "has a key that is no text.", _mark(event))
        if event.anchor is not None or event.tag is not None:
            self._check_bare(event, path)
        key: str = event.value
        if key in seen:
            self._problems.add((*path, key), "this key stands there twice.", _mark(event))
        return key

    def _check_bare(self, event: Any, path: Path) -> None:
        """Refuse what an organisation file has no use for: anchors with their aliases, and tags."""
        if isinstance(event, AliasEvent) or event.anchor is not None:
            raise self._fatal(path, f"uses the YAML anchor {event.anchor}; write the value out.", _mark(event))
        if event.tag is not None:
            raise self._fatal(path, f"uses the YAML tag {event.tag}; write the value alone.", _mark(event))

    def _fatal(self, path: Path, sentence: str, mark: Mark | None) -> Refused:
        self._problems.add(path, sentence, mark)
        return self._problems.refusal()


def _located(text: str, wanted: set[Path]) -> Iterator[tuple[Path, Mark]]:
    """A second pass over a text that was read before, which only looks where things stand."""
    parser = yaml.CSafeLoader(text)
    try:
        follow = partial(_follow, parser.get_event, wanted)
        while not isinstance(event := parser.get_event(), DocumentEndEvent):
            if isinstance(event, MappingStartEvent):
                yield from follow(event, ())
    except yaml.YAMLError:
        return
    finally:
        parser.dispose()


def _follow(get_event: Any, wanted: set[Path], event: Any, path: Path) -> Iterator[tuple[Path, Mark]]:
    if len(path) > DEEPEST:
        raise yaml.YAMLError
    if path in wanted:
        yield path, _mark(event)
    if isinstance(event, SequenceStartEvent):
        index = 0
        while not isinstance(event := get_event(), SequenceEndEvent):
            yield from _follow(get_event, wanted, event, (*path, index))
            index += 1
    elif isinstance(event, MappingStartEvent):
        while not isinstance(event := get_event(), MappingEndEvent):
            yield from _follow(get_event, wanted, get_event(), (*path, str(getattr(event, "value", ""))))
