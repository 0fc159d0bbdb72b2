"""Query very many rows by key: `user__among=keys` is `user__in=keys`, with the keys as one array.

Thousands of parameters take longer than their query. A subquery of the keys would be a join, which the planner
estimates from table statistics; for tables that have just been filled it has none.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup
from django.db.models.sql.compiler import SQLCompiler


class Among(Lookup[Any]):
    """The lookup: the column has one of these values."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL condition."""
        lhs, parameters = self.process_lhs(compiler, connection)
        return f"{lhs} = ANY(%s)", (*parameters, list(self.rhs))
