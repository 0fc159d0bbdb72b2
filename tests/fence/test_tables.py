"""Every table of an account is fenced: its rows are there for the web role inside that account, and nowhere else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.accounts.fence import tell, tenant, view_of
from tests.fence.world import OTHERWISE, World, as_web, fenced_tables, ids_by_account, rows, run

pytestmark = pytest.mark.django_db

# Nobody's in particular: people, who belong to several accounts, and the machinery.
UNFENCED = {
    "access_operatorsession",  # the platform's; seen by the middleware of every request
    # A person's own, who may be in several accounts: addresses, second factors, sessions, tokens (their digests).
    "account_emailaddress",
    "account_emailconfirmation",
    "accounts_apitoken",
    "accounts_user",
    "auth_group",  # a team's name at guardian, which says nothing but its number
    "auth_group_permissions",
    "auth_permission",
    "billing_seller",  # the platform's, and only read by whom it serves
    "billing_webhookevent",  # what a gateway told us of; says no more than the message's id and kind
    "cache",  # tries to sign in, counted by digests
    "django_admin_log",  # never written: records have a history of their own
    "django_content_type",
    "django_migrations",
    "django_session",
    "guardian_groupobjectpermission",  # never written: shares are in tables of their own
    "guardian_userobjectpermission",
    "mfa_authenticator",
    "procrastinate_events",
    "procrastinate_jobs",
    "procrastinate_periodic_defers",
    "procrastinate_workers",
    "usersessions_usersession",
}
EVERY_TABLE = (
    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
)
WITHOUT_ACCOUNT = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
# What the database alone writes, or what is only ever added to.
APPENDED = {"billing_invoice", "billing_invoiceline", "billing_payment"}
NEVER_CHANGED = {"audit_operation", "audit_entry", "audit_link", *APPENDED}
NEVER_INSERTED = {"audit_operation", "audit_link"}


def denied(statement: str, parameters: Any = None) -> str:
    """The words in which the database refuses the statement."""
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        run(statement, parameters)
    return str(refused.value)


def test_every_table_is_fenced_or_known_to_be_nobodys(world: World) -> None:
    every = {name for (name,) in rows(EVERY_TABLE)}
    assert every - set(fenced_tables()) == UNFENCED
    of_accounts = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if any(field.column == "account_id" for field in model._meta.concrete_fields)
    }
    assert of_accounts | set(OTHERWISE) == set(fenced_tables())


def test_every_fenced_table_has_a_policy_and_does_not_bind_its_owner(world: World) -> None:
    assert {name for (name,) in rows("SELECT DISTINCT tablename FROM pg_policies")} == set(fenced_tables())
    assert rows(WITHOUT_ACCOUNT) == []


def test_the_world_has_rows_of_both_accounts_in_every_table(world: World) -> None:
    for table in fenced_tables():
        found = ids_by_account(table)
        assert found.get(world.here.account.pk), f"make_world makes no row of {table}"
        assert found.get(world.there.account.pk), f"make_world makes no row of {table} in the other account"


def test_the_web_role_sees_the_rows_of_its_account_and_no_other_ones(world: World) -> None:
    everything = {table: ids_by_account(table) for table in fenced_tables()}
    with as_web():
        tell(world.here.account.pk, None)
        for table, ids in everything.items():
            seen = {pk for (pk,) in rows(f"SELECT id FROM {table}")}
            published = ids.get(None, set()) if table.startswith("roles_") else set()
            assert seen == ids[world.here.account.pk] | published, table


def test_without_an_account_it_sees_nothing(world: World) -> None:
    published = {table: ids_by_account(table).get(None, set()) for table in ("roles_role", "roles_rolegrant")}
    tables = fenced_tables()
    with as_web():
        for table in tables:
            assert {pk for (pk,) in rows(f"SELECT id FROM {table}")} == published.get(table, set()), table
        run("SELECT set_config('mandate.account', '', false), set_config('mandate.user', '', false)")
        assert rows("SELECT id FROM crm_lead") == []


def test_the_web_role_changes_and_deletes_nothing_of_another_account(world: World) -> None:
    there = {table: list(ids_by_account(table)[world.there.account.pk]) for table in fenced_tables()}
    with as_web(), transaction.atomic():
        run("SELECT set_config('mandate.reason', 'An attempt', true)")
        tell(world.here.account.pk, world.here.staff.pk)
        for table, ids in there.items():
            for statement in ("UPDATE {} SET id = id WHERE id = ANY(%s)", "DELETE FROM {} WHERE id = ANY(%s)"):
                if table in NEVER_CHANGED:
                    assert "permission denied" in denied(statement.format(table), [ids])
                else:
                    assert run(statement.format(table), [ids]) == 0, table
        transaction.set_rollback(True)


def test_the_web_role_puts_nothing_into_another_account(world: World) -> None:
    copies = {}
    for table in fenced_tables():
        pk = min(ids_by_account(table)[world.there.account.pk])
        ((copies[table],),) = rows(f"SELECT to_jsonb(t) || '{{\"id\": 999999999}}' FROM {table} t WHERE id = %s", [pk])
    with as_web(), transaction.atomic():
        run("SELECT set_config('mandate.reason', 'An attempt', true)")
        tell(world.here.account.pk, world.here.staff.pk)
        for table, copy in copies.items():
            said = denied(f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, %s)).*", [copy])
            expected = "permission denied" if table in NEVER_INSERTED else "violates row-level security policy"
            assert expected in said, (table, said)
        transaction.set_rollback(True)


def test_the_web_role_moves_nothing_into_another_account(world: World) -> None:
    here = {table: ids_by_account(table)[world.here.account.pk] for table in fenced_tables() if table not in OTHERWISE}
    with as_web(), transaction.atomic():
        run("SELECT set_config('mandate.reason', 'An attempt', true)")
        tell(world.here.account.pk, world.here.staff.pk)
        for table, ids in here.items():
            if table in NEVER_CHANGED:
                continue
            said = denied(f"UPDATE {table} SET account_id = %s WHERE id = ANY(%s)", [world.there.account.pk, list(ids)])
            assert "violates row-level security policy" in said, (table, said)
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE {table}",
        "ALTER TABLE {table} ADD COLUMN more int",
        "ALTER TABLE {table} DISABLE TRIGGER ALL",
        "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY more ON {table} USING (true)",
        "DROP POLICY of_account ON {table}",
        "DROP TABLE {table}",
        "CREATE TRIGGER more BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()",
        "COPY {table} FROM STDIN",
    ],
)
def test_the_web_role_does_to_no_table_what_its_owner_may(world: World, statement: str) -> None:
    tables = fenced_tables()
    with as_web(), transaction.atomic():
        for table in tables:
            said = denied(statement.format(table=table))
            assert any(words in said for words in ("permission denied", "must be owner", "COPY FROM not supported")), (
                said
            )
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id int)",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA more",
        "CREATE ROLE more",
        "SET ROLE mandate",
        "SET session_replication_role = replica",
        "INSERT INTO audit_link (account_id) VALUES (1)",
        "UPDATE audit_link SET seq = seq",
        "DELETE FROM audit_link",
        "INSERT INTO audit_operation (actor_name, verb, reason) VALUES ('Ann', 'a.b', 'c')",
        "DELETE FROM audit_entry",
        "DROP VIEW crm_lead_searched",
        "UPDATE crm_lead_searched SET name = name",
        "UPDATE auth_permission SET name = name",
    ],
)
def test_the_web_role_may_not(web: BaseDatabaseWrapper, statement: str) -> None:
    said = denied(statement)
    assert any(words in said for words in ("permission denied", "must be owner")), said


def test_published_roles_are_read_by_everybody_and_written_by_nobody(web: BaseDatabaseWrapper, world: World) -> None:
    tell(world.here.account.pk, world.here.staff.pk)
    assert rows("SELECT count(*) FROM roles_role WHERE account_id IS NULL")[0][0] > 0
    assert run("UPDATE roles_role SET name = 'Mine' WHERE account_id IS NULL") == 0
    assert run("DELETE FROM roles_rolegrant WHERE role_id IN (SELECT id FROM roles_role WHERE account_id IS NULL)") == 0


def test_before_an_account_people_see_what_leads_to_theirs(web: BaseDatabaseWrapper, world: World) -> None:
    side = world.here
    tell(None, side.staff.pk)
    assert rows("SELECT id FROM accounts_account") == [(side.account.pk,)]
    assert rows("SELECT id FROM accounts_branch") == [(side.branch.pk,)]
    assert rows("SELECT account_id FROM accounts_preferences") == [(side.account.pk,)]
    assert rows("SELECT user_id FROM teams_membership") == [(side.staff.pk,)]
    for table in ("teams_team", "access_override", "crm_lead", "audit_entry", "teams_parentmembership"):
        assert rows(f"SELECT id FROM {table}") == []
    assert run("UPDATE accounts_account SET name = 'Mine'") == 0
    assert run("UPDATE accounts_preferences SET clock = 12") == 0
    assert run("DELETE FROM teams_membership") == 0


def test_an_invitation_is_seen_by_whom_it_is_for(web: BaseDatabaseWrapper, world: World) -> None:
    run("UPDATE accounts_user SET email = 'new@here.example' WHERE id = %s", [world.operator.pk])
    tell(None, world.operator.pk)
    assert rows("SELECT email FROM teams_invitation") == [("new@here.example",)]


def test_a_token_leads_to_its_account(web: BaseDatabaseWrapper, world: World) -> None:
    asked = "SELECT teams_inviting_account(%s)"
    assert rows(asked, ["digest of here"]) == [(world.here.account.pk,)]
    assert rows(asked, ["another"]) == [(None,)]


def test_an_operator_sees_every_account_and_nothing_in_it(web: BaseDatabaseWrapper, world: World) -> None:
    tell(None, world.operator.pk)
    assert len(rows("SELECT id FROM accounts_account")) == 2
    assert rows("SELECT id FROM crm_lead") == rows("SELECT id FROM teams_membership") == []
    assert {account for (account,) in rows("SELECT account_id FROM audit_entry")} == {0}
    assert rows("SELECT id FROM audit_operation") != []
    run("UPDATE accounts_user SET is_active = false WHERE id = %s", [world.operator.pk])
    assert rows("SELECT id FROM accounts_account") == []
    assert {about for (about,) in rows("SELECT user_id FROM audit_entry")} == {world.operator.pk}


def test_a_new_account_is_opened_from_within(web: BaseDatabaseWrapper, world: World) -> None:
    ((pk,),) = rows("SELECT nextval(pg_get_serial_sequence('accounts_account', 'id'))")
    opened = (
        "INSERT INTO accounts_account (id, slug, name, scheme, currency, status, access_version, created_at)"
        " VALUES (%s, 'new', 'New', 'atlas', 'EUR', 'active', 1, now()) RETURNING id"
    )
    assert "violates row-level security policy" in denied(opened, [pk])
    with tenant(pk):
        assert rows(opened, [pk]) == [(pk,)]
    assert rows("SELECT id FROM accounts_account") == []


def test_a_membership_in_another_accounts_role_is_still_refused(web: BaseDatabaseWrapper, world: World) -> None:
    """The guard beneath must find the role that the web role does not see."""
    ((foreign,),) = _as_owner("SELECT id FROM roles_role WHERE account_id = %s", [world.there.account.pk])
    tell(world.here.account.pk, world.here.staff.pk)
    said = denied("UPDATE teams_membership SET role_id = %s WHERE account_id = %s", [foreign, world.here.account.pk])
    assert "no branch role of this account" in said


def test_what_the_web_role_changes_raises_the_accounts_version(web: BaseDatabaseWrapper, world: World) -> None:
    tell(world.here.account.pk, world.here.staff.pk)
    version = "SELECT access_version FROM accounts_account"
    before = rows(version)
    run("UPDATE access_override SET reason = 'Another one'")
    assert rows(version) > before


def test_a_trigger_that_looks_into_tables_runs_as_the_owner(world: World) -> None:
    """As the web role it would not find the rows that it is to refuse."""
    tables = "|".join(name for (name,) in rows(EVERY_TABLE))
    functions = rows(
        "SELECT DISTINCT proname, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
        " WHERE NOT tgisinternal AND pronamespace = current_schema()::regnamespace AND NOT prosecdef"
        " AND proname !~ '^procrastinate'"
    )
    assert functions
    for name, source in functions:
        assert not re.search(rf"(FROM|JOIN|UPDATE|INTO)\s+({tables})\b", source), name
    definers = rows(
        "SELECT proname, proconfig::text FROM pg_proc WHERE prosecdef AND pronamespace = current_schema()::regnamespace"
    )
    assert definers
    for name, config in definers:
        assert "search_path=" in str(config), name
        assert "pg_temp" in str(config), name


def test_what_is_searched_has_the_columns_of_its_table(world: World) -> None:
    columns = (
        "SELECT array_agg(column_name::text ORDER BY column_name) FROM information_schema.columns WHERE table_name = %s"
    )
    views = {name for (name,) in rows("SELECT viewname FROM pg_views WHERE schemaname = current_schema()")}
    assert views == {view_of(f"crm_{name}") for name in world.here.records}
    for name in world.here.records:
        table = f"crm_{name}"
        assert rows(columns, [view_of(table)]) == rows(columns, [table]), f"{table}: list Searched in the migration"


def test_a_searched_view_shows_the_account_alone(web: BaseDatabaseWrapper, world: World) -> None:
    for side in (world.here, world.there):
        tell(side.account.pk, side.staff.pk)
        for name, record in side.records.items():
            seen = rows(f"SELECT id, account_id FROM {view_of(f'crm_{name}')}")
            assert {account for _, account in seen} == {side.account.pk}
            assert record.pk in {pk for pk, _ in seen}
    tell(None, world.here.staff.pk)
    assert rows("SELECT id FROM crm_lead_searched") == []


def _as_owner(statement: str, parameters: list[int]) -> list[tuple[object, ...]]:
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
    finally:
        other.close()
