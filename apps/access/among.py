"""Asking for very many rows by their keys."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models.expressions import RawSQL

FEW = 100


def among(keys: Collection[Any], kind: str = "bigint") -> Any:
    """The keys for an `__in`; many of them as one array: thousands of parameters take longer than their query."""
    return list(keys) if len(keys) <= FEW else RawSQL(f"SELECT unnest(%s::{kind}[])", [list(keys)])  # noqa: S611 - a type of ours
