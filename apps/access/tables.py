"""Tables from uploaded files: read line by line as often as needed, and never completely in memory."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from apps.access.spreadsheets import uncell

LIMIT = 64 * 1024 * 1024
IN_MEMORY = 1024 * 1024
DELIMITERS = ",;\t"
_BOM = "\ufeff"
_BAD_BYTES = re.compile("[\udc80-\udcff]")


class TableRefused(Exception):
    """The file is not such a table; the message names the line, if there is one."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One line of a table: its number in the file, and its cells by column, without surrounding spaces.

    `problem` says why it can't be read; it has no cells then.
    """

    number: int
    cells: Mapping[str, str]
    problem: str = ""


class CsvTable:
    """The lines of a CSV file (UTF-8; commas, semicolons or tabs), with column names in the first line.

    An apostrophe that our exports put before a formula is removed.

    It keeps its own copy, so every pass reads the same, and a pipe works too. With `headless`, there is one column and
    no header line. Empty lines are skipped.
    """

    def __init__(
        self, file: IO[bytes], columns: Sequence[str], *, needed: Collection[str] = (), headless: bool = False
    ) -> None:
        """Read the file and its first line.

        Raises:
            TableRefused: it is too big, or its columns are wrong.
        """
        self._copy = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - lives as long as the table
        size = 0
        while part := file.read(IN_MEMORY):
            size += len(part)
            if size > LIMIT:
                raise TableRefused(
                    _("The file is larger than %(most)s MiB. Split it into smaller files.")
                    % {"most": LIMIT // 1024 // 1024}
                )
            self._copy.write(part)
        self._headless = headless
        self._delimiter = ","
        self.columns = tuple(columns) if headless else self._read_columns(columns, needed)

    def __len__(self) -> int:
        """Return the number of lines, empty ones included."""
        self._copy.seek(0)
        return sum(1 for _ in self._copy) - (not self._headless)

    def __iter__(self) -> Iterator[CsvRow]:
        """Yield the lines, from the first one on."""
        reader = csv.reader(self._texts(), delimiter=self._delimiter, strict=True)
        if not self._headless:
            next(reader)
        while True:
            number = reader.line_num + 1
            try:
                cells = [uncell(cell.strip()).strip() for cell in next(reader)]
            except StopIteration:
                return
            except csv.Error as error:
                yield CsvRow(number, {}, _("This is not valid CSV: %(error)s.") % {"error": error})
                continue
            if any(cells):
                yield self._line(number, cells)

    def _line(self, number: int, cells: list[str]) -> CsvRow:
        if problem := _unreadable("".join(cells)):
            return CsvRow(number, {}, problem)
        if len(cells) != len(self.columns):
            return CsvRow(
                number,
                {},
                _("The line has %(number)s cells, but the file has %(columns)s columns.")
                % {"number": len(cells), "columns": len(self.columns)},
            )
        return CsvRow(number, dict(zip(self.columns, cells, strict=True)))

    def _texts(self) -> Iterator[str]:
        """Yield the lines as text. Invalid UTF-8 becomes surrogates, which are detected in the cells."""
        self._copy.seek(0)
        for place, line in enumerate(self._copy):
            text = line.decode("utf-8", "surrogateescape")
            yield text if place else text.removeprefix(_BOM)

    def _read_columns(self, columns: Sequence[str], needed: Collection[str]) -> tuple[str, ...]:
        first = next(self._texts(), "")
        if problem := _unreadable(first):
            raise TableRefused(f"line 1: {problem}")
        self._delimiter = next((mark for mark in DELIMITERS if mark in first), ",")
        try:
            names = [name.strip().lower() for name in next(csv.reader([first], delimiter=self._delimiter), [])]
        except csv.Error as error:
            raise TableRefused(_("line 1: This is not valid CSV: %(error)s.") % {"error": error}) from None
        if not any(names):
            raise TableRefused(
                _("line 1: The column names are missing. Choose from %(columns)s.") % {"columns": ", ".join(columns)}
            )
        for place, name in enumerate(names):
            if name not in columns:
                raise TableRefused(
                    _("line 1: “%(name)s” is not a column. Choose from %(columns)s.")
                    % {"name": name, "columns": ", ".join(columns)}
                )
            if name in names[:place]:
                raise TableRefused(_("line 1: The column “%(name)s” occurs twice.") % {"name": name})
        if missing := [name for name in columns if name in needed and name not in names]:
            raise TableRefused(
                _("line 1: The column %(missing)s is missing.") % {"missing": get_text_list(missing, _("and"))}
            )
        return tuple(names)


def _unreadable(text: str) -> str:
    """Return why a text can't be stored; empty if it can."""
    if _BAD_BYTES.search(text):
        return _("The file is not UTF-8. Save it in that encoding.")
    if "\0" in text:
        return _("The text contains the character U+0000, which can't be stored. Remove it.")
    return ""
