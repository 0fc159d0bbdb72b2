"""The functions that migrations make: each finds PostgreSQL's own functions first, and the log's call nothing else."""

from __future__ import annotations

import re

import pytest

from apps.audit.functions import pin_functions
from apps.audit.guards import GUARDS
from tests.audit.chains import recomputed_hash, report, sql, write

pytestmark = pytest.mark.django_db

OURS = (
    "SELECT proname, prosrc, array_to_string(proconfig, ';') FROM pg_proc JOIN pg_language ON pg_language.oid = prolang"
    " WHERE pronamespace = current_schema()::regnamespace AND lanname IN ('sql', 'plpgsql') ORDER BY 1"
)
# What decides on what is written. One of the same name in another schema can be a better match for the arguments.
WRITING = r"(?<![.\w])((?:sha\d+|md5|digest|hmac|to_json|row_to_json|json_agg|json_build|to_jsonb|jsonb_build)\w*)\("


def test_every_function_finds_those_of_postgresql_first() -> None:
    found = sql(OURS)
    assert len(found) > 60
    for name, _, settings in found:
        path = re.search(r"search_path=([^;]*)", settings or "")
        assert path, f"{name} has no search path of its own"
        schemas = [schema.strip() for schema in path[1].split(",")]
        assert (schemas[0], schemas[-1]) == ("pg_catalog", "pg_temp"), name


def test_no_function_writes_through_one_that_another_schema_could_have() -> None:
    alone = {guard.name for guard in GUARDS}
    for name, source, settings in sql(OURS):
        if name in alone:
            assert settings == "search_path=pg_catalog, pg_temp", name
        elif not name.startswith("procrastinate"):
            assert not re.findall(WRITING, source), f"{name}: write pg_catalog. before it"


def test_a_new_function_is_pinned_by_the_next_migrate() -> None:
    sql("CREATE FUNCTION one_more() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    pin_functions("default")
    assert sql("SELECT proconfig FROM pg_proc WHERE proname = 'one_more'") == [
        (["search_path=pg_catalog, public, pg_temp"],)
    ]


def test_functions_of_the_owners_own_weaken_nothing_that_is_written() -> None:
    sql("CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT '\\x00'::bytea $$")
    # A better match than PostgreSQL's own, which takes arguments of any type.
    bigint, text = "bigint", "text"
    arguments = [text, *[bigint] * 6, *[text] * 4]
    sql(
        f"CREATE FUNCTION public.json_build_array({', '.join(arguments)}) RETURNS json"
        " LANGUAGE sql AS $$ SELECT '[]'::json $$"
    )
    sql("CREATE FUNCTION public.one(numeric, integer) RETURNS numeric LANGUAGE sql AS 'SELECT 1::numeric'")
    sql("CREATE OPERATOR public.* (LEFTARG = numeric, RIGHTARG = integer, FUNCTION = public.one)")
    sql("SET LOCAL search_path = public, pg_catalog")
    write(1)
    sql("SET LOCAL search_path = public")
    [[link]] = sql("SELECT id FROM audit_link WHERE account_id = 1")
    [[stored]] = sql("SELECT hash FROM audit_link")
    sql("DROP OPERATOR public.* (numeric, integer)")
    assert recomputed_hash(link) == bytes(stored)
    assert report(1).sound
