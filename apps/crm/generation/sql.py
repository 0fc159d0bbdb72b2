"""How a generated row follows from its number `n` and the seed.

Chance is PostgreSQL's hash of the number: hash partitioning relies on it, so it stays the same from release to release,
and it does not depend on the order in which rows are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, models


def chance(salt: int, choices: str | int, of: str = "n") -> str:
    """A number from 0 to `choices - 1` for each row; 0 where there is nothing to choose from."""
    return f"mod(hashint8extended({of}, %(seed)s + {salt}) & 9223372036854775807, greatest({choices}, 1))"


def skewed(salt: int, choices: str) -> str:
    """A number from 0 to `choices - 1`, the low ones more often: some people do more than others."""
    return f"floor(power({chance(salt, 1_000_000)} / 1000000.0, 1.6) * {choices})::bigint"


def rarely(salt: int, one_in: int) -> str:
    """True for one row in so many."""
    return f"{chance(salt, one_in)} = 0"


def one_of(name: str, salt: int, kind: str = "text") -> str:
    """One of the values in the parameter; NULL where it has none."""
    values = f"(%({name})s::{kind}[])"
    return f"{values}[1 + {chance(salt, f'cardinality{values}')}]"


def insert(model: type[models.Model], columns: Mapping[str, str], source: str, parameters: Mapping[str, Any]) -> None:
    """Insert what `source` (everything from FROM on) yields. Columns that are not given get their field's default."""
    given, values = dict(columns), dict(parameters)
    names: dict[str, str] = {}
    for column in model._meta.concrete_fields:
        names[column.attname] = str(column.column)
        if not column.primary_key and column.attname not in given:
            given[column.attname] = f"%(default_{column.attname})s"
            values[f"default_{column.attname}"] = column.get_db_prep_save(column.get_default(), connection)
    quote = connection.ops.quote_name
    into = ", ".join(quote(names[name]) for name in given)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(model._meta.db_table)} ({into}) SELECT {', '.join(given.values())} {source}", values
        )
