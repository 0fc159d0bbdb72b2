"""Sorting more rows than fit in memory: runs that are sorted in memory, written to a temporary file, and merged."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from struct import Struct
from tempfile import TemporaryFile
from typing import Any

# Records that one sorter holds in memory.
RUN = 100_000
# Records that are read from a file at once.
READ = 4_096


class Sorter:
    """Takes tuples of one format, and yields them in the order of their packed bytes.

    Numbers have to be packed big-endian and without a sign, so that the order of the bytes is that of the numbers.
    """

    def __init__(self, format: str) -> None:
        self._struct = Struct(format)
        self._run: list[bytes] = []
        self._file: Any = None
        self._lengths: list[int] = []

    def add(self, *values: Any) -> None:
        """Take one tuple."""
        self._run.append(self._struct.pack(*values))
        if len(self._run) >= RUN:
            self._spill()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield all tuples in order; no more can be added then."""
        self._run.sort()
        yield from map(self._struct.unpack, merge(*self._runs(), self._run) if self._lengths else self._run)
        self.close()

    def close(self) -> None:
        """Free the memory and the file."""
        self._run = []
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._run.sort()
        self._file.write(b"".join(self._run))
        self._lengths.append(len(self._run))
        self._run = []

    def _runs(self) -> list[Iterator[bytes]]:
        begin = 0
        runs = []
        for length in self._lengths:
            runs.append(self._read(begin, begin + length))
            begin += length
        return runs

    def _read(self, begin: int, end: int) -> Iterator[bytes]:
        size = self._struct.size
        for at in range(begin, end, READ):
            self._file.seek(at * size)
            block = self._file.read(min(READ, end - at) * size)
            yield from (block[place : place + size] for place in range(0, len(block), size))
