"""The search path of the functions that migrations make: pinned after every migrate, so that none is ever forgotten."""

from __future__ import annotations

from typing import Any

from django.db import connections

# Functions of extensions are the extension's, and those that are pinned already may hold a shorter path.
PIN = """
DO $$
DECLARE
    found regprocedure;
BEGIN
    FOR found IN
        SELECT pg_proc.oid FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
        WHERE pronamespace = current_schema()::regnamespace AND pg_has_role(proowner, 'USAGE')
        AND lanname IN ('sql', 'plpgsql')
        AND NOT EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'search_path=%')
        AND NOT EXISTS (
            SELECT FROM pg_depend
            WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
        )
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', found, current_schema());
    END LOOP;
END $$
"""


def pin_functions(using: str, **_: Any) -> None:
    """Have every function of the schema find PostgreSQL's own functions first, whatever the session's path is."""
    with connections[using].cursor() as cursor:
        cursor.execute(PIN)
