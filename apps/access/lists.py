"""Pages and counts of visible records, fast on millions of rows.

With a disjunction of scopes the database either reads everything in order or everything within the scopes; both are
slow if the visible records are old. So each scope is an *arm*: its own query over an index in the list's order, cut at
the page's end. The page is the newest of all arms. Filters and search apply inside each arm.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BigIntegerField, F, Func, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan

from apps.access import records
from apps.access.mandate import Mandate
from apps.access.querysets import BranchGroup, asked_model, reach_qs, surroundings_q, zone_q, zones_of
from apps.accounts.models import Branch, User
from apps.roles.scopes import Scope

CAP = 10_000
NEWEST_FIRST = ("-created_at", "-id")
Narrow = Callable[[QuerySet[Any]], QuerySet[Any]]
"""A filter or a search, applied inside every arm."""
Compiled = tuple[str, tuple[Any, ...]]

_kept: WeakKeyDictionary[Mandate, dict[Hashable, Compiled | None]] = WeakKeyDictionary()


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
    """Return the newest visible records, `size` of them, from `offset` on.

    `after` is the `(created_at, id)` of the last record of the previous page (keyset paging).

    Raises:
        UnknownPermission, WrongTarget, LookupError: as `visible_to` does.
    """
    model, codename = asked_model(codename, record_type)
    upto = offset + size

    def cut(rows: QuerySet[Any]) -> QuerySet[Any]:
        if after is not None:
            rows = rows.filter(TupleLessThan(Tuple(F("created_at"), F("id")), after))
        if narrow is not None:
            rows = narrow(rows)
        return rows.order_by(*NEWEST_FIRST)[:upto]

    first = after is None and narrow is None and not offset
    found = _found(mandate, codename, model, cut, keep=("page", upto) if first else None)
    if found is None:
        return model._default_manager.none()
    rows: QuerySet[Any] = model._default_manager.filter(pk__in=RawSQL(*found))  # noqa: S611 - Django's own SQL
    return rows.order_by(*NEWEST_FIRST)[offset:upto]


def capped_count(
    mandate: Mandate, codename: str, *, record_type: str | None = None, narrow: Narrow | None = None, cap: int = CAP
) -> int:
    """Count the visible records, up to `cap + 1`: more than `cap` reads as "10,000+".

    Raises:
        UnknownPermission, WrongTarget, LookupError: as `visible_to` does.
    """
    model, codename = asked_model(codename, record_type)

    def cut(rows: QuerySet[Any]) -> QuerySet[Any]:
        return (narrow(rows) if narrow is not None else rows).order_by()[: cap + 1]

    found = _found(mandate, codename, model, cut, keep=("count", cap) if narrow is None else None)
    if found is None:
        return 0
    sql, parameters = found
    with connection.cursor() as cursor:
        counted = f"SELECT count(*) FROM (SELECT FROM ({sql}) AS found LIMIT {cap + 1:d}) AS counted"  # noqa: S608 - Django wrote it
        cursor.execute(counted, parameters)
        (count,) = cursor.fetchone()
    return int(count)


def _found(
    mandate: Mandate, codename: str, model: type[records.Record], cut: Narrow, keep: tuple[str, int] | None
) -> Compiled | None:
    """Return the union of the arms as SQL for record ids; None if there can be none.

    Building the SQL takes Django longer than running it. What `keep` names depends only on the Mandate and is cached
    with it.
    """
    if keep is None:
        return _compile(arms(mandate, codename, model, cut))
    kept = _kept.setdefault(mandate, {})
    key = (codename, model, *keep)
    if key not in kept:
        kept[key] = _compile(arms(mandate, codename, model, cut))
    return kept[key]


def _compile(found: Iterable[QuerySet[Any]]) -> Compiled | None:
    queries = list(found)
    if not queries:
        return None
    union = queries[0].union(*queries[1:]) if len(queries) > 1 else queries[0]
    try:
        sql, parameters = union.query.sql_with_params()
    except EmptyResultSet:
        return None
    return sql, tuple(parameters)


def arms(mandate: Mandate, codename: str, model: type[records.Record], cut: Narrow) -> Iterator[QuerySet[Any]]:
    """Return one query of record ids for each scope of each zone; `cut` filters, orders and slices it.

    In a zone with several clauses the first one that is not `all` makes the arms, and the others filter them.
    """
    common = Q(account=mandate.account_id) & surroundings_q(mandate, model)
    every: QuerySet[Any] = model._default_manager.all()
    for zone in zones_of(mandate, codename, model.record_type):
        if not zone.clauses:
            yield _everything(every, common, zone, cut)
            continue
        driver, rest = zone.clauses[0], BranchGroup(zone.branches, zone.clauses[1:], zone.groups, zone.mates)
        filtered = common & zone.branch_q & zone_q(mandate, rest, model.record_type)
        for reach, condition in reach_qs(mandate, zone, driver, model.record_type).items():
            if reach is Scope.TEAM:
                mates = User.objects.filter(pk__in=sorted(zone.mates))
                yield _each(mates, "responsible", every.filter(filtered), cut)
            else:
                yield _ids(cut(every.filter(filtered & condition)))


def _everything(every: QuerySet[Any], common: Q, zone: BranchGroup, cut: Narrow) -> QuerySet[Any]:
    if zone.branches is None or len(zone.branches) == 1:
        return _ids(cut(every.filter(common & zone.branch_q)))
    return _each(Branch.objects.filter(pk__in=sorted(zone.branches)), "branch", every.filter(common), cut)


def _each(subjects: QuerySet[Any], field: str, rows: QuerySet[Any], cut: Narrow) -> QuerySet[Any]:
    """Return a lateral join: each subject has its own cut of the rows, read from the index of that field."""
    own = cut(rows.filter(Q(**{field: OuterRef("pk")})))
    return subjects.order_by().values(
        found=Func(ArraySubquery(own.values("pk")), function="unnest", output_field=BigIntegerField())
    )


def _ids(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.values(found=F("pk"))
