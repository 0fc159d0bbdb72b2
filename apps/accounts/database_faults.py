"""Classifies database failures, for the pages, the commands, the worker and the log."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import psycopg
from django.db import Error as DjangoDatabaseError
from django.db import InterfaceError, OperationalError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from procrastinate.exceptions import ConnectorException

# PostgreSQL refuses a connection before it can name the error by its code, so the words have to do.
_NO_CONNECTION = ("too many connections", "too many clients", "remaining connection slots", "no more connections")
_NO_ROOM = "no space left on device"
# A lock that was not given in time, a cancelled statement, a failed serialization, a deadlock.
_OVERTAKEN = frozenset({"55P03", "57014", "40001", "40P01"})
# What stands around a line of a traceback.
_FRAME = " |"


class DatabaseFault(Enum):
    """A reason why the database does not work now, though the program is right."""

    UNREACHABLE = "unreachable"
    NO_CONNECTION_LEFT = "no connection left"
    DISK_FULL = "disk full"
    BUSY = "busy"

    @property
    def sentence(self) -> str:
        """What is wrong, in the reader's language and without a full stop."""
        return str(_SENTENCES[self])


_SENTENCES: dict[DatabaseFault, Promise | str] = {
    DatabaseFault.UNREACHABLE: _("The database is not responding"),
    DatabaseFault.NO_CONNECTION_LEFT: _("The database has no free connections"),
    DatabaseFault.DISK_FULL: _("The database is out of disk space"),
    DatabaseFault.BUSY: _("The database is busy"),
}


def database_fault(error: BaseException | None) -> DatabaseFault | None:
    """Return what is wrong with the database; None where the error is of another kind, such as a bug."""
    links = _links(error)
    for link in links:
        state = getattr(link, "sqlstate", None)
        text = str(link).lower()
        if state == "53100" or _NO_ROOM in text:
            return DatabaseFault.DISK_FULL
        if state == "53300" or any(words in text for words in _NO_CONNECTION):
            return DatabaseFault.NO_CONNECTION_LEFT
        if state in _OVERTAKEN:
            return DatabaseFault.BUSY
    outside = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
    return DatabaseFault.UNREACHABLE if any(isinstance(link, outside) for link in links) else None


def database_words(error: BaseException) -> str:
    """Return the first line of what the database or its driver said."""
    for link in reversed(_links(error)):
        if lines := str(link).strip().splitlines():
            return lines[0]
    return type(error).__name__


def without_rows(text: str, error: BaseException | None) -> str:
    """Return the text, such as a traceback, with only the first line of what each database error says.

    The lines below it repeat the statement, and whole rows with what people wrote into them. `error` is the error that
    the text is about, with those that led to it.
    """
    hidden = {
        line.strip(_FRAME)
        for link in _chain(error)
        if isinstance(link, DjangoDatabaseError | psycopg.Error)
        for line in str(link).strip().splitlines()[1:]
    }
    return "\n".join(line for line in text.splitlines() if line.strip(_FRAME) not in hidden)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and everything that is printed above it in a traceback."""
    if error is None:
        return
    yield error
    yield from _chain(error.__cause__)
    if error.__context__ is not error.__cause__:
        yield from _chain(error.__context__)
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _chain(part)


def _links(error: BaseException | None) -> list[BaseException]:
    """The error and its causes, as long as they are the database's, Django's or the queue's about it."""
    links: list[BaseException] = []
    while isinstance(error, DjangoDatabaseError | psycopg.Error | ConnectorException):
        links.append(error)
        error = error.__cause__
    return links
