"""Rows of a model, inserted by one statement from what SQL selects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, models


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
