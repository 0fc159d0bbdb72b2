"""Lists of people and places, a page at a time: by the key of the row that the page before ended with, never OFFSET."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import CharField, DateTimeField, F, QuerySet, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.db.models.functions import Coalesce, Lower, NullIf
from django.http import HttpRequest, QueryDict

from apps.access.context import access_of

LONGEST_ID = 18
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def by_name(user: str = "user") -> Any:
    """People in the order of the names that are read: their name, or the address where they have none."""
    named = NullIf(f"{user}__name", Value("", output_field=CharField()))
    return Lower(Coalesce(named, f"{user}__email", output_field=CharField()))


def moment_or_never(field: str) -> Any:
    """A time to sort by; what has never happened comes before everything that has."""
    return Coalesce(field, Value(LONG_AGO), output_field=DateTimeField())


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a list: its name for people, what it goes by, and which way. The id decides between equals."""

    label: str
    keys: Sequence[Any]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list: its rows, how many the whole list has, and the addresses of its neighbours."""

    rows: list[Any]
    many: int
    before: str = ""
    after: str = ""


def part_of(request: HttpRequest, rows: QuerySet[Any], known: QuerySet[Any], order: Order) -> ListPage:
    """The page of a list that the request asks for (`?after=` or `?before=` the id of a row; else the first one).

    `known` are all rows that the person may see: a page continues after a row even if it has left the list by
    now. Rows that the person may not see, and ids of nothing, lead to the first page alike.
    """
    keys = {f"key_{place}": key for place, key in enumerate(order.keys)}
    names = [*keys, "pk"]
    backwards = "before" in request.GET
    anchor = _anchor(known.annotate(**keys), request.GET.get("before" if backwards else "after", ""), names)
    matching = rows.annotate(**keys)
    ascending = order.descending == backwards if anchor is not None else not order.descending
    if anchor is not None:
        beyond = TupleGreaterThan if ascending else TupleLessThan
        matching = matching.filter(beyond(Tuple(*(F(name) for name in names)), anchor))
    ordered = matching.order_by(*(name if ascending else f"-{name}" for name in names))
    size = access_of(request).rows_per_page
    listed = list(ordered[: size + 1])
    more, listed = len(listed) > size, listed[:size]
    turned = backwards and anchor is not None
    if turned:
        listed.reverse()
    earlier, later = (more, True) if turned else (anchor is not None, more)
    return ListPage(
        listed,
        rows.count(),
        _address(request.GET.dict(), "before", listed[0].pk) if earlier and listed else "",
        _address(request.GET.dict(), "after", listed[-1].pk) if later and listed else "",
    )


def _anchor(known: QuerySet[Any], asked: str, names: list[str]) -> tuple[Any, ...] | None:
    if not asked.isdecimal() or len(asked) > LONGEST_ID:
        return None
    row: tuple[Any, ...] | None = known.filter(pk=int(asked)).values_list(*names).first()
    return row


def _address(asked: Mapping[str, str], name: str, pk: int) -> str:
    kept = {key: value for key, value in asked.items() if key not in {"after", "before"} and value}
    return query({**kept, name: str(pk)})


def query(asked: Mapping[str, str]) -> str:
    """The part of an address that asks for this."""
    found = QueryDict(mutable=True)
    found.update(asked)
    return f"?{found.urlencode()}"
