"""Whether the log's tables, triggers and functions are as Mandate made them, and its names lead to them.

Verification does not rest on it: it computes everything from the rows, whatever the tables are. But what is altered
here no longer keeps the rows that come next. It is read from the server's own catalogs, so a server that lies passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.backends.utils import CursorWrapper

from apps.audit.guards import GUARDS, SEARCH_PATH, TRIGGERS
from apps.audit.rows import TABLES, Table
from apps.audit.verification import Place, Places, pinned

# Beside the columns of `rows`: the number of a link's row, which nothing reads and no digest is of.
UNSEALED = {"audit_link": {"id": "bigint"}}
CONSTRAINTS = {
    "audit_operation": {
        "audit_operation_pkey": "PRIMARY KEY (id)",
        "audit_operation_actor": r"CHECK ((actor_name ~ '\S'::text))",
        "audit_operation_reason": r"CHECK ((reason ~ '\S'::text))",
        "audit_operation_verb": r"CHECK ((verb ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$'::text))",
    },
    "audit_entry": {
        "audit_entry_pkey": "PRIMARY KEY (id)",
        "audit_entry_account": "CHECK ((account_id >= 0))",
        "audit_entry_values": "CHECK (((jsonb_typeof(before) <> 'null'::text)"
        " AND (jsonb_typeof(after) <> 'null'::text)))",
    },
    "audit_link": {
        "audit_link_pkey": "PRIMARY KEY (id)",
        "audit_link_in_chain": "UNIQUE (account_id, seq)",
    },
}

KIND = (
    "SELECT relkind = 'r', relpersistence = 'p', relforcerowsecurity, row_security_active(oid),"
    " EXISTS (SELECT FROM pg_inherits WHERE pg_class.oid IN (inhrelid, inhparent)),"
    " ARRAY(SELECT rulename::text FROM pg_rewrite WHERE ev_class = pg_class.oid AND relkind = 'r')"
    " FROM pg_class WHERE oid = %s"
)
COLUMNS = (
    "SELECT attname, attnotnull, attgenerated <> '' FROM pg_attribute"
    " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped"
)
CONSTRAINED = (
    "SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint"
    " WHERE conrelid = %s AND contype IN ('p', 'u', 'c')"
)
TRIGGERED = (
    "SELECT tgname, pg_get_triggerdef(oid), tgenabled IN ('O', 'A') FROM pg_trigger"
    " WHERE tgrelid = %s AND NOT tgisinternal"
)
FUNCTION = (
    "SELECT prosrc, prosecdef, lanname = 'plpgsql', proconfig FROM pg_proc"
    " JOIN pg_namespace ON pg_namespace.oid = pronamespace JOIN pg_language ON pg_language.oid = prolang"
    " WHERE nspname = %s AND proname = %s AND pg_get_function_identity_arguments(pg_proc.oid) = %s"
)
# What a database or a role has set for every session of it.
STANDING = (
    "SELECT coalesce(rolname, ''), setting FROM pg_db_role_setting"
    " LEFT JOIN pg_roles ON pg_roles.oid = setrole, unnest(setconfig) AS setting"
    " WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
)
NAMES = ", ".join(f"pg_catalog.to_regclass('{table.name}')::pg_catalog.oid" for table in TABLES)
PATH = f"SELECT pg_catalog.current_schemas(true)::pg_catalog.text[], {NAMES}"


def faults() -> list[str]:
    """What is not as Mandate made it, in sentences without a full stop; empty where all is."""
    with pinned() as (cursor, places):
        return [
            *(sentence for table in TABLES for sentence in _of_table(cursor, table, places)),
            *_of_functions(cursor, places),
            *_of_settings(cursor, places),
        ]


def _of_table(cursor: CursorWrapper, table: Table, places: Places) -> Iterator[str]:
    place = places.get(table.name)
    if place is None:
        yield f"{table.name} is missing"
        return
    plain, permanent, forced, hidden, inherits, rules = _rows(cursor, KIND, place.oid)[0]
    if not plain:
        yield f"{table.name} is not an ordinary table"
    if not permanent:
        yield f"{table.name} is a temporary or unlogged table"
    if forced or hidden:
        yield f"row-level security hides rows of {table.name} from whoever verifies it"
    if inherits:
        yield f"{table.name} has tables that inherit from it, or inherits from one"
    for rule in rules:
        yield f"{table.name} has a rule, {rule}"
    yield from _of_columns(cursor, table, place)
    expected = {name: (definition, True) for name, definition in CONSTRAINTS[table.name].items()}
    yield from _compared(f"constraint of {table.name}", expected, _rows(cursor, CONSTRAINED, place.oid))
    yield from _of_triggers(cursor, table, place)


def _of_columns(cursor: CursorWrapper, table: Table, place: Place) -> Iterator[str]:
    said = table.columns | UNSEALED.get(table.name, {})
    expected = {name: (kind.removesuffix("?"), not kind.endswith("?"), False) for name, kind in said.items()}
    found = [(name, place.columns.get(name), *more) for name, *more in _rows(cursor, COLUMNS, place.oid)]
    yield from _compared(f"column of {table.name}", expected, found)


def _of_triggers(cursor: CursorWrapper, table: Table, place: Place) -> Iterator[str]:
    [[qualified, schema]] = _rows(cursor, "SELECT %s::oid::regclass::text, quote_ident(%s)", place.oid, place.schema)
    expected = {
        name: (f"CREATE TRIGGER {name} {definition.format(table=qualified, schema=schema)}", True)
        for name, definition in TRIGGERS[table.name].items()
    }
    yield from _compared(f"trigger of {table.name}", expected, _rows(cursor, TRIGGERED, place.oid))


def _compared(what: str, expected: dict[str, Any], found: list[tuple[Any, ...]]) -> Iterator[str]:
    there = {name: tuple(rest) for name, *rest in found}
    for name, definition in expected.items():
        if name not in there:
            yield f"the {what} {name} is missing"
        elif there[name] != definition:
            yield f"the {what} {name} is another"
    for name in there.keys() - expected.keys():
        yield f"the {what} {name} is not Mandate's"


def _of_functions(cursor: CursorWrapper, places: Places) -> Iterator[str]:
    schemas = {place.schema for place in places.values()}
    if len(schemas) > 1:
        yield f"the tables are in several schemas: {', '.join(sorted(schemas))}"
    for schema in sorted(schemas)[:1]:
        [[quoted]] = _rows(cursor, "SELECT quote_ident(%s)", schema)
        for guard in GUARDS:
            found = _rows(cursor, FUNCTION, schema, guard.name, guard.arguments)
            if not found:
                yield f"the function {guard.name} is missing"
            elif found[0] != (guard.source(quoted), guard.as_owner, True, [f"search_path={SEARCH_PATH}"]):
                yield f"the function {guard.name} is another"


def _of_settings(cursor: CursorWrapper, places: Places) -> Iterator[str]:
    """Search paths that are set for every session, and lead its names elsewhere."""
    for role, setting in _rows(cursor, STANDING):
        name, _, value = setting.partition("=")
        if name == "search_path":
            of = f"of the role {role}" if role else "of the database"
            [[own]] = _rows(cursor, "SELECT quote_ident(%s)", role or "")
            yield from _of_path(cursor, places, value.replace('"$user"', own) if role else value, of)


def _of_path(cursor: CursorWrapper, places: Places, value: str, of: str) -> Iterator[str]:
    _rows(cursor, "SELECT pg_catalog.set_config('search_path', %s, true)", value)
    [[schemas, *oids]] = _rows(cursor, PATH)
    _rows(cursor, "SELECT pg_catalog.set_config('search_path', %s, true)", SEARCH_PATH)
    if [name for name in schemas if not name.startswith("pg_temp")][:1] != ["pg_catalog"]:
        yield f"the search path {of} has a schema before PostgreSQL's own"
    if oids != [places[table.name].oid if table.name in places else None for table in TABLES]:
        yield f"the search path {of} leads to other tables"


def _rows(cursor: CursorWrapper, statement: str, *params: Any) -> list[tuple[Any, ...]]:
    cursor.execute(statement, params)
    return list(cursor.fetchall())
