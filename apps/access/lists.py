"""Pages and counts of visible records, quick on millions of rows.

A disjunction of reaches makes the database choose between reading everything in order and reading all that is in reach;
both are slow where what is visible is old. So each reach is an *arm*: a query of its own over an index that ends in
the order of the list, cut at the page's end, and the page is the newest of all the arms. Filters and search go inside
each arm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigIntegerField, F, Func, OuterRef, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan

from apps.access import records
from apps.access.mandate import Mandate
from apps.access.querysets import Zone, reach_qs, surroundings_q, visible, zone_q, zones_of
from apps.accounts.models import Branch, User
from apps.roles.scopes import Scope

CAP = 10_000
NEWEST_FIRST = ("-created_at", "-id")
Narrow = Callable[[QuerySet[Any]], QuerySet[Any]]
"""A filter or a search, applied inside every arm."""


def page(
    mandate: Mandate,
    codename: str,
    *,
    record_type: str | None = None,
    size: int = 50,
    after: tuple[datetime, int] | None = None,
    narrow: Narrow | None = None,
    offset: int = 0,
) -> QuerySet[Any]:
    """The newest visible records, `size` of them, from `offset` on.

    `after` is the `(created_at, id)` of the last record of the page before (keyset paging).

    Raises:
        UnknownPermission, WrongTarget, LookupError: as `visible_to` does.
    """
    base = visible(mandate, codename, record_type)
    upto = offset + size

    def cut(rows: QuerySet[Any]) -> QuerySet[Any]:
        if after is not None:
            rows = rows.filter(TupleLessThan(Tuple(F("created_at"), F("id")), after))
        if narrow is not None:
            rows = narrow(rows)
        return rows.order_by(*NEWEST_FIRST)[:upto]

    ids = _union(arms(mandate, codename, base.model, cut))
    if ids is None:
        return base.none()
    rows: QuerySet[Any] = base.model._default_manager.filter(pk__in=ids)
    return rows.order_by(*NEWEST_FIRST)[offset:upto]


def capped_count(
    mandate: Mandate, codename: str, *, record_type: str | None = None, narrow: Narrow | None = None, cap: int = CAP
) -> int:
    """How many records are visible, counted no further than `cap + 1`: more than `cap` reads as "10,000+".

    Raises:
        UnknownPermission, WrongTarget, LookupError: as `visible_to` does.
    """
    model = visible(mandate, codename, record_type).model

    def cut(rows: QuerySet[Any]) -> QuerySet[Any]:
        return (narrow(rows) if narrow is not None else rows).order_by()[: cap + 1]

    ids = _union(arms(mandate, codename, model, cut))
    return 0 if ids is None else ids.values("found")[: cap + 1].count()


def arms(mandate: Mandate, codename: str, model: type[records.Record], cut: Narrow) -> Iterator[QuerySet[Any]]:
    """One query of record ids for each reach of each zone; `cut` filters, orders and slices it.

    In a zone with several clauses the first one that is not `all` makes the arms, and the others filter them.
    """
    surroundings = surroundings_q(mandate, model)
    rows: QuerySet[Any] = model._default_manager.filter(account=mandate.account_id)
    for zone in zones_of(mandate, codename, model.record_type):
        if not zone.clauses:
            yield from _everything(rows.filter(surroundings), zone, cut)
            continue
        driver, rest = zone.clauses[0], Zone(zone.branches, zone.clauses[1:], zone.groups, zone.mates)
        filtered = rows.filter(surroundings, zone.branch_q, zone_q(mandate, rest, model.record_type))
        for reach, condition in reach_qs(mandate, zone, driver, model.record_type).items():
            if reach is Scope.TEAM:
                yield _each(User.objects.filter(pk__in=sorted(zone.mates)), "responsible", filtered, cut)
            else:
                yield _ids(cut(filtered.filter(condition)))


def _everything(rows: QuerySet[Any], zone: Zone, cut: Narrow) -> Iterator[QuerySet[Any]]:
    if zone.branches is None:
        yield _ids(cut(rows))
    elif len(zone.branches) == 1:
        yield _ids(cut(rows.filter(zone.branch_q)))
    else:
        yield _each(Branch.objects.filter(pk__in=sorted(zone.branches)), "branch", rows, cut)


def _each(subjects: QuerySet[Any], field: str, rows: QuerySet[Any], cut: Narrow) -> QuerySet[Any]:
    """A lateral join: for each subject its own cut of the rows, so that each comes from the index of that field."""
    own = cut(rows.filter(Q(**{field: OuterRef("pk")})))
    return subjects.order_by().values(
        found=Func(ArraySubquery(own.values("pk")), function="unnest", output_field=BigIntegerField())
    )


def _ids(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.values(found=F("pk"))


def _union(found: Iterator[QuerySet[Any]]) -> QuerySet[Any] | None:
    queries = list(found)
    if not queries:
        return None
    return queries[0].union(*queries[1:]) if len(queries) > 1 else queries[0]
