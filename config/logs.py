"""One line in the server's log for each event: what failed and why, without secrets, and without lines of strangers.

What is outside of the program (the database, a mail server) is named in the line. A bug of our own keeps its traceback,
once.
"""

from __future__ import annotations

import logging
import re
import smtplib
import socket
import traceback
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest

from apps.accounts.database_faults import database_fault, database_words, without_rows

# The request in which a line is written, by the number that its answer carries.
request_id: ContextVar[str] = ContextVar("request_id", default="")
# A part of an address that is random enough to be a secret: the token of an invitation, the key of a new password.
_SECRET = re.compile(r"(?=[^/]*[0-9A-Z])[^/]{20,}")
# Recipients of an email, as mail servers repeat them.
_ADDRESS = re.compile(r"[^\s<>'\"{(]+@[^\s<>'\"})]+")
# What procrastinate says of a job that did not succeed.
_JOB_ENDED = {
    "job_error": "failed and won't be retried",
    "job_error_retry": "failed and will be retried",
    "job_aborted": "was stopped",
    "job_aborted_retry": "was stopped and will be retried",
}
# What is said elsewhere, in one line: by the worker of its connections, and of a job when it ends.
_SAID_ELSEWHERE = frozenset({"side_task_failed", "side_task_monitor_failed", "task_not_found"})


def without_secrets(path: str) -> str:
    """Return the path of an address with “…” in place of each part that may be a secret."""
    return _SECRET.sub("…", path)


def outside_cause(error: BaseException | None) -> str | None:
    """Return what is wrong outside of the program, in one sentence; None where the error is a bug of ours."""
    if error is None:
        return None
    if (fault := database_fault(error)) is not None:
        return f"{fault.sentence} ({database_words(error)})"
    if isinstance(error, smtplib.SMTPException | socket.gaierror | ConnectionError | TimeoutError):
        return _ADDRESS.sub("…@…", f"{type(error).__name__}: {error}")
    return None


def printable(text: str) -> str:
    """Return the text with every character escaped that could end a line or command a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class OneLine(logging.Formatter):
    """Writes a record as one line. The traceback of a bug is indented below it, so that no text looks like a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the request's number where there is one."""
        number = request_id.get()
        text = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        cause = outside_cause(error)
        if cause is not None:
            text = f"{text}: {cause}"
        head = f"{self.formatTime(record)} {record.levelname} {record.name}"
        line = printable(f"{head} [{number}]: {text}" if number else f"{head}: {text}")
        if error is None or cause is not None:
            return line
        trace = without_rows("".join(traceback.format_exception(error)), error).splitlines()
        return "\n".join([line, *(f"    {printable(part)}" for part in trace)])


class RequestLines(logging.Filter):
    """Says of a request that was refused or failed what its answer was; a refusal has no traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; one that names who was refused what is written instead (`views.errors`)."""
        request, status = getattr(record, "request", None), getattr(record, "status_code", None)
        if request is None or status is None:
            return True
        if getattr(request, "refusal_is_logged", False):
            return False
        error = record.exc_info[1] if record.exc_info else None
        path = without_secrets(request.path)
        cause = outside_cause(error)
        if status < 500 or cause is not None:
            record.exc_info = None
        said = [without_rows(str(error), error)] if error is not None and cause is None else _words(record, request)
        reason = cause or next(filter(None, said), HTTPStatus(status).phrase)
        record.msg, record.args = "%s %s was answered with %s: %s", (request.method, path, status, reason)
        return True


class JobLines(logging.Filter):
    """Says of a job that failed which it was, at which try and why; never what it was given, which may be a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        action = getattr(record, "action", None)
        error = record.exc_info[1] if record.exc_info else None
        if action not in _JOB_ENDED:
            # The worker says of the database what is wrong, and when it is back.
            is_said = action in _SAID_ELSEWHERE or database_fault(error) is not None
            return record.levelno >= logging.WARNING and not is_said
        job: dict[str, Any] = record.__dict__["job"]
        cause, is_final = outside_cause(error), action == "job_error"
        if cause is not None or not is_final:
            # The traceback of a bug is written once, with the last try.
            record.exc_info = None
        reason = cause or without_rows(f"{type(error).__name__}: {error}", error)
        record.levelno = logging.ERROR if is_final else logging.WARNING
        record.levelname = logging.getLevelName(record.levelno)
        record.msg = "Job %s (%s) %s at try %s: %s"
        record.args = (job["id"], job["task_name"], _JOB_ENDED[action], job["attempts"] + 1, reason)
        return True


def _words(record: logging.LogRecord, request: HttpRequest) -> list[str]:
    """What Django says of a refusal beside the address and the method, such as why a form counts as forged."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return [str(argument) for argument in arguments if argument not in (request.path, request.method)]
