"""The server's log has one line for each event, which says what failed and why, and no secret."""

from __future__ import annotations

import logging
import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import IntegrityError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from procrastinate import RetryStrategy
from procrastinate.contrib.django import DjangoApp, app
from procrastinate.contrib.django.django_connector import DjangoConnector
from psycopg.errors import DiskFull, LockNotAvailable, TooManyConnections

from config.logs import printable, without_secrets
from config.urls import handler400, handler403, handler500
from tests.admin.people import all_but, browser, staff
from tests.factories import make_cast
from tests.server_log import log

__all__ = ["handler400", "handler403", "handler500", "log"]

LINE = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ [A-Z]+ [\w.]+(?: \[[0-9a-f]{12}\])?: ")
TOKEN = "q7HnUu2dRk0aXv3eZb9LxwTtS1mYcPfOi6Gj8KhD4Ns"


class Failures:
    """What the view below raises."""

    error: BaseException | None = None


def fail(request: HttpRequest, token: str = "") -> HttpResponse:
    if Failures.error is not None:
        raise Failures.error
    return HttpResponse("fine")


urlpatterns = [path("fail/", fail), path("invitations/<str:token>/", fail)]


def from_driver(kind: type[psycopg.Error], words: str) -> OperationalError:
    """What Django raises for an error of the driver's."""
    error = OperationalError(words)
    error.__cause__ = kind(words)
    return error


def answer(error: BaseException, address: str = "/fail/") -> HttpResponse:
    Failures.error = error
    with override_settings(ROOT_URLCONF=__name__):
        return Client(raise_request_exception=False).get(address)  # type: ignore[return-value]


GONE = "The database is not responding"
TAKEN = "The database has no free connections"
FULL = "The database is out of disk space"
BUSY = "The database is busy"


@pytest.mark.parametrize(
    ("kind", "words", "sentence"),
    [
        (psycopg.OperationalError, "connection failed: Connection refused\n\tIs the server running?", GONE),
        (psycopg.OperationalError, 'FATAL:  too many connections for database "mandate"', TAKEN),
        (psycopg.OperationalError, "FATAL:  sorry, too many clients already", TAKEN),
        (psycopg.OperationalError, "FATAL:  remaining connection slots are reserved for roles with SUPERUSER", TAKEN),
        (TooManyConnections, "zu viele Verbindungen", TAKEN),
        (DiskFull, "could not extend file: No space left on device", FULL),
        (psycopg.errors.IoError, "could not write to file: No space left on device", FULL),
        (LockNotAvailable, "canceling statement due to lock timeout", BUSY),
    ],
)
@pytest.mark.django_db
def test_an_outage_is_one_line_and_one_page_that_say_what_is_wrong(
    log: StringIO, kind: type[psycopg.Error], words: str, sentence: str
) -> None:
    response = answer(from_driver(kind, words))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
    page = response.content.decode()
    assert f"<h1>{sentence}</h1>" in page
    (line,) = log.getvalue().splitlines()
    first = words.splitlines()[0]
    assert line.endswith(
        f"[{response.headers['X-Request-ID']}]: GET /fail/ was answered with 503: {sentence} ({first})"
    )
    assert first not in page


@pytest.mark.django_db
def test_a_bug_keeps_its_traceback_once_indented_below_its_line(log: StringIO) -> None:
    text = "broken\n2026-11-30 12:00:00,000 INFO mandate: all is well \x1b[2J"
    assert answer(ValueError(text)).status_code == 500
    first, *trace = log.getvalue().splitlines()
    assert LINE.match(first)
    assert "GET /fail/ was answered with 500: broken\\n2026" in first
    assert sum("Traceback" in line for line in trace) == 1
    assert all(line.startswith("    ") for line in trace)
    assert "\x1b" not in log.getvalue()


def broken_rule() -> IntegrityError:
    """What Django raises for a row that breaks a rule of its table, raised while another error is dealt with."""
    words = (
        'new row for relation "crm_lead" violates check constraint "lead_has_a_name"\n'
        "DETAIL:  Failing row contains (1, Secret Street 1,\nwhich has two lines).\n"
        "LINE 1: INSERT INTO crm_lead VALUES ('Secret Street 1')"
    )
    error = IntegrityError(words)
    error.__cause__ = psycopg.errors.CheckViolation(words)
    return error


@pytest.mark.django_db
def test_a_bug_that_the_database_refuses_is_logged_without_rows_and_statements(log: StringIO) -> None:
    wrapped = ValueError("It could not be saved")
    wrapped.__context__ = broken_rule()
    for error in (broken_rule(), wrapped, ExceptionGroup("Two", [broken_rule(), ValueError("other")])):
        assert answer(error).status_code == 500
    assert log.getvalue().count("violates check constraint") >= 6
    for hidden in ("Secret Street", "two lines", "INSERT", "DETAIL"):
        assert hidden not in log.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_job_that_the_database_refuses_is_logged_without_rows_and_statements(log: StringIO) -> None:
    with failing_job(broken_rule(), tries=1) as queue:
        run_jobs(queue)
    assert "violates check constraint" in log.getvalue()
    for hidden in ("Secret Street", "two lines", "INSERT", "DETAIL"):
        assert hidden not in log.getvalue()


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (PermissionDenied("not yours"), 403, "not yours"),
        (PermissionDenied(), 403, "Forbidden"),
        (SuspiciousOperation("a forged\nvalue"), 400, "a forged\\nvalue"),
    ],
)
@pytest.mark.django_db
def test_a_refusal_is_one_line_without_a_traceback(log: StringIO, error: Exception, status: int, reason: str) -> None:
    assert answer(error).status_code == status
    (line,) = log.getvalue().splitlines()
    assert line.endswith(f"GET /fail/ was answered with {status}: {reason}")


@pytest.mark.django_db
def test_pages_that_are_refused_or_missing_are_one_line_each(log: StringIO) -> None:
    cast = make_cast()
    client = browser(staff(cast.branch, all_but("view_audit_log", "view_lead")))
    addresses = [
        f"/a/{cast.account.slug}/audit/",
        "/admin/crm/lead/",
        "/a/nowhere/",
        "/admin/crm/lead/%0aINFO%20all%20is%20well/change/",
        "/a/%1b[2J%0aINFO%20all%20is%20well/",
        "/nothing/",
    ]
    for address in addresses:
        before = len(log.getvalue().splitlines())
        response = client.get(address)
        assert response.status_code in (403, 404), address
        assert len(log.getvalue().splitlines()) == before + 1, log.getvalue()
    assert all(LINE.match(line) for line in log.getvalue().splitlines())
    assert "Traceback" not in log.getvalue()
    assert "\x1b" not in log.getvalue()
    assert "was refused view_audit_log" in log.getvalue().splitlines()[0]


@pytest.mark.parametrize(
    "address",
    [
        f"/invitations/{TOKEN}/",
        f"/invitations/{TOKEN}",
        f"/password/reset/key/1f-{TOKEN[:6].lower()}-{TOKEN.lower()}/",
        f"/signup/{TOKEN}/",
        f"/me/email/{TOKEN}:1abc:{TOKEN}/",
        f"/login/verify/{TOKEN}/",
        f"/nothing/{TOKEN}/more/",
    ],
)
@pytest.mark.parametrize("error", [from_driver(DiskFull, "full"), PermissionDenied(), ValueError("a bug")])
@pytest.mark.django_db
def test_no_secret_of_a_link_stands_in_the_log(log: StringIO, address: str, error: Exception) -> None:
    answer(error, f"/invitations/{TOKEN}/")
    Client(raise_request_exception=False).get(address)
    Client(raise_request_exception=False).delete(address)
    lines = log.getvalue()
    assert "/invitations/…/" in lines
    assert TOKEN[:20].lower() not in lines.lower()


def test_what_is_no_secret_is_left_in_a_path() -> None:
    for plain in ("/a/acme/leads/L-17/", "/admin/access/override/12/change/", "/a/a-company-with-a-long-name/members/"):
        assert without_secrets(plain) == plain


def test_texts_of_people_end_no_line() -> None:
    assert printable("a\nb\r\x1b[31m\u2028c\u202e é 名") == "a\\nb\\r\\x1b[31m\\u2028c\\u202e é 名"


@contextmanager
def failing_job(error: BaseException, *, tries: int = 0) -> Iterator[DjangoApp]:
    """An app of whose queue one job raises the error each time."""
    queue = DjangoApp(connector=app.connector)
    retry = RetryStrategy(max_attempts=tries) if tries else False

    @queue.task(name="failing", retry=retry)
    def work(sealed: str) -> None:
        raise error

    work.defer(sealed=TOKEN)
    yield queue


def run_jobs(queue: DjangoApp) -> None:
    """Run what waits in the queue, as a worker does."""
    assert isinstance(app.connector, DjangoConnector)
    with queue.replace_connector(app.connector.get_worker_connector()):
        queue.run_worker(wait=False, listen_notify=False, install_signal_handlers=False)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "ConnectionRefusedError: [Errno 111] Connection refused"),
        (smtplib.SMTPServerDisconnected("gone\r\nfor good"), "SMTPServerDisconnected: gone\\r\\nfor good"),
        (smtplib.SMTPRecipientsRefused({"ann@acme.example": (550, b"no")}), "{'…@…': (550, b'no')}"),
        (from_driver(DiskFull, "could not extend file"), f"{FULL} (could not extend file)"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_a_job_that_fails_for_a_cause_outside_is_one_line_a_try(log: StringIO, error: Exception, cause: str) -> None:
    with failing_job(error, tries=2) as queue:
        run_jobs(queue)
    lines = log.getvalue().splitlines()
    assert [re.sub(r"^.*: Job \d+ ", "", line).partition(": ")[0] for line in lines] == [
        "(failing) failed and will be retried at try 1",
        "(failing) failed and will be retried at try 2",
        "(failing) failed and won't be retried at try 3",
    ]
    assert all(line.endswith(cause) for line in lines)
    assert TOKEN not in log.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_job_with_a_bug_has_one_traceback_at_its_last_try(log: StringIO) -> None:
    with failing_job(ZeroDivisionError("one"), tries=1) as queue:
        run_jobs(queue)
    lines = log.getvalue().splitlines()
    heads = [line for line in lines if not line.startswith("    ")]
    assert len(heads) == 2
    assert all(head.endswith("ZeroDivisionError: one") for head in heads)
    assert sum("Traceback" in line for line in lines) == 1
    assert "Traceback" in lines[2]


@pytest.mark.django_db(transaction=True)
def test_a_job_that_no_task_is_for_is_one_line(log: StringIO) -> None:
    with failing_job(ValueError()) as queue, connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET task_name = 'gone'")
        run_jobs(queue)
    heads = [line for line in log.getvalue().splitlines() if not line.startswith("    ")]
    assert len(heads) == 1
    assert "(gone) failed and won't be retried at try 1: TaskNotFound" in heads[0]


def test_what_a_job_was_given_is_never_logged(log: StringIO) -> None:
    record: dict[str, Any] = {"action": "start_job", "job": {"id": 1, "task_name": "x", "attempts": 0}}
    logging.getLogger("procrastinate.worker").info("Starting job x(sealed='%s')", TOKEN, extra=record)
    assert log.getvalue() == ""
