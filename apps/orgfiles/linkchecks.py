"""What the staged records and shares of a file need of each other, asked of the database for all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import connection
from psycopg import sql

from apps.crm.models import Activity
from apps.orgfiles.problems import SHOWN, Path, Problems
from apps.orgfiles.recordtables import RecordTable
from apps.orgfiles.sharing import ShareTable
from apps.roles import catalogue

# Every arm has the place of a line in its section, the key, and what the sentence needs.
_RECORD_TWICE = """
SELECT 'records' AS section, place, 'ref' AS key, 'twice' AS fault, {kind}::text AS kind, reference, NULL::text AS other
FROM (SELECT place, reference, row_number() OVER (PARTITION BY reference ORDER BY place) AS n FROM {table}) numbered
WHERE n > 1
"""
_LINK_MISSING = """
SELECT 'records', staged.place, {key}, 'missing', {to}, staged.{column}, NULL
FROM {table} staged WHERE staged.{column} IS NOT NULL
AND NOT EXISTS (SELECT FROM {linked} linked WHERE linked.reference = staged.{column})
"""
# A task stays on its branch when its record moves to another one; an activity moves with its record.
_ELSEWHERE = """
SELECT 'records', staged.place, {key}, 'elsewhere', {to}, staged.{column}, linked.branch_id || ' ' || staged.branch_id
FROM {table} staged JOIN {linked} linked ON linked.reference = staged.{column}
WHERE linked.branch_id <> staged.branch_id
"""
_SHARE_MISSING = """
SELECT DISTINCT 'shares', staged.place, 'record', 'missing', staged.kind, staged.reference, NULL
FROM {shares} staged WHERE staged.kind = {kind}
AND NOT EXISTS (SELECT FROM {linked} linked WHERE linked.reference = staged.reference)
"""
_SHARE_NOT_SHARED = """
SELECT DISTINCT 'shares', staged.place, 'record', {fault}, staged.kind, staged.reference, NULL
FROM {shares} staged JOIN {linked} linked ON linked.reference = staged.reference
WHERE staged.kind = {kind} AND {condition}
"""
_SHARE_TWICE = """
SELECT DISTINCT 'shares', place, 'permissions', 'given twice', kind, reference, verb FROM (
    SELECT *, row_number() OVER (PARTITION BY kind, reference, user_id, group_id, verb ORDER BY place) AS n
    FROM {shares} WHERE user_id IS NOT NULL OR group_id IS NOT NULL
) numbered WHERE n > 1
"""
_ALL = "SELECT *, count(*) OVER () FROM ({arms}) problems ORDER BY section, place, key, kind, reference LIMIT {shown}"


def check_links(
    tables: Mapping[str, RecordTable], shares: ShareTable, branches: Mapping[str, int], problems: Problems
) -> None:
    """Add what is wrong between the lines to the problems."""
    arms = [arm for table in tables.values() for arm in _record_arms(table, tables)]
    arms += _share_arms(shares, tables)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(_ALL).format(arms=sql.SQL(" UNION ALL ").join(arms), shown=sql.Literal(SHOWN)))
        rows = cursor.fetchall()
    slugs = {branch_id: slug for slug, branch_id in branches.items()}
    for *row, _ in rows:
        problems.add(*_problem(row, slugs))
    if rows:
        problems.add_more(rows[0][-1] - len(rows))


def _record_arms(table: RecordTable, tables: Mapping[str, RecordTable]) -> list[sql.Composable]:
    arms: list[sql.Composable] = [sql.SQL(_RECORD_TWICE).format(kind=sql.Literal(table.record_type), table=table.name)]
    for link in table.links:
        parts = {
            "key": sql.Literal(link.key),
            "to": sql.Literal(link.to),
            "column": sql.Identifier(link.column),
            "table": table.name,
        }
        arms.append(sql.SQL(_LINK_MISSING).format(linked=tables[link.to].name, **parts))
        if table.record_type == Activity.record_type and link.key == "about":
            arms.append(sql.SQL(_ELSEWHERE).format(linked=tables[link.to].name, **parts))
    return arms


def _share_arms(shares: ShareTable, tables: Mapping[str, RecordTable]) -> list[sql.Composable]:
    arms: list[sql.Composable] = [sql.SQL(_SHARE_TWICE).format(shares=shares.name)]
    for kind, table in tables.items():
        parts = {"shares": shares.name, "kind": sql.Literal(kind), "linked": table.name}
        arms.append(sql.SQL(_SHARE_MISSING).format(**parts))
        if not catalogue.record_type(kind).share_verbs:
            fault, condition = "not shared", "true"
        elif table.has_private:
            fault, condition = "private", "linked.private"
        else:
            continue
        parts |= {"fault": sql.Literal(fault), "condition": sql.SQL(condition)}
        arms.append(sql.SQL(_SHARE_NOT_SHARED).format(**parts))
    return arms


def _problem(row: Sequence[str], slugs: Mapping[int, str]) -> tuple[Path, str]:
    section, place, key, fault, kind, reference, other = row
    path: Path = (section, place, key)
    name = f"{kind}/{reference}"
    if fault == "elsewhere":
        there, here = (slugs[int(branch)] for branch in other.split())
        return path, f"{name} is on the branch {there}, not on {here}."
    sentences = {
        "twice": f"{name} is listed twice.",
        "missing": f"there is no {kind} {reference} in the file.",
        "not shared": f"{name} can't be shared: records of the type {kind} have no shares.",
        "private": f"{name} is private, so it can't be shared.",
        "given twice": f"{other} of {name} is shared twice with the same user or team.",
    }
    return path, sentences[fault]
