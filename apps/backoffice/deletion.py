"""What a deletion also deletes, limited to what the person may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.access import records
from apps.access.context import AccessContext, veil
from apps.access.records import Record
from apps.roles import catalogue

NAMED = 20


def summary_of(access: AccessContext, doomed: Sequence[Record]) -> tuple[list[Any], dict[str, int]]:
    """The records to be deleted with what is deleted along with them, as nested texts, and how many of each kind.

    Only what the person may see is named or counted (access model, section 5).
    """
    texts: list[Any] = []
    counts: dict[str, int] = {}
    companions = list(_companions(access, doomed))
    for record in doomed:
        texts.append(described(record))
        own = [row for row in companions if row.about is not None and row.about == record]
        if own:
            more = [_("and %(number)s more") % {"number": len(own) - NAMED}] if len(own) > NAMED else []
            texts.append([described(row) for row in own[:NAMED]] + more)
    for row in [*doomed, *companions]:
        label = str(row._meta.verbose_name_plural)
        counts[label] = counts.get(label, 0) + 1
    return texts, counts


def described(record: Record) -> str:
    """A record by kind, name and reference."""
    kind = str(record._meta.verbose_name).capitalize()
    name = str(record)
    return f"{kind} {record.reference}" if name == record.reference else f"{kind} {record.reference}: {name}"


def _companions(access: AccessContext, doomed: Iterable[Record]) -> Iterable[Record]:
    """The visible records that live within those to be deleted: activities, which are about them."""
    by_type: dict[str, list[Record]] = {}
    for record in doomed:
        by_type.setdefault(record.record_type, []).append(record)
    for record_type, model in records.registered().items():
        if not catalogue.record_type(record_type).follows_about:
            continue
        condition = Q(pk__in=[])
        for name, about_type in model.about_fields.items():
            condition |= Q(**{f"{name}__in": [record.pk for record in by_type.get(about_type, ())]})
        rows = list(access.rows(f"view_{record_type}", record_type).filter(condition))
        veil(access, rows)
        yield from rows
