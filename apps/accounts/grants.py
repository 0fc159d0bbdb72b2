"""Grants the web role its table privileges after every migrate, so that no table is missed."""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction
from psycopg import sql

from apps.accounts.fence import WEB_ROLE

# Every other table of the owner's is read and written, inside the account where it is fenced; none is emptied, and none
# is altered. Operations and links are written by the database itself.
READ_ONLY = frozenset(
    {"audit_operation", "audit_link", "auth_permission", "billing_seller", "django_content_type", "django_migrations"}
)
APPENDED_TO = frozenset({"audit_entry", "billing_invoice", "billing_invoiceline", "billing_payment"})
WRITTEN = "SELECT, INSERT, UPDATE, DELETE"
# Columns that the web role may write and not read; `hidden` says how it gets what it needs of them.
UNREADABLE = {"accounts_user": frozenset({"password"})}

_OURS = """
SELECT relname, relkind FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = ANY(%s) AND pg_has_role(relowner, 'USAGE')
"""
_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


def grant_to_web_role(using: str, **_: Any) -> None:
    """Give the web role what it may do, and take from it all else; does nothing on a server without the role."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute("SELECT current_schema() FROM pg_roles WHERE rolname = %s", [WEB_ROLE])
        found = cursor.fetchone()
        if found is None:
            return
        cursor.execute(_OURS, [["r", "p", "v", "S"]])
        relations = cursor.fetchall()
        schema, role = sql.Identifier(found[0]), sql.Identifier(WEB_ROLE)
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
        for name, kind in relations:
            what = sql.SQL("SEQUENCE {}.{}" if kind == "S" else "{}.{}").format(schema, sql.Identifier(name))
            cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(what, role))
            if hidden := UNREADABLE.get(name):
                cursor.execute(_COLUMNS, [name])
                columns = [sql.Identifier(column) for (column,) in cursor.fetchall() if column not in hidden]
                cursor.execute(sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(sql.SQL(", ").join(columns), what, role))
                cursor.execute(sql.SQL("GRANT INSERT, UPDATE, DELETE ON {} TO {}").format(what, role))
                continue
            given = sql.SQL(_privileges(name, kind))
            cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(given, what, role))


def _privileges(name: str, kind: str) -> str:
    if kind == "S":
        return "USAGE"
    if kind == "v" or name in READ_ONLY:
        return "SELECT"
    return "SELECT, INSERT" if name in APPENDED_TO else WRITTEN
