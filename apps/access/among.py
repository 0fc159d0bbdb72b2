"""Asking for very many rows by their keys: `user__among=keys` is `user__in=keys`, with the keys as one array.

Thousands of parameters take longer than their query. And a subquery of the keys is a join, which is planned by what the
planner believes of its tables: of those that have just been filled it knows nothing yet.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup
from django.db.models.sql.compiler import SQLCompiler


class Among(Lookup[Any]):
    """The column has one of these values."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """The condition."""
        lhs, parameters = self.process_lhs(compiler, connection)
        return f"{lhs} = ANY(%s)", (*parameters, list(self.rhs))
