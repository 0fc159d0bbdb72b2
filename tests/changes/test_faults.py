"""Changes that the database breaks off, and ordinary work beside a change that stands open.

`python -m bench.faults` kills processes and servers; what is in here breaks a session or refuses one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.test import Client
from psycopg.errors import AdminShutdown, DiskFull, LockNotAvailable

from apps.access.history.replay import differences
from apps.accounts.models import Account
from apps.audit.models import Entry
from apps.audit.services import operation
from apps.audit.verification import verify
from apps.changes.base import ChangeResult
from apps.changes.guards.last_keeper import LastKeeperGuard
from apps.changes.members import ChangeRole
from apps.crm.models import Contact, Lead
from apps.crm.services import (
    assign_record,
    complete_task,
    create_record,
    delete_record,
    reopen_task,
    set_private,
    update_record,
)
from apps.crm.verbs import ACCOUNT_GENERATED
from apps.orgfiles import organisation
from apps.orgfiles.generation import records
from apps.teams.models import Membership
from tests.commands.conftest import Run, run
from tests.factories import FACTORIES, Cast, make_cast, published
from tests.server_log import log

__all__ = ["log", "run"]

pytestmark = pytest.mark.django_db(transaction=True)

TYPES = ("company", "contact", "lead", "opportunity", "task", "activity")
GLOBEX = {
    "account": {"slug": "globex", "name": "Globex", "scheme": "atlas", "currency": "EUR"},
    "users": [{"email": "gus@globex.example", "name": "Gus Glover"}],
    "branches": [{"slug": "main", "name": "Main"}],
    "members": [{"user": "gus@globex.example", "branch": "main", "role": "owner"}],
    "records": [{"type": "lead", "ref": "L-1", "branch": "main", "name": "Printers"}],
}


@pytest.fixture
def cast() -> Cast:
    """An Atlas account, committed, whose member may do everything with every record."""
    return make_cast("atlas", member_role="admin")


def membership(cast: Cast) -> Membership:
    return Membership.objects.get(branch=cast.branch, user=cast.member)


def demotion(cast: Cast) -> ChangeRole:
    role = published("atlas", "member")
    return ChangeRole(account_id=cast.account.pk, membership_id=membership(cast).pk, role_id=role.pk)


def assert_as_before(cast: Cast, entries: int) -> None:
    """Nothing of the change is there, and the next one works."""
    connection.close()
    assert membership(cast).role.key == "admin"
    assert Entry.objects.count() == entries
    done = demotion(cast).apply(actor=cast.owner, reason="Once more")
    assert done.rows == 1
    assert membership(cast).role.key == "member"
    assert not differences(cast.account.pk)
    assert all(report.sound for report in verify())


def ask(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.fixture
def terminated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has written a change is cut off before the commit."""

    def cut_off(*_: Any) -> None:
        ask("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(LastKeeperGuard, "check", cut_off)


@pytest.fixture
def full() -> Iterator[None]:
    """The table of memberships has no room for another version of a row."""
    ask(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
    )
    ask("CREATE TRIGGER full_disk AFTER UPDATE ON teams_membership EXECUTE FUNCTION no_room()")
    yield
    ask("DROP TRIGGER full_disk ON teams_membership")
    ask("DROP FUNCTION no_room()")


def test_a_session_that_is_cut_off_in_a_change_leaves_nothing(
    cast: Cast, terminated: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = Entry.objects.count()
    with pytest.raises(OperationalError) as caught:
        demotion(cast).apply(actor=cast.owner, reason="Cut off")
    assert isinstance(caught.value.__cause__, AdminShutdown)
    monkeypatch.undo()
    assert_as_before(cast, entries)


ARGUMENTS = ("change_roles", "acme", "--from", "admin", "--to", "member", "--reason", "A fault")


def test_a_command_that_is_cut_off_says_so_in_a_sentence(
    cast: Cast, run: Run, terminated: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = Entry.objects.count()
    result = run(*ARGUMENTS)
    assert (result.code, result.out) == (1, "")
    assert result.err == "The database is not responding: terminating connection due to administrator command\n"
    monkeypatch.undo()
    assert_as_before(cast, entries)


def test_a_command_on_a_full_disk_says_so_in_a_sentence(cast: Cast, run: Run, request: pytest.FixtureRequest) -> None:
    entries = Entry.objects.count()
    request.getfixturevalue("full")
    result = run(*ARGUMENTS)
    ask("ALTER TABLE teams_membership DISABLE TRIGGER full_disk")
    assert (result.code, result.out) == (1, "")
    assert result.err == "The database is out of disk space: could not extend file: No space left on device\n"
    assert_as_before(cast, entries)


def test_a_command_without_a_connection_left_says_so_in_a_sentence(cast: Cast, run: Run) -> None:
    entries = Entry.objects.count()
    with nobody_may_connect():
        result = run(*ARGUMENTS)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("The database has no free connections: ")
    assert "too many connections" in result.err
    assert len(result.err.splitlines()) == 1
    assert_as_before(cast, entries)


@contextmanager
def nobody_may_connect() -> Iterator[None]:
    """Every connection of the database is taken; its sessions are ended, so that whoever goes on needs a new one."""
    name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0]:
            pytest.skip("A superuser is let in whatever the limit.")
        cursor.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        connection.close()
        try:
            yield
        finally:
            cursor.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
    other.close()


def page(cast: Cast) -> Client:
    """The owner, signed in, whose client is answered as a browser is."""
    cast.owner.is_staff = True
    cast.owner.save()
    client = Client(raise_request_exception=False)
    client.force_login(cast.owner)
    assert client.get("/admin/").status_code == 200
    return client


def assert_try_later(client: Client, address: str, sentence: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    text = answer.content.decode()
    assert f"<h1>{sentence}</h1>" in text
    assert "Traceback" not in text


def test_a_page_without_a_connection_left_asks_to_come_back(cast: Cast, log: StringIO) -> None:
    client = page(cast)
    with nobody_may_connect():
        assert_try_later(client, "/admin/", "The database has no free connections")
        assert_try_later(client, "/login/", "The database has no free connections")
    lines = log.getvalue().splitlines()
    assert ["/admin/" in line or "/login/" in line for line in lines] == [True, True], lines
    assert all("was answered with 503: The database has no free connections (" in line for line in lines)
    assert client.get("/admin/").status_code == 200


def test_a_page_whose_session_is_cut_off_asks_to_come_back(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    client = page(cast)
    with monkeypatch.context() as broken:
        broken.setattr(
            "apps.pages.middleware.choose_account", lambda *_: ask("SELECT pg_terminate_backend(pg_backend_pid())")
        )
        assert_try_later(client, "/admin/", "The database is not responding")
    connection.close()  # as the end of a request does with one that is broken
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize(("error", "status"), [(DiskFull, 503), (None, 500)])
def test_a_page_on_a_full_disk_asks_to_come_back_and_one_with_a_bug_does_not(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None, status: int
) -> None:
    client = page(cast)

    def fail(*_: Any) -> None:
        if error is None:
            raise ZeroDivisionError
        raise OperationalError("could not extend file") from error()

    monkeypatch.setattr("apps.pages.middleware.choose_account", fail)
    answer = client.get("/admin/")
    assert answer.status_code == status
    assert "Traceback" not in answer.content.decode()


@pytest.fixture
def open_change(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A change of access that has written and not committed: it holds the account, the membership and the chain."""
    written, released = threading.Event(), threading.Event()
    check = LastKeeperGuard.check
    results: list[Any] = []

    def wait(keepers: LastKeeperGuard, context: Any) -> None:
        check(keepers, context)
        if threading.current_thread() is thread:
            written.set()
            released.wait(120)

    def work() -> None:
        try:
            results.append(change.apply(actor=cast.owner, reason="Stands open"))
        finally:
            connections.close_all()

    monkeypatch.setattr(LastKeeperGuard, "check", wait)
    # The one that is changed is not the one that works meanwhile.
    other = cast.join("admin")
    held = Membership.objects.get(branch=cast.branch, user=other)
    change = ChangeRole(account_id=cast.account.pk, membership_id=held.pk, role_id=published("atlas", "member").pk)
    thread = threading.Thread(target=work)
    thread.start()
    assert written.wait(60)
    ask("SET lock_timeout = '2s'")
    yield
    released.set()
    thread.join(60)
    assert [type(result) for result in results] == [ChangeResult], results


def stored(cast: Cast, record_type: str, **fields: Any) -> Any:
    """A record that the member creates through the service."""
    record = FACTORIES[record_type].build(branch=cast.branch, account=cast.account, **fields)
    return create_record(record, actor=cast.member, accept_doubles=True)


@pytest.mark.usefixtures("open_change")
def test_records_are_written_while_a_change_of_access_stands_open(cast: Cast) -> None:
    ben = cast.member
    lead = stored(cast, "lead", responsible=ben)
    for record_type in TYPES:
        about = {"about_lead": lead} if record_type in ("task", "activity") else {}
        record = stored(cast, record_type, responsible=ben, **about)
        record = update_record(record, actor=ben, changes={"name": "Renamed"})
        record = assign_record(record, actor=ben, responsible=cast.owner)
        record = assign_record(record, actor=ben, responsible=ben)
        if record_type == "task":
            reopen_task(complete_task(record, actor=ben), actor=ben)
        if isinstance(record, Contact):
            set_private(set_private(record, actor=ben, private=True), actor=ben, private=False)
        delete_record(record, actor=ben)


@pytest.mark.usefixtures("open_change")
def test_imports_and_bulk_rows_are_written_while_a_change_of_access_stands_open(cast: Cast) -> None:
    organisation.create(organisation.parse(GLOBEX))
    assert Account.objects.filter(slug="globex").exists()
    with operation(verb=ACCOUNT_GENERATED, actor=None, reason="Beside a change"):
        records.add_records(records.begin(cast.account, 1), "lead", 1_000, lambda rows: None)
    assert Lead.objects.filter(account=cast.account).count() == 1_000


@pytest.mark.usefixtures("open_change")
def test_another_change_of_the_account_does_wait(cast: Cast) -> None:
    """So the two tests above would see a lock."""
    with pytest.raises(OperationalError) as caught:
        demotion(cast).apply(actor=cast.owner, reason="Has to wait")
    assert isinstance(caught.value.__cause__, LockNotAvailable)
    connection.close()


@pytest.mark.usefixtures("open_change")
def test_an_entry_of_the_account_does_wait(cast: Cast) -> None:
    """The chain's lock is held, not the account's row alone."""
    with pytest.raises(OperationalError) as caught, transaction.atomic():
        Membership.objects.filter(branch=cast.branch, user=cast.member).update(role=published("atlas", "member"))
    assert isinstance(caught.value.__cause__, LockNotAvailable)
    connection.close()
