"""Records by `INSERT … SELECT` over a series of numbers: all that is in a record follows from its number and the seed.

The numbers are those of the references. A record's branch is its number modulo the number of branches, so that what it
is linked to on the same branch can be told from its number too.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, models

from apps.access import records, shares
from apps.accounts.models import Account, Branch
from apps.crm.bulk_insert import insert
from apps.crm.models import PREFIXES, CallResult, LeadStatus, OpportunityStatus, Outcome, ReferenceCounter, Source
from apps.orgfiles.generation.contents import contents_of, parameters
from apps.orgfiles.generation.sql import chance, rarely, skewed
from apps.teams.models import Membership

# The newest generated record is from here, and the oldest from so long before: the same whenever it is generated.
NEWEST = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=3 * 365)
BATCH = 20_000
Progress = Callable[[int], None]
"""Called with the number of new rows."""

_LAY_OUT = """
DROP TABLE IF EXISTS generation_person, generation_branch;
CREATE TEMPORARY TABLE generation_person ON COMMIT DROP AS
SELECT branch_id, user_id, row_number() OVER (PARTITION BY branch_id ORDER BY id) - 1 AS place
FROM teams_membership WHERE account_id = %(account)s AND status = %(active)s;
CREATE TEMPORARY TABLE generation_branch ON COMMIT DROP AS
SELECT branch.id, row_number() OVER (ORDER BY branch.id) - 1 AS place,
    (SELECT count(*) FROM generation_person WHERE branch_id = branch.id) AS people
FROM accounts_branch branch WHERE branch.account_id = %(account)s AND branch.status = %(open)s;
ANALYZE generation_branch, generation_person;
"""
_SERIES = f"""
FROM (
    SELECT n, %(newest)s::timestamptz
        - make_interval(secs => %(span)s * (%(begin)s + %(count)s - 1 - n) / %(count)s)
        - make_interval(secs => {chance(2, 600)}) AS created_at
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
) AS made
JOIN generation_branch branch ON branch.place = mod(n, %(branches)s)
LEFT JOIN generation_person responsible ON responsible.branch_id = branch.id
    AND responsible.place = CASE WHEN {rarely(3, 20)} THEN -1 ELSE {skewed(4, "branch.people")} END
LEFT JOIN generation_person creator ON creator.branch_id = branch.id AND creator.place = {skewed(5, "branch.people")}
"""  # noqa: S608 - made of the constants of this package
_COMMON = {
    "account_id": "%(account)s",
    "branch_id": "branch.id",
    "reference": "%(prefix)s || '-' || n",
    "responsible_id": "responsible.user_id",
    "created_by_id": "creator.user_id",
    "created_at": "made.created_at",
    "updated_at": "made.created_at",
}


@dataclass(frozen=True, slots=True)
class GenerationRun:
    """One run in an account: its seed, and the numbers that it gave to records, first and count, by type."""

    account: Account
    seed: int
    branches: int
    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)

    def parameters(self, what: str) -> dict[str, Any]:
        """Return the parameters of every statement; each kind of row has its own random seed."""
        return {
            "account": self.account.pk,
            "currency": self.account.currency,
            "branches": self.branches,
            "seed": zlib.crc32(f"{self.seed}:{what}".encode()),
            "newest": NEWEST,
            "span": SPAN.total_seconds(),
        }


def begin(account: Account, seed: int) -> GenerationRun:
    """Lay out who works where, and have constraints checked after each statement rather than all at the end."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # The indexes on texts take what is new from a list, which costs less the longer it is.
        cursor.execute("SET LOCAL gin_pending_list_limit = '64MB'; SET LOCAL work_mem = '64MB'")
        cursor.execute(
            _LAY_OUT,
            {"account": account.pk, "active": Membership.Status.ACTIVE.value, "open": Branch.Status.ACTIVE.value},
        )
        cursor.execute("SELECT count(*) FROM generation_branch")
        (branches,) = cursor.fetchone()
    return GenerationRun(account, seed, branches)


def add_records(run: GenerationRun, record_type: str, count: int, progress: Progress) -> None:
    """So many new records of one type, on every branch alike, the newest last; `BATCH` of them a statement."""
    if not count:
        return
    model = records.model_of(record_type)
    newest_reference = ReferenceCounter.objects.allocate(run.account.pk, record_type, count)[-1]
    end = int(newest_reference.rpartition("-")[2]) + 1
    run.numbers[record_type] = (end - count, count)
    contents = contents_of(record_type, [name for name in _linkable(run) if name != record_type])
    values = run.parameters(record_type) | parameters() | _lists(run.account, record_type) | _links(run)
    values |= {"prefix": PREFIXES[record_type], "begin": end - count, "count": count}
    for first, last in _batches(end - count, end):
        span = {"first": first, "last": last}
        insert(model, {**_COMMON, **contents.columns}, _SERIES + contents.joins, values | span)
        progress(last + 1 - first)


def add_shares(run: GenerationRun, count: int, progress: Progress) -> None:
    """So many shares of `view` on generated leads, each with a member of the lead's branch."""
    tables = shares.tables("lead")
    if not count or tables is None:
        return
    first_lead, leads = run.numbers["lead"]
    lead = "mod(n, %(leads)s)"
    columns = {
        "account_id": "%(account)s",
        "content_object_id": "lead.id",
        "user_id": "person.user_id",
        "permission_id": "%(permission)s",
        "granted_at": "lead.created_at",
        "reason": "'Works on it too'",
    }
    # The first round of all the leads takes one of the branch's people by chance, the next round the one after.
    source = f"""
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    JOIN crm_lead lead ON lead.account_id = %(account)s AND lead.reference = 'L-' || (%(begin)s + {lead})
    JOIN generation_branch branch ON branch.id = lead.branch_id
    JOIN generation_person person ON person.branch_id = branch.id
        AND person.place = mod(n / %(leads)s + {chance(6, "branch.people", lead)}, branch.people)
    """
    values = run.parameters("share") | {
        "permission": shares.permission_id("view_lead"),
        "begin": first_lead,
        "leads": leads,
    }
    for first, last in _batches(0, count):
        insert(tables[0], columns, source, values | {"first": first, "last": last})
        progress(last + 1 - first)


def analyze() -> None:
    """Let the planner know what has come."""
    tables: list[type[models.Model]] = []
    for name, model in records.registered().items():
        tables += [model, *(shares.tables(name) or ())]
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(connection.ops.quote_name(table._meta.db_table) for table in tables)}")


def _batches(start: int, end: int) -> Iterator[tuple[int, int]]:
    for first in range(start, end, BATCH):
        yield first, min(first + BATCH, end) - 1


def _linkable(run: GenerationRun) -> list[str]:
    """The types of which every branch has got a record in this run."""
    return [name for name, (_, count) in run.numbers.items() if count >= run.branches]


def _links(run: GenerationRun) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, (first, count) in run.numbers.items():
        values |= {f"{name}_begin": first, f"{name}_count": count, f"{name}_prefix": PREFIXES[name]}
    return values


def _lists(account: Account, record_type: str) -> dict[str, Any]:
    """The account's own lists: sources, results of calls, and the type's statuses with which of them close a record."""
    sources = Source.objects.filter(account=account, offered=True).values_list("pk", flat=True)
    results = CallResult.objects.filter(account=account, offered=True).values_list("pk", flat=True)
    values: dict[str, Any] = {"sources": list(sources), "results": list(results)}
    model = {"lead": LeadStatus, "opportunity": OpportunityStatus}.get(record_type)
    if model is not None:
        statuses = list(model.on_offer(account.pk))
        values["statuses"] = [status.pk for status in statuses]
        values["closing"] = [status.outcome != Outcome.OPEN for status in statuses]
        values["chances"] = [getattr(status, "probability", 0) for status in statuses]
    return values
