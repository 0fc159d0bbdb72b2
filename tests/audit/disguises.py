"""Disguises: what the owner of the database does to the schema so that a forgery is not seen.

Each is a generator: what it does before it yields comes before the forgery, and the rest after it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tests.audit.chains import TABLES, sql
from tests.audit.forging import loosen

Disguise = Callable[[random.Random], Iterator[None]]

# What a column of each type can become without its values being written in another way.
TYPES = {
    "bigint": ["numeric", "text", "varchar(40)"],
    "text": ["varchar", "varchar(200)"],
    "jsonb": ["json", "text"],
    "inet": ["text", "varchar"],
    "timestamp with time zone": ["text", "varchar"],
    "bytea": ["text"],
}
FUNCTIONS = (
    "sha256(bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT '\\x00'::bytea $$",
    "count(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 0::bigint $$",
    "format_type(oid, integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'bigint'::text $$",
    "to_regclass(text) RETURNS regclass LANGUAGE sql IMMUTABLE AS $$ SELECT NULL::regclass $$",
    "set_config(text, text, boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $2 $$",
    "json_build_array(text, bigint, bigint) RETURNS json LANGUAGE sql IMMUTABLE AS $$ SELECT '[]'::json $$",
)
OPERATORS = (
    "= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = eve_says)",
    "= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = eve_says)",
    "<> (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = eve_says)",
)


def nothing(dice: random.Random) -> Iterator[None]:
    """The schema stays as it is."""
    yield


def missing_keys(dice: random.Random) -> Iterator[None]:
    """A row without keys in each table, which sorts before or behind all others."""
    loosen()
    yield
    for table in TABLES:
        sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    sql("INSERT INTO audit_operation (actor_name) VALUES (NULL)")
    sql("INSERT INTO audit_entry (target_text) VALUES (NULL)")
    sql("INSERT INTO audit_link (hash) VALUES (NULL)")


def constraints(dice: random.Random) -> Iterator[None]:
    """Constraints are gone."""
    table = dice.choice(TABLES)
    names = sql("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u')", table)
    sql(f"ALTER TABLE {table} DROP CONSTRAINT {dice.choice(names)[0]}")
    yield


def types(dice: random.Random) -> Iterator[None]:
    """A column becomes one of another type."""
    yield
    table = dice.choice(TABLES)
    columns = sql(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'id'",
        table,
    )
    column, kind = dice.choice(columns)
    other = dice.choice(TYPES[kind])
    for where, policy in sql("SELECT tablename, policyname FROM pg_policies WHERE tablename = ANY(%s)", list(TABLES)):
        sql(f"DROP POLICY {policy} ON {where}")
    for (name,) in sql("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", table):
        sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    sql("SET LOCAL TimeZone = 'UTC'")
    sql("SET LOCAL DateStyle = 'ISO'")
    sql(f"ALTER TABLE {table} ALTER {column} DROP DEFAULT")
    sql(f"ALTER TABLE {table} ALTER {column} TYPE {other} USING CAST(CAST({column} AS text) AS {other})")


def columns(dice: random.Random) -> Iterator[None]:
    """A column more is there."""
    yield
    sql(f"ALTER TABLE {dice.choice(TABLES)} ADD COLUMN more bigint DEFAULT 1")


def triggers(dice: random.Random) -> Iterator[None]:
    """A trigger is gone, switched off, or there is one more."""
    yield
    table = dice.choice(TABLES)
    [[name]] = dice.sample(sql("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass", table), 1)
    sql(
        dice.choice(
            [
                f"DROP TRIGGER {name} ON {table}",
                f"ALTER TABLE {table} DISABLE TRIGGER {name}",
                f"ALTER TABLE {table} ENABLE REPLICA TRIGGER {name}",
                f"CREATE TRIGGER more BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_link()",
            ]
        )
    )


def guards(dice: random.Random) -> Iterator[None]:
    """The function of a trigger does nothing any more, or looks elsewhere."""
    yield
    name = dice.choice(["audit_refuse_change", "audit_stamp_operation", "audit_refuse_link", "audit_write_links"])
    sql(
        dice.choice(
            [
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
                " SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN NEW; END $$",
                f"ALTER FUNCTION {name}() SET search_path = public, pg_catalog",
                f"ALTER FUNCTION {name}() RESET search_path",
            ]
        )
    )


def functions(dice: random.Random) -> Iterator[None]:
    """Functions and operators of the owner come before PostgreSQL's own."""
    yield
    sql("CREATE FUNCTION eve_says(bytea, bytea) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false'")
    sql("CREATE FUNCTION eve_says(bigint, bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'")
    for function in dice.sample(FUNCTIONS, 3):
        sql(f"CREATE FUNCTION public.{function}")
    sql(f"CREATE OPERATOR public.{dice.choice(OPERATORS)}")
    lead(dice, "public, pg_catalog")


def lead(dice: random.Random, path: str) -> None:
    """Have every session of the database, or of its owner, find names on this path, and this session, too."""
    [[database, role]] = sql("SELECT pg_catalog.current_database(), current_user")
    of = dice.choice([f'DATABASE "{database}"', f'ROLE "{role}" IN DATABASE "{database}"'])
    sql(f"ALTER {of} SET search_path = {path}")
    sql(f"SET LOCAL search_path = {path}")


def another_schema(dice: random.Random) -> Iterator[None]:
    """Other tables of the same names come first; the true ones stay as they are."""
    sql("CREATE SCHEMA eve")
    for table in dice.sample(TABLES, dice.randint(1, 3)):
        sql(f"CREATE TABLE eve.{table} (LIKE public.{table} INCLUDING ALL)")
        sql(f"INSERT INTO eve.{table} OVERRIDING SYSTEM VALUE SELECT * FROM public.{table}")
        sql(f"SELECT setval(pg_get_serial_sequence('eve.{table}', 'id'), 1000000000)")
    lead(dice, "eve, public")
    yield


def temporary(dice: random.Random) -> Iterator[None]:
    """Temporary tables of the same names stand before the true ones in this session."""
    for table in dice.sample(TABLES, dice.randint(1, 3)):
        sql(f"CREATE TEMPORARY TABLE {table} (LIKE public.{table} INCLUDING ALL)")
        sql(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM public.{table}")
        sql(f"SELECT setval(pg_get_serial_sequence('pg_temp.{table}', 'id'), 1000000000)")
    yield


def views(dice: random.Random) -> Iterator[None]:
    """A view stands in the place of a table."""
    yield
    table = dice.choice(TABLES)
    sql(f"ALTER TABLE {table} RENAME TO hidden")
    sql(f"CREATE VIEW {table} AS SELECT * FROM hidden")


def partitions(dice: random.Random) -> Iterator[None]:
    """A partitioned table stands in the place of a table."""
    yield
    table = dice.choice(TABLES)
    sql(f"ALTER TABLE {table} RENAME TO hidden")
    sql("ALTER TABLE hidden ALTER id DROP IDENTITY")
    sql(f"CREATE TABLE {table} (LIKE hidden) PARTITION BY LIST (id)")
    sql(f"ALTER TABLE {table} ATTACH PARTITION hidden DEFAULT")


def children(dice: random.Random) -> Iterator[None]:
    """Rows are moved to a table that inherits."""
    yield
    table = dice.choice(TABLES)
    sql(f"CREATE TABLE child () INHERITS ({table})")
    sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    sql(f"WITH moved AS (DELETE FROM ONLY {table} RETURNING *) INSERT INTO child SELECT * FROM moved")


def rules(dice: random.Random) -> Iterator[None]:
    """A rule keeps what is written from the table, or has it written elsewhere."""
    yield
    table = dice.choice(TABLES)
    event = dice.choice(["INSERT", "UPDATE", "DELETE"])
    sql(f"CREATE RULE eve AS ON {event} TO {table} DO {dice.choice(['INSTEAD', 'ALSO'])} NOTHING")


def row_security(dice: random.Random) -> Iterator[None]:
    """Row-level security binds the owner, too."""
    yield
    table = dice.choice(TABLES)
    sql(f"CREATE POLICY eve ON {table} USING (true)")
    sql(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def an_index(dice: random.Random) -> Iterator[None]:
    """Nothing to do with the log: an index, statistics, a table and a function of one's own."""
    yield
    sql("CREATE INDEX more ON audit_entry (target_text)")
    sql("CREATE STATISTICS more_statistics ON actor_id, verb FROM audit_operation")
    sql("CREATE SCHEMA reports")
    sql("CREATE TABLE reports.audits (id bigint)")
    sql("CREATE FUNCTION reports.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT '\\x00'::bytea $$")
    [[database]] = sql("SELECT pg_catalog.current_database()")
    sql(f'ALTER DATABASE "{database}" SET search_path = public, reports')


# Those that leave the tables, triggers, functions and settings of the log as they should be.
HARMLESS = (nothing, an_index)
DISGUISES: tuple[Disguise, ...] = (
    missing_keys,
    constraints,
    types,
    columns,
    triggers,
    guards,
    functions,
    another_schema,
    temporary,
    views,
    partitions,
    children,
    rules,
    row_security,
)
