"""The records of an account as lines of its file, put together by the database.

A line is written as `emitting.mapping` writes one. Characters that YAML does not take as they are can still stand in
it: `emitting.escaped` is the last step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, Expression, F, Func, Q, QuerySet, TextField, Value, When

from apps.access import records
from apps.orgfiles import emitting
from apps.orgfiles.fields import Kind, RecordField, fields_of

CHUNK = 2_000
# How a value <v> is written behind its <key>, and as nothing where a file says it by leaving it out. Between two § is a
# text that becomes YAML.
_REQUIRED = "'<key>' || §<v>§"
_TEXT = "CASE WHEN <v> IS NULL OR <v> = '' THEN '' ELSE '<key>' || §<v>§ END"
_ABOUT = "CASE WHEN <v> IS NULL THEN '' ELSE '<key>' || §('<kind>/' || <v>)§ END"
_FLAG = "CASE WHEN <v> THEN '<key>true' ELSE '' END"
_NUMBER = "CASE WHEN <v> IS NULL OR <v> = 0 THEN '' ELSE '<key>' || <v>::text END"
_DAY = "CASE WHEN <v> IS NULL THEN '' ELSE '<key>' || to_char(<v>, 'YYYY-MM-DD') END"
_MOMENT = """CASE WHEN <v> IS NULL THEN '' ELSE '<key>' || to_char(<v> AT TIME ZONE 'UTC',
CASE WHEN date_trunc('second', <v>) = <v> THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END)
END"""
_SEVERAL = """CASE WHEN <v> IS NULL OR cardinality(<v>) = 0 THEN '' ELSE '<key>[' || (
SELECT string_agg(§item.v§, ', ' ORDER BY item.n) FROM unnest(<v>) WITH ORDINALITY AS item (v, n)) || ']' END"""
# The account's own fields: texts, yes or no, lists of texts.
_CUSTOM = """CASE WHEN <v> = '{}' THEN '' ELSE '<key>{' || (
SELECT string_agg(§pair.key§ || ': ' || CASE jsonb_typeof(pair.value)
WHEN 'string' THEN §(pair.value #>> '{}')§
WHEN 'array' THEN '[' || coalesce((SELECT string_agg(§item.v§, ', ' ORDER BY item.n)
FROM jsonb_array_elements_text(pair.value) WITH ORDINALITY AS item (v, n)), '') || ']'
ELSE pair.value::text END, ', ' ORDER BY pair.n)
FROM jsonb_each(<v>) WITH ORDINALITY AS pair (key, value, n)) || '}' END"""
_BY_TYPE: Mapping[type[models.Field[Any, Any]], str] = {
    models.CharField: _TEXT,
    models.TextField: _TEXT,
    models.BooleanField: _FLAG,
    models.DecimalField: _NUMBER,
    models.IntegerField: _NUMBER,
    models.DateTimeField: _MOMENT,
    models.DateField: _DAY,
    models.JSONField: _CUSTOM,
    ArrayField: _SEVERAL,
}


class _Pair(Func):
    """A key of a line with its value, or nothing."""

    output_field = TextField()

    def __init__(self, key: str, value: Any, template: str) -> None:
        super().__init__(value)
        keyed = template.replace("<key>", f", {key}: ")
        self.template = re.sub("§(.+?)§", lambda text: emitting.sql_text(text[1]), keyed)

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """The template with the value in its places."""
        value, params = compiler.compile(self.source_expressions[0])
        parts = self.template.split("<v>")
        return value.join(parts), list(params) * (len(parts) - 1)


class _Line(Func):
    """Pairs in braces, without the comma before the first one."""

    output_field = TextField()
    arg_joiner = " || "
    template = "'  - {' || substr(%(expressions)s, 3) || '}'"


def record_lines(
    record_type: str,
    rows: QuerySet[Any],
    narrowed: Callable[[str], QuerySet[Any]] | None,
    ambiguous: Collection[str],
) -> Iterator[str]:
    """The lines of these rows of a type, in the order in which the records were made.

    `narrowed` are the records of each type that are written, if not all of them are. `ambiguous` are the names that
    statuses of several pipelines have.
    """
    line = _Line(*_pairs(record_type, narrowed, ambiguous))
    for text in rows.order_by("pk").annotate(line=line).values_list("line", flat=True).iterator(chunk_size=CHUNK):
        yield emitting.escaped(text)


def _pairs(
    record_type: str, narrowed: Callable[[str], QuerySet[Any]] | None, ambiguous: Collection[str]
) -> Iterator[Expression]:
    yield _Pair("type", Value(record_type, output_field=TextField()), _REQUIRED)
    yield _Pair("ref", F("reference"), _REQUIRED)
    yield _Pair("branch", F("branch__slug"), _REQUIRED)
    yield _Pair("name", F("name"), _TEXT)
    yield _Pair("responsible", F("responsible__email"), _TEXT)
    yield _Pair("created_by", F("created_by__email"), _TEXT)
    for name, kind in records.model_of(record_type).about_fields.items():
        yield _Pair("about", _reference(name, kind, narrowed), _ABOUT.replace("<kind>", kind))
    yield _Pair("created_at", F("created_at"), _MOMENT)
    for field in fields_of(record_type).values():
        # Which of several lists an entry is of has to be said only where another one has such an entry.
        if field.kind is not Kind.LIST or ambiguous:
            yield _pair(record_type, field, narrowed, ambiguous)


def _pair(
    record_type: str,
    field: RecordField,
    narrowed: Callable[[str], QuerySet[Any]] | None,
    ambiguous: Collection[str],
) -> Expression:
    if field.kind is Kind.RECORD:
        return _Pair(field.key, _reference(field.key, field.to.record_type, narrowed), _TEXT)
    if field.kind is Kind.USER:
        return _Pair(field.key, F(f"{field.key}__email"), _TEXT)
    if field.kind is Kind.ENTRY:
        return _Pair(field.key, F(f"{field.key}__name"), _TEXT)
    if field.kind is Kind.LIST:
        entry = field.column.partition("__")[0]
        said = Case(When(**{f"{entry}__name__in": list(ambiguous)}, then=F(field.column)), default=None)
        return _Pair(field.key, said, _TEXT)
    if field.words is not None:
        return _Pair(field.key, F(field.column), _words(field.words))
    column = records.model_of(record_type)._meta.get_field(field.column)
    template = next(template for kind, template in _BY_TYPE.items() if isinstance(column, kind))
    return _Pair(field.key, F(field.column), template)


def _reference(link: str, record_type: str, narrowed: Callable[[str], QuerySet[Any]] | None) -> Any:
    """The reference behind a link, unless that record is not written."""
    path = f"{link}__reference"
    if narrowed is None:
        return F(path)
    written = Q(**{f"{link}__in": narrowed(record_type).values("pk")})
    return Case(When(written, then=F(path)), default=None)


def _words(words: Mapping[str, Any]) -> str:
    """How a column of choices is written: each by its first word."""
    first: dict[Any, str] = {}
    for word, stored in words.items():
        first.setdefault(stored, word)
    cases = [
        f"WHEN {_literal(stored)} THEN '<key>' || {_literal(emitting.text(word))}"
        for stored, word in first.items()
        if stored
    ]
    return f"CASE <v> {' '.join(cases)} ELSE '' END"


def _literal(found: str | int) -> str:
    return str(found) if isinstance(found, int) else "'" + found.replace("'", "''") + "'"
