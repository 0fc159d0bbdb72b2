"""Walking the chains: everything that the database sealed is computed again and compared.

Written in its own words rather than with the trigger's function, so that a function somebody has replaced in the
database does not vouch for itself. Two statements do the work. CHAIN looks at the links of an account in order, and at
their operations; ENTRIES looks at what they seal. Both run in batches of about BATCH rows, so that memory is bounded
and progress can be shown, and both are linear in the number of rows.

What a chain cannot show is that its end was cut off: links and entries removed together, up to the last one, leave a
shorter chain that fits. That takes a head of the chain that was kept elsewhere: `heads.py`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import connections, router

from apps.audit.models import Link

BATCH = 50_000

# Called with the number of steps done and of all steps.
Progress = Callable[[int, int], None]

# An account's id with the number of a link, or with the id of an operation.
Key = tuple[int, int]


class Problem(StrEnum):
    """What can be off about a link."""

    GAP = "gap"
    PREVIOUS = "previous"
    HASH = "hash"
    NO_OPERATION = "no-operation"
    OPERATION = "operation"
    COUNT = "count"
    ENTRIES = "entries"
    UNLINKED = "unlinked"
    # What only a head that was kept elsewhere shows.
    GONE = "gone"
    CUT = "cut"
    MISSING = "missing"
    REWRITTEN = "rewritten"

    @property
    def sentence(self) -> str:
        """What the problem means, for people."""
        return SENTENCES[self]


SENTENCES = {
    Problem.GAP: "the link before it is missing",
    Problem.PREVIOUS: "it does not continue the link before it",
    Problem.HASH: "the link itself was changed",
    Problem.NO_OPERATION: "its operation is missing",
    Problem.OPERATION: "its operation was changed",
    Problem.COUNT: "entries were added or removed",
    Problem.ENTRIES: "its entries are not those that were written",
    Problem.UNLINKED: "entries are there that no link seals",
    Problem.GONE: "the whole chain is gone",
    Problem.CUT: "it and all behind it are cut off",
    Problem.MISSING: "it is missing",
    Problem.REWRITTEN: "it is not the link that was kept, so the chain was rewritten",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place of a chain that does not fit.

    `seq` is None for entries that no link comes near, `operation_id` for a link that is gone with all that named it.
    `kept` says in words what a head that was kept elsewhere knows of the place.
    """

    account_id: int
    seq: int | None
    operation_id: int | None
    problems: tuple[Problem, ...]
    kept: str = ""

    @property
    def sentence(self) -> str:
        """The fault in one sentence without a full stop."""
        place = "outside of the chain" if self.seq is None else f"link {self.seq}"
        operation = "" if self.operation_id is None else f", operation {self.operation_id}"
        kept = f" ({self.kept})" if self.kept else ""
        return f"{place}{operation}: {', '.join(p.sentence for p in self.problems)}{kept}"


@dataclass(frozen=True, slots=True)
class AccountReport:
    """What was found in one account's chain: its size, its head, and the first fault if there is any.

    `kept_seq` is the number of the last link that is as a kept head says; None where none was held against it or fits.
    """

    account_id: int
    links: int
    entries: int
    head_seq: int
    head_hash: str
    fault: Fault | None
    kept_seq: int | None = None

    @property
    def sound(self) -> bool:
        """Whether every link fits."""
        return self.fault is None


TOTALS = """
WITH links AS (
    SELECT account_id, count(*) AS links, max(seq) AS seq FROM audit_link {where} GROUP BY account_id
), entries AS (
    SELECT account_id, count(*) AS entries FROM audit_entry {where} GROUP BY account_id
)
SELECT account_id, coalesce(links, 0), coalesce(entries, 0), coalesce(seq, 0), coalesce((
    SELECT encode(hash, 'hex') FROM audit_link
    WHERE audit_link.account_id = totals.account_id ORDER BY audit_link.seq DESC LIMIT 1
), '')
FROM (SELECT * FROM links FULL JOIN entries USING (account_id)) AS totals
ORDER BY account_id
"""

CHAINS = "SELECT account_id FROM audit_link UNION SELECT account_id FROM audit_entry ORDER BY 1"

# Of all that is off, the first place of each account; what has no number comes last.
FIRST = """
SELECT DISTINCT ON (account_id) account_id, seq, operation_id, problems
FROM ({checked}) AS checked
WHERE cardinality(problems) > 0
ORDER BY account_id, seq NULLS LAST, operation_id
"""

# A batch begins with the link that the batch before it ended with, which is there to be continued only.
CHAIN = """
SELECT link.account_id, link.seq, link.operation_id, array_remove(ARRAY[
    CASE WHEN link.seq <> link.before_seq + 1 THEN 'gap' END,
    CASE WHEN link.previous <> link.before_hash THEN 'previous' END,
    CASE WHEN link.hash <> sha256(convert_to(json_build_array(
        'link', link.account_id, link.seq, link.operation_id, link.first_entry, link.last_entry,
        link.entry_count, encode(link.operation_digest, 'hex'), encode(link.entries_digest, 'hex'),
        encode(link.previous, 'hex'), trunc(extract(epoch FROM link.at) * 1000000)::text
    )::text, 'UTF8')) THEN 'hash' END,
    CASE WHEN operation.id IS NULL THEN 'no-operation'
    WHEN link.operation_digest <> sha256(convert_to(json_build_array(
        'operation', operation.id, trunc(extract(epoch FROM operation.at) * 1000000)::text,
        operation.transaction_id, operation.actor_id, operation.actor_name, operation.acting_as_id,
        operation.acting_as_name, operation.verb, operation.reason, operation.ip::text
    )::text, 'UTF8')) THEN 'operation' END
], NULL) AS problems
FROM (
    SELECT *, coalesce(lag(seq) OVER chain, 0) AS before_seq, coalesce(lag(hash) OVER chain, '') AS before_hash
    FROM audit_link
    WHERE (account_id, seq) >= (%(begin)s, %(begin_at)s) AND (account_id, seq) <= (%(end)s, %(end_at)s)
    WINDOW chain AS (PARTITION BY account_id ORDER BY seq, id)
) AS link
LEFT JOIN audit_operation AS operation ON operation.id = link.operation_id
WHERE (link.account_id, link.seq) > (%(begin)s, %(begin_at)s)
"""

# Links and entries of one operation in one account are laid out in one row, a link standing right before its first
# entry. Counting the links up to each place gives every entry the link that it stands behind, with no range join.
ENTRIES = """
SELECT part.account_id, link.seq, part.operation_id, array_remove(ARRAY[
    CASE WHEN link.id IS NULL THEN 'unlinked' END,
    CASE WHEN link.entry_count <> part.entries THEN 'count' END,
    CASE WHEN link.entries_digest IS DISTINCT FROM part.digest
        OR link.first_entry IS DISTINCT FROM part.first OR link.last_entry IS DISTINCT FROM part.last
        THEN CASE WHEN link.id IS NOT NULL THEN 'entries' END END
], NULL) AS problems
FROM (
    SELECT account_id, operation_id, max(link_id) AS link_id, count(entry_id) AS entries,
        min(entry_id) AS first, max(entry_id) AS last, sha256(string_agg(digest, '' ORDER BY entry_id)) AS digest
    FROM (
        SELECT *, count(link_id) OVER (
            PARTITION BY account_id, operation_id ORDER BY place, link_id ROWS UNBOUNDED PRECEDING
        ) AS part
        FROM (
            SELECT account_id, operation_id, first_entry AS place, id AS link_id,
                NULL::bigint AS entry_id, NULL::bytea AS digest
            FROM audit_link WHERE {between}
            UNION ALL
            SELECT account_id, operation_id, id, NULL, id, sha256(convert_to(json_build_array(
                'entry', id, operation_id, account_id, branch_id, user_id,
                target_type, target_id, target_text, before, after
            )::text, 'UTF8'))
            FROM audit_entry WHERE {between}
        ) AS places
    ) AS parts
    GROUP BY account_id, operation_id, part
) AS part
LEFT JOIN audit_link AS link ON link.id = part.link_id
""".replace(
    "{between}",
    "(account_id, operation_id) > (%(begin)s, %(begin_at)s) AND (account_id, operation_id) <= (%(end)s, %(end_at)s)",
)

# Where the batches of each of the two end: the last key of about so many rows.
CHAIN_BATCHES = """
SELECT DISTINCT ON (batch) account_id, seq
FROM (
    SELECT account_id, seq, row_number() OVER (ORDER BY account_id, seq) / %s AS batch FROM audit_link {where}
) AS batched
ORDER BY batch, account_id DESC, seq DESC
"""
ENTRIES_BATCHES = """
SELECT DISTINCT ON (batch) account_id, operation_id
FROM (
    SELECT account_id, operation_id, floor(sum(rows) OVER (ORDER BY account_id, operation_id) / %s) AS batch
    FROM (
        SELECT account_id, operation_id, count(*) AS rows
        FROM (
            SELECT account_id, operation_id FROM audit_entry {where}
            UNION ALL
            SELECT account_id, operation_id FROM audit_link {where}
        ) AS written
        GROUP BY account_id, operation_id
    ) AS counted
) AS batched
ORDER BY batch, account_id DESC, operation_id DESC
"""

# Before the first key of all, and after the last key of an account.
LEAST = -(2**63)
GREATEST = 2**63 - 1


def chains() -> list[int]:
    """The ids of the accounts that something was ever written for, `PLATFORM` among them."""
    return [account_id for (account_id,) in _rows(CHAINS, [])]


def verify(account_id: int | None = None, *, progress: Progress | None = None) -> list[AccountReport]:
    """Verify one account's chain, or every chain, and report on each in the order of the accounts' ids.

    An account that nothing was ever written for has no report. Each statement sees the log as of one moment, and
    links are committed together with what they seal, so writers may go on meanwhile.
    """
    where, only = ("", []) if account_id is None else ("WHERE account_id = %s", [account_id])
    totals = _rows(TOTALS.format(where=where), only * 2)
    chain_ends = _rows(CHAIN_BATCHES.format(where=where), [BATCH, *only])
    entries_ends = _rows(ENTRIES_BATCHES.format(where=where), [BATCH, *only * 2])
    begin = (LEAST, LEAST) if account_id is None else (account_id - 1, GREATEST)
    batches = [*_batches(CHAIN, begin, chain_ends), *_batches(ENTRIES, begin, entries_ends)]

    faults: list[Fault] = []
    for done, (checked, bounds) in enumerate(batches, start=1):
        faults += _faults(checked, bounds)
        if progress:
            progress(done, len(batches))
    by_account: defaultdict[int, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_account[fault.account_id].append(fault)
    return [
        AccountReport(account, links, entries, seq, head, first_fault(by_account[account]))
        for account, links, entries, seq, head in totals
    ]


def _batches(checked: str, begin: Key, ends: list[tuple[Any, ...]]) -> Iterator[tuple[str, dict[str, int]]]:
    """The statement with the bounds of each of its batches: from after `begin` to `end`."""
    for end in ends:
        yield checked, {"begin": begin[0], "begin_at": begin[1], "end": end[0], "end_at": end[1]}
        begin = (end[0], end[1])


def _faults(checked: str, bounds: dict[str, int]) -> list[Fault]:
    """The first fault of each account that the statement finds between the bounds."""
    return [
        Fault(account, seq, operation, tuple(Problem(problem) for problem in problems))
        for account, seq, operation, problems in _rows(FIRST.format(checked=checked), bounds)
    ]


def first_fault(faults: Sequence[Fault]) -> Fault | None:
    """The first of an account's faults, with all that is off about that link; None where there is none."""
    if not faults:
        return None
    first = min(faults, key=_place)
    same = [fault for fault in faults if _place(fault) == _place(first)]
    problems = dict.fromkeys(problem for fault in same for problem in fault.problems)
    kept = next((fault.kept for fault in same if fault.kept), "")
    return Fault(first.account_id, first.seq, first.operation_id, tuple(problems), kept)


def _place(fault: Fault) -> tuple[bool, int]:
    """What orders an account's faults: links by number, then what has none, by operation."""
    return (True, fault.operation_id or 0) if fault.seq is None else (False, fault.seq)


def _rows(statement: str, params: Sequence[int] | Mapping[str, int]) -> list[tuple[Any, ...]]:
    with connections[router.db_for_read(Link) or "default"].cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())
