"""Which columns of which tables the web role reads and writes, against a list; and what proves who somebody is."""

from __future__ import annotations

import pytest
from django.contrib.auth import HASH_SESSION_KEY, authenticate
from django.contrib.auth.hashers import check_password
from django.db import DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.addresses import vouch_for
from apps.accounts.fence import WEB_ROLE, tell, tenant
from apps.accounts.grants import APPENDED_TO, READ_ONLY, UNREADABLE
from apps.accounts.hidden import mark_of, password_of
from apps.accounts.models import User
from apps.accounts.session_keys import stored_key
from apps.accounts.sessions import end_sessions
from tests.fence.world import World, as_web, rows, run
from tests.signin.people import sign_in

pytestmark = pytest.mark.django_db

# Columns that the web role does not read. What it reads that may be worth stealing stands below, with why.
HIDDEN = {("accounts_user", "password")}
READ_THOUGH_SECRET = {
    ("account_emailconfirmation", "key"): "never written: confirmations are signed links",
    ("accounts_apitoken", "digest"): "a digest of 256 random bits, by which a token is found",
    ("accounts_user", "password_mark"): "a digest of the stored password with its salt, to end sessions by",
    ("cache", "cache_key"): "a digest of who tries to sign in",
    ("django_session", "session_data"): "signed; nobody signs in with it",
    ("django_session", "session_key"): "a digest of the browser's key (`session_keys`)",
    ("mfa_authenticator", "data"): "sealed: secrets of apps and recovery codes; a passkey's public key",
    ("procrastinate_jobs", "args"): "a mail is sealed",
    ("teams_invitation", "token_digest"): "a digest of 256 random bits, by which an invitation is found",
    ("usersessions_usersession", "session_key"): "the same digest",
}
# They sound like a secret and are none: the log's chain is sealed by digests that anybody may know.
NO_SECRET = {
    ("audit_link", "entries_digest"),
    ("audit_link", "hash"),
    ("audit_link", "operation_digest"),
    ("audit_verification", "head_hash"),
}
SOUNDS_SECRET = ("password", "secret", "token", "digest", "session_key", "session_data", "credential", "sealed", "hash")
COLUMNS = """
SELECT table_name, column_name,
    has_column_privilege(%s, table_name::regclass, column_name, 'SELECT'),
    has_column_privilege(%s, table_name::regclass, column_name, 'INSERT'),
    has_column_privilege(%s, table_name::regclass, column_name, 'UPDATE')
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
"""


def test_the_web_role_has_each_column_as_the_list_says(world: World) -> None:
    for table, column, reads, inserts, updates in rows(COLUMNS, [WEB_ROLE] * 3):
        assert reads == ((table, column) not in HIDDEN), (table, column)
        assert inserts == (table not in READ_ONLY), (table, column)
        assert updates == (table not in READ_ONLY | APPENDED_TO), (table, column)
    assert {(table, column) for table, columns in UNREADABLE.items() for column in columns} == HIDDEN


def test_a_column_that_sounds_secret_is_hidden_or_known(world: World) -> None:
    """Whoever adds one decides whether the web role reads it, and says here why."""
    columns = {(table, column) for table, column, *_ in rows(COLUMNS, [WEB_ROLE] * 3)}
    sounding = {(t, c) for t, c in columns if any(word in c for word in SOUNDS_SECRET)}
    assert sounding <= HIDDEN | set(READ_THOUGH_SECRET) | NO_SECRET, sounding
    assert HIDDEN | set(READ_THOUGH_SECRET) | NO_SECRET <= columns


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password FROM accounts_user",
        "SELECT * FROM accounts_user",
        "SELECT accounts_user FROM accounts_user",
        "SELECT to_jsonb(u) FROM accounts_user u",
        "SELECT id FROM accounts_user WHERE password LIKE 'pbkdf2%%'",
        "SELECT id FROM accounts_user ORDER BY password",
        "UPDATE accounts_user SET name = password",
        "UPDATE accounts_user SET is_active = is_active RETURNING password",
        "COPY accounts_user TO STDOUT",
        "CREATE VIEW mine AS SELECT password FROM accounts_user",
    ],
)
def test_no_statement_of_the_web_role_reads_passwords(web: BaseDatabaseWrapper, world: World, statement: str) -> None:
    tell(world.here.account.pk, world.here.staff.pk)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        run(statement)


def test_a_password_is_read_of_the_one_person_that_the_session_is_told(world: World) -> None:
    stored = dict(rows("SELECT id, password FROM accounts_user"))
    with as_web():
        assert rows("SELECT accounts_password()") == [(None,)]
        for user in (world.here.staff, world.there.staff):
            with tenant(None, user.pk):
                assert rows("SELECT accounts_password()") == [(stored[user.pk],)]
            assert password_of(user.pk) == stored[user.pk]
        assert rows("SELECT accounts_password()") == [(None,)]


def test_users_come_without_their_password_which_is_read_by_itself(web: BaseDatabaseWrapper, world: World) -> None:
    staff = world.here.staff
    run("UPDATE accounts_user SET name = 'Sam again' WHERE id = %s", [staff.pk])
    for user in (User.objects.get(pk=staff.pk), *User.objects.filter(pk=staff.pk).select_related()):
        assert "password" not in user.__dict__
        assert user.password == staff.password
    user = User.objects.get(pk=staff.pk)
    user.name = "Sam"
    user.save()
    user.refresh_from_db()
    assert password_of(staff.pk) == staff.password
    user.set_password("a heron stands in the rain")
    user.save()
    assert check_password("a heron stands in the rain", password_of(staff.pk))
    assert User.objects.get(pk=staff.pk).password_mark == mark_of(password_of(staff.pk))


@pytest.mark.parametrize("stored", ["!", "", "md5$salt$digest", "back\\slash \\\\ and é", "!unusable"])
def test_the_mark_is_the_same_in_the_database_and_here(world: World, stored: str) -> None:
    with transaction.atomic():
        User.objects.filter(pk=world.both.pk).update(password=stored)
        user = User.objects.get(pk=world.both.pk)
        assert user.password_mark == mark_of(stored)
        assert user.has_usable_password() == (not stored.startswith("!"))
        transaction.set_rollback(True)


def test_a_new_password_ends_sessions_whoever_reads_the_user(web: BaseDatabaseWrapper, world: World) -> None:
    client = Client()
    client.force_login(world.here.staff)
    assert client.get("/me/").status_code == 200
    assert client.session[HASH_SESSION_KEY] == User.objects.get(pk=world.here.staff.pk).get_session_auth_hash()
    user = User.objects.get(pk=world.here.staff.pk)
    user.set_password("a heron stands in the rain")
    user.save()
    assert client.get("/me/").status_code == 302
    assert authenticate(email=user.email, password="a heron stands in the rain") == user
    assert authenticate(email=user.email, password="another") is None


def test_nobody_is_signed_in_by_what_the_tables_have_of_a_session(world: World) -> None:
    vouch_for([world.here.staff])
    client = sign_in(world.here.staff).client
    key = client.cookies["sessionid"].value
    ((stored,),) = rows("SELECT session_key FROM django_session WHERE session_key = %s", [stored_key(key)])
    assert stored != key
    assert rows("SELECT 1 FROM django_session WHERE session_key = %s OR session_data LIKE %s", [key, f"%{key}%"]) == []
    assert client.get("/me/").status_code == 200
    ((listed,),) = rows("SELECT session_key FROM usersessions_usersession WHERE user_id = %s", [world.here.staff.pk])
    assert listed == stored
    thief = Client()
    thief.cookies["sessionid"] = str(stored)
    assert thief.get("/me/").status_code == 302
    assert client.get("/me/").status_code == 200
    assert end_sessions(world.here.staff) == 1
    assert client.get("/me/").status_code == 302


def test_a_page_reads_no_password(web: BaseDatabaseWrapper, world: World) -> None:
    client = Client()
    client.force_login(world.here.staff)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"/a/{world.here.account.slug}/").status_code == 200
        assert client.get("/admin/crm/lead/").status_code == 200
    statements = [query["sql"] for query in queries]
    assert statements
    assert not [sql for sql in statements if "accounts_password" in sql or '"password"' in sql]
