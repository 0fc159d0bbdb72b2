"""The text of an organisation file, read piece by piece, however large the file is.

The file stays on disk (standard input is copied there first), so that it can be read again to say where a problem is.
"""

from __future__ import annotations

import codecs
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import IO, Any

from apps.orgfiles.problems import InvalidOrganisation
from apps.orgfiles.progress import Progress, silent

CHUNK = 256 * 1024
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Source:
    """A file that can be read from its beginning as often as needed, and its name in messages."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.name = name
        self._file = file

    def chunks(self, progress: Progress = silent) -> Iterator[str]:
        """The text in pieces, from the beginning. `progress` is called with the bytes read and all bytes.

        Raises:
            Refused: it is no UTF-8, or holds control characters.
        """
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        place = _Place(self.name)
        while True:
            # Another pass may have moved the position meanwhile.
            found = self._file.read(CHUNK)
            try:
                text = decoder.decode(found, final=not found)
            except UnicodeDecodeError as error:
                raise place.not_decoded(error, len(error.object) - len(found)) from None
            text = place.checked(text)
            place.bytes += len(found)
            if text:
                yield text
            progress(min(place.bytes, size), size)
            if not found:
                return


class _Place:
    """Where a reader of the text is: how many bytes, lines and characters of the line lie behind it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.bytes = self._lines = self._column = 0
        self._begins = True

    def checked(self, text: str) -> str:
        """The text without a byte order mark before it.

        Raises:
            Refused: it holds a character that no text file has.
        """
        if self._begins and text:
            text, self._begins = text.removeprefix("\ufeff"), False
        if unreadable := _UNREADABLE.search(text):
            self._pass(text[: unreadable.start()])
            raise InvalidOrganisation(
                [
                    f"{self._name}, line {self._lines + 1}, column {self._column + 1}: the character "
                    f"U+{ord(unreadable.group()):04X} is not allowed in a text file."
                ]
            )
        self._pass(text)
        return text

    def not_decoded(self, error: UnicodeDecodeError, pending: int) -> InvalidOrganisation:
        """What to say of bytes that are no UTF-8; `pending` of them came before the piece that was read last."""
        found: bytes = error.object
        line = self._lines + found.count(b"\n", 0, error.start) + 1
        byte = f"0x{found[error.start]:02x}"
        position = self.bytes - pending + error.start
        return InvalidOrganisation(
            [f"{self._name}, line {line}, byte {position}: is not UTF-8: found the byte {byte}."]
        )

    def _pass(self, text: str) -> None:
        lines = text.count("\n")
        self._lines += lines
        self._column = len(text) - text.rfind("\n") - 1 if lines else self._column + len(text)


def open_source(file: str | FilePath | IO[bytes] | IO[str], *, limit: int | None = None) -> Source:
    """The file, to be read. What is no file on disk is copied to one that nobody else sees. `limit` is in bytes.

    Raises:
        Refused: it cannot be read, or is larger than the limit.
    """
    if isinstance(file, str | FilePath):
        path = FilePath(file)
        return Source(path.name, _opened(path))
    name = FilePath(str(getattr(file, "name", "") or "")).name or "the file"
    copy = tempfile.TemporaryFile()  # noqa: SIM115 -- it lives as long as the source
    _copy(file, copy, limit)
    if limit is not None and copy.tell() > limit:
        raise InvalidOrganisation([f"{name}: is larger than {limit // 1024 // 1024} MiB, the upload limit."])
    return Source(name, copy)


def _opened(path: FilePath) -> IO[bytes]:
    try:
        file = path.open("rb")
        if file.seekable():
            return file
        with file:
            copy = tempfile.TemporaryFile()  # noqa: SIM115 -- it lives as long as the source
            shutil.copyfileobj(file, copy)
            return copy
    except OSError as error:
        raise InvalidOrganisation([f"{path.name}: can't be read: {error.strerror or error}."]) from None


def _copy(file: IO[Any], copy: IO[bytes], limit: int | None) -> None:
    """Copy the file, and no more than a piece past the limit."""
    while (limit is None or copy.tell() <= limit) and (found := file.read(CHUNK)):
        copy.write(found.encode("utf-8", "surrogatepass") if isinstance(found, str) else found)
