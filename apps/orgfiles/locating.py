"""Finds the positions of values in an organisation file, in a second pass, for messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from yaml.events import DocumentEndEvent, MappingEndEvent, MappingStartEvent, SequenceEndEvent, SequenceStartEvent

from apps.orgfiles.events import DEEPEST, Events
from apps.orgfiles.pieces import Entries, Text, pieces
from apps.orgfiles.problems import InvalidOrganisation, Mark, Path, with_ancestors
from apps.orgfiles.source import Source


def locate(source: Source, paths: set[Path]) -> Mapping[Path, Mark]:
    """The places of these values in the file, and of all that lead to them, as far as they exist."""
    wanted = with_ancestors(paths)
    found: dict[Path, Mark] = {}
    try:
        for piece in pieces(source.chunks()):
            found.update(_in_text(piece, wanted) if isinstance(piece, Text) else _in_entries(piece, wanted))
    except (yaml.YAMLError, InvalidOrganisation):
        pass
    return found


def _in_entries(entries: Entries, wanted: set[Path]) -> Iterator[tuple[Path, Mark]]:
    if (entries.key,) in wanted:
        yield (entries.key,), (entries.line + 1, 3)
    for index, line, text, _ in entries:
        if (entries.key, index) in wanted:
            yield from _in_text(Text([f"{entries.key}:\n", text], line - 1, index=index), wanted)
    if entries.rest is not None:
        yield from _in_text(entries.rest, wanted)


def _in_text(text: Text, wanted: set[Path]) -> Iterator[tuple[Path, Mark]]:
    events = Events(text)
    try:
        while not isinstance(event := events.next(), DocumentEndEvent):
            if isinstance(event, MappingStartEvent):
                yield from _follow(events, wanted, event, (), text.index)
    finally:
        events.close()


def _follow(
    events: Events, wanted: set[Path], event: Any, path: Path, index: int | None
) -> Iterator[tuple[Path, Mark]]:
    """What is wanted of a value and of all in it. `index` is that of the first entry of the first section."""
    if len(path) > DEEPEST:
        raise yaml.YAMLError
    if path in wanted and not (index is not None and len(path) < 2):
        yield path, events.mark(event)
    if isinstance(event, SequenceStartEvent):
        place = index or 0
        while not isinstance(event := events.next(), SequenceEndEvent):
            yield from _follow(events, wanted, event, (*path, place), None)
            place += 1
    elif isinstance(event, MappingStartEvent):
        while not isinstance(event := events.next(), MappingEndEvent):
            key = str(getattr(event, "value", ""))
            yield from _follow(events, wanted, events.next(), (*path, key), index)
            index = None
