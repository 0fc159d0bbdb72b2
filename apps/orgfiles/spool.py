"""Lines of an organisation that are on disk, since there can be more of them than memory holds."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from typing import Any, Generic, TypeVar

BATCH = 1_000
_Line = TypeVar("_Line")


def spooled(kind: type[_Line], lines: Iterable[_Line]) -> Collection[_Line]:
    """The lines, all of this dataclass, to be gone through as often as needed: on disk where they are many."""
    iterator = iter(lines)
    few = tuple(islice(iterator, BATCH))
    return few if len(few) < BATCH else _Spool(kind, few, iterator)


class _Spool(Collection[_Line], Generic[_Line]):
    """A private temporary file, deleted with this object. It only reads what it wrote itself."""

    def __init__(self, kind: Any, first: tuple[_Line, ...], more: Iterator[_Line]) -> None:
        self._kind = kind
        self._values = attrgetter(*(field.name for field in fields(kind)))
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- it lives as long as this object
        self._length = 0
        batch = first
        while batch:
            pickle.dump([self._values(line) for line in batch], self._file, pickle.HIGHEST_PROTOCOL)
            self._length += len(batch)
            batch = tuple(islice(more, BATCH))

    def __len__(self) -> int:
        return self._length

    def __contains__(self, line: object) -> bool:
        return any(each == line for each in self)

    def __iter__(self) -> Iterator[_Line]:
        self._file.seek(0)
        left = self._length
        while left:
            batch = pickle.load(self._file)  # noqa: S301 -- only this object writes to it
            # Another pass over the file may begin before this one ends.
            position = self._file.tell()
            for values in batch:
                yield self._kind(*values)
            self._file.seek(position)
            left -= len(batch)
