"""What stands in the generated records of each type, column by column, as SQL over `n` (see `sql`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.orgfiles.generation import vocabulary
from apps.orgfiles.generation.sql import chance, one_of, rarely

LINKABLE = ("lead", "contact", "company", "opportunity")


@dataclass(frozen=True, slots=True)
class Contents:
    """The columns of a record type by name, and the types of the records that they link to."""

    columns: Mapping[str, str]
    links: Sequence[str] = ()

    @property
    def joins(self) -> str:
        """Brings one record of each linked type, under the type's name."""
        return "".join(_join(record_type) for record_type in self.links)


def parameters() -> dict[str, Any]:
    """The words that the columns choose from."""
    return {
        "first_names": list(vocabulary.FIRST_NAMES),
        "last_names": list(vocabulary.LAST_NAMES),
        "firm_words": list(vocabulary.FIRM_WORDS),
        "firm_trades": list(vocabulary.FIRM_TRADES),
        "needs": list(vocabulary.NEEDS),
        "jobs": list(vocabulary.JOBS),
        "industries": list(vocabulary.INDUSTRIES),
        "sizes": list(vocabulary.SIZES),
        "cities": [city for city, _, _ in vocabulary.PLACES],
        "countries": [country for _, country, _ in vocabulary.PLACES],
        "dialling": [code for _, _, code in vocabulary.PLACES],
        "streets": list(vocabulary.STREETS),
        "tags": list(vocabulary.TAGS),
        "todos": list(vocabulary.TODOS),
        "events": list(vocabulary.EVENTS),
        "task_kinds": list(vocabulary.TASK_KINDS),
        "activity_kinds": list(vocabulary.ACTIVITY_KINDS),
    }


def contents_of(record_type: str, linkable: Sequence[str]) -> Contents:
    """The contents of a type, where records of the types in `linkable` can be linked to."""
    makers = {
        "company": _company,
        "contact": _contact,
        "lead": _lead,
        "opportunity": _opportunity,
        "task": _task,
        "activity": _activity,
    }
    return makers[record_type](tuple(name for name in LINKABLE if name in linkable))


def _join(record_type: str) -> str:
    """A generated record of the type on the same branch: its number is the same modulo the number of branches."""
    begin, count = f"%({record_type}_begin)s", f"%({record_type}_count)s"
    same_branch = f"mod(mod(n - {begin}, %(branches)s) + %(branches)s, %(branches)s)"
    number = f"{begin} + {same_branch} + %(branches)s * {chance(40, f'{count} / %(branches)s')}"
    return f"""
    LEFT JOIN crm_{record_type} {record_type} ON {record_type}.account_id = %(account)s
        AND {record_type}.reference = %({record_type}_prefix)s || '-' || ({number})
    """


_FIRST, _LAST = one_of("first_names", 10), one_of("last_names", 11)
_WORD, _TRADE = one_of("firm_words", 12), one_of("firm_trades", 13)
_FIRM = f"{_WORD} || ' ' || {_TRADE}"
_FIRM_DOMAIN = f"lower({_WORD} || '-' || {_TRADE}) || '.example'"
_PERSONS_EMAIL = f"lower({_FIRST} || '.' || {_LAST}) || '.' || n || '@' || {_FIRM_DOMAIN}"
_TAGS = {"tags": f"CASE WHEN {rarely(19, 3)} THEN ARRAY[{one_of('tags', 20)}] ELSE '{{}}' END"}
_LATER = f"made.created_at + interval '1 day' * (1 + {chance(25, 60)})"
_ADDRESS = {
    "phones": f"ARRAY[{one_of('dialling', 14)} || (20000000 + {chance(15, 70_000_000)})]",
    "street": f"{one_of('streets', 16)} || ' ' || (1 + {chance(17, 180)})",
    "postal_code": f"(10000 + {chance(18, 80_000)})::text",
    "city": one_of("cities", 14),
    "country": one_of("countries", 14),
}


def _stage() -> dict[str, str]:
    """A status, a source, and when the record was closed where its status closes it."""
    return {
        "status_id": one_of("statuses", 21, "bigint"),
        "closed_at": f"CASE WHEN {one_of('closing', 21, 'boolean')} THEN {_LATER} END",
        "source_id": one_of("sources", 22, "bigint"),
    }


def _money(name: str, one_in: int) -> dict[str, str]:
    return {
        name: f"CASE WHEN {rarely(23, one_in)} THEN 250 * (1 + {chance(24, 400)}) END",
        f"{name}_currency": f"CASE WHEN {rarely(23, one_in)} THEN %(currency)s END",
    }


def _links(linkable: Sequence[str], *wanted: str) -> tuple[dict[str, str], list[str]]:
    """Links to one record each of the wanted types that there are."""
    links = [name for name in wanted if name in linkable]
    return {f"{name}_id": f"{name}.id" for name in links}, links


def _about(linkable: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """About one record of one of the types that there are."""
    which = chance(41, len(linkable))
    columns = {
        f"about_{name}_id": f"CASE WHEN {which} = {place} THEN {name}.id END" for place, name in enumerate(linkable)
    }
    return columns, list(linkable)


def _company(linkable: Sequence[str]) -> Contents:
    return Contents(
        {
            "name": _FIRM,
            "emails": f"ARRAY['office.' || n || '@' || {_FIRM_DOMAIN}]",
            "website": f"'https://' || {_FIRM_DOMAIN} || '/'",
            "industry": one_of("industries", 26),
            "size": one_of("sizes", 27),
            "source_id": one_of("sources", 22, "bigint"),
            **_ADDRESS,
            **_TAGS,
        }
    )


def _contact(linkable: Sequence[str]) -> Contents:
    columns, links = _links(linkable, "company")
    columns |= {
        "name": f"{_FIRST} || ' ' || {_LAST}",
        "emails": f"ARRAY[{_PERSONS_EMAIL}]",
        "job_title": one_of("jobs", 28),
        "private": f"responsible.user_id IS NOT NULL AND {rarely(29, 100)}",
    }
    return Contents(columns | _ADDRESS | _TAGS, links)


def _lead(linkable: Sequence[str]) -> Contents:
    columns, links = _links(linkable, "company")
    columns |= {
        "name": f"{one_of('needs', 30)} || ' for ' || {_FIRM}",
        "person_name": f"{_FIRST} || ' ' || {_LAST}",
        "company_name": _FIRM,
        "job_title": one_of("jobs", 28),
        "emails": f"ARRAY[{_PERSONS_EMAIL}]",
    }
    return Contents(columns | _ADDRESS | _TAGS | _stage() | _money("value", 2), links)


def _opportunity(linkable: Sequence[str]) -> Contents:
    columns, links = _links(linkable, "company", "lead")
    columns |= {
        "name": f"{one_of('needs', 30)} || ' for ' || {_FIRM}",
        "probability": one_of("chances", 21, "int"),
        "close_date": f"({_LATER})::date",
    }
    return Contents(columns | _TAGS | _stage() | _money("amount", 1), links)


def _task(linkable: Sequence[str]) -> Contents:
    columns, links = _about(linkable)
    done = rarely(31, 2)
    columns |= {
        "name": one_of("todos", 32),
        "kind": one_of("task_kinds", 33),
        "priority": f"1 + {chance(34, 3)}",
        "due_at": _LATER,
        "done": done,
        "done_at": f"CASE WHEN {done} THEN {_LATER} END",
        "done_by_id": f"CASE WHEN {done} THEN responsible.user_id END",
    }
    return Contents(columns | _TAGS, links)


def _activity(linkable: Sequence[str]) -> Contents:
    columns, links = _about(linkable)
    kind = one_of("activity_kinds", 36)
    columns |= {
        "name": one_of("events", 35),
        "kind": kind,
        "result_id": f"CASE WHEN {kind} = 'call' THEN {one_of('results', 42, 'bigint')} END",
        "happened_at": "made.created_at",
        "duration": f"CASE WHEN {rarely(37, 2)} THEN 5 * (1 + {chance(38, 12)}) END",
    }
    return Contents(columns, links)
