"""Walking the chains: everything that the database sealed is computed again and compared.

The rows come from a server (`verification.py`) or from a dump (`dumps.py`), in any order, and nothing else is taken
from there: digests, order, joins and counts are made here. Each row becomes a short record of fixed size. The records
are sorted, in files where they are many, and merged, so that memory stays the same however long the log is.

What a chain cannot show is that its end was cut off: links and entries removed together, up to the last one, leave a
shorter chain that fits. That takes a head of the chain that was kept elsewhere: `heads.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from itertools import groupby
from typing import Any

from apps.audit.findings import AccountReport, Faults, Key, Problem
from apps.audit.models import PLATFORM
from apps.audit.rows import BOUND, ENTRY, LINK, OPERATION, LinkRow, Row, read_entry, read_link, read_operation
from apps.audit.sorting import Sorter

# The digest of a malformed row, which no row has.
NONE = bytes(32)


class Verification:
    """Takes the rows of a log in any order, and reports on each chain.

    `only` limits it to one account; operations are then those of that account's links. `wanted` names links, by account
    and number, whose hashes the reports hold.
    """

    def __init__(self, only: int | None = None, wanted: Collection[Key] = ()) -> None:
        self._only = only
        self._wanted = frozenset(wanted)
        self._faults = Faults()
        self._links: Counter[int] = Counter()
        self._entries: Counter[int] = Counter()
        self._heads: dict[int, tuple[int, str, int | None]] = {}
        self._links_at: defaultdict[int, dict[int, tuple[str, int | None]]] = defaultdict(dict)
        # Account, number, operation; the hash before and whether it is there; the hash; whether the link is sealed.
        self._chain = Sorter(">QQQ?32s32s?")
        # Account, operation, first entry, number; last entry, count of entries; their digest; whether it is sealed.
        self._seals = Sorter(">QQQQQQ32s?")
        # Account, operation, entry; its digest.
        self._written = Sorter(">QQQ32s")
        # Operation; its digest.
        self._operations = Sorter(">Q32s")
        # Operation; whether a link or only an entry names it; account, number; the operation's digest.
        self._named = Sorter(">Q?QQ32s")

    def add(self, table: str, row: Row) -> None:
        """Take one row of the table of this name."""
        if table == ENTRY.name:
            self._add_entry(row)
        elif table == LINK.name:
            self._add_link(row)
        elif table == OPERATION.name:
            operation = read_operation(row)
            if operation.id is None:
                self._faults.add(PLATFORM, None, None, Problem.MALFORMED)
            else:
                self._operations.add(operation.id + BOUND, operation.digest or NONE)

    def reports(self) -> list[AccountReport]:
        """The report on each account's chain, in the order of the accounts' ids. It is called once, after all rows."""
        self._walk_chains()
        self._check_entries()
        self._check_operations()
        accounts = {*self._links, *self._entries, *self._faults.accounts()}
        return [
            self._report(account) for account in sorted(accounts) if self._only is None or account == self._only
        ]  # fmt: skip

    def _report(self, account: int) -> AccountReport:
        seq, head, operation = self._heads.get(account, (0, "", None))
        return AccountReport(
            account_id=account,
            links=self._links[account],
            entries=self._entries[account],
            head_seq=seq,
            head_hash=head,
            fault=self._faults.of(account),
            head_operation=operation,
            links_at=self._links_at[account],
        )

    def _add_entry(self, row: Row) -> None:
        entry = read_entry(row)
        account, operation = entry.account_id, entry.operation_id
        if account is not None:
            self._entries[account] += 1
        if account is None or operation is None or entry.id is None:
            self._faults.add(account, None, operation, Problem.MALFORMED)
        else:
            self._written.add(account + BOUND, operation + BOUND, entry.id + BOUND, entry.digest or NONE)

    def _add_link(self, row: Row) -> None:
        link = read_link(row)
        account, seq, operation = link.account_id, link.seq, link.operation_id
        if account is None or seq is None:
            self._faults.add(account, None, operation, Problem.MALFORMED)
            if account is not None:
                self._links[account] += 1
            return
        self._links[account] += 1
        if not link.sealed:
            self._faults.add(account, seq, operation, Problem.HASH)
        previous, own = link.previous or NONE, link.hash or NONE
        coded = 0 if operation is None else operation + BOUND
        self._chain.add(account + BOUND, seq + BOUND, coded, bool(link.previous), previous, own, link.sealed)
        if operation is None:
            self._faults.add(account, seq, None, Problem.NO_OPERATION)
        else:
            self._named.add(coded, True, account + BOUND, seq + BOUND, link.operation_digest or NONE)
            self._add_seal(account, seq, operation, link)

    def _add_seal(self, account: int, seq: int, operation: int, link: LinkRow) -> None:
        if link.first_entry is None or link.last_entry is None or link.entry_count is None:
            return
        keys = (account + BOUND, operation + BOUND, link.first_entry + BOUND, seq + BOUND)
        size = (link.last_entry + BOUND, link.entry_count + BOUND)
        self._seals.add(*keys, *size, link.entries_digest or NONE, link.sealed)

    def _walk_chains(self) -> None:
        """Look at the links of each account in order: numbers have no gap, and each continues the one before."""
        before_account, before_seq, before_hashes = None, 0, {b""}
        for (coded, coded_seq), same in groupby(self._chain, key=lambda link: link[:2]):
            account, seq = coded - BOUND, coded_seq - BOUND
            if account != before_account:
                before_account, before_seq, before_hashes = account, 0, {b""}
            links = list(same)
            operation = next((link[2] - BOUND for link in links if link[2]), None)
            if len(links) > 1:
                self._faults.add(account, seq, operation, Problem.DOUBLED)
            if seq != before_seq + 1:
                self._faults.add(account, seq, operation, Problem.GAP)
            if any((link[4] if link[3] else b"") not in before_hashes for link in links):
                self._faults.add(account, seq, operation, Problem.PREVIOUS)
            own = {link[5] for link in links}
            self._heads[account] = (seq, max(own).hex(), operation)
            if (account, seq) in self._wanted:
                self._links_at[account][seq] = (max(own).hex() if len(own) == 1 else "", operation)
            before_seq, before_hashes = seq, own

    def _check_entries(self) -> None:
        """Compare what each link seals with the entries that are there, and find those that no link seals."""
        for (account, operation), written, sealing in _joined(self._written, self._seals, 2):
            self._check_group(account - BOUND, operation - BOUND, written, [_Seal(*link[2:]) for link in sealing])

    def _check_group(
        self, account: int, operation: int, written: Iterable[tuple[Any, ...]], seals: list[_Seal]
    ) -> None:
        """Deal an account's entries of one operation out to the links of that operation."""
        if not seals:
            self._named.add(operation + BOUND, False, account + BOUND, 0, NONE)
        waiting = seals[::-1]
        active: list[_Seal] = []
        unsealed = False
        for _, _, entry, digest in written:
            while waiting and waiting[-1].first <= entry:
                active.append(waiting.pop())
            if any(seal.last < entry for seal in active):
                active = [seal for seal in active if seal.last >= entry]
            if not active:
                unsealed = True
            elif len(active) == 1:
                active[0].take(entry, digest)
            else:
                # Links that seal the same entry: the one whose own row is intact, then the earlier one, is believed.
                min(active, key=lambda seal: (not seal.sealed, seal.seq)).take(entry, digest)
        if unsealed:
            self._faults.add(account, None, operation, Problem.UNLINKED)
        for seal in seals:
            if problems := seal.problems():
                self._faults.add(account, seal.seq - BOUND, operation, *problems)

    def _check_operations(self) -> None:
        """Compare each link's operation with the one that is there, and find operations that nothing names."""
        for (coded,), operations, naming in _joined(self._operations, self._named, 1):
            digests = [digest for _, digest in operations]
            if not naming and self._only is None:
                self._faults.add(PLATFORM, None, coded - BOUND, Problem.UNLINKED)
            for _, by_link, account, seq, digest in naming:
                if not by_link:
                    continue
                if not digests:
                    problem = Problem.NO_OPERATION
                elif digests != [digest] or digest == NONE:
                    problem = Problem.OPERATION
                else:
                    continue
                self._faults.add(account - BOUND, seq - BOUND, coded - BOUND, problem)


class _Seal:
    """A link as it is compared with its entries."""

    __slots__ = (
        "_count",
        "_digest",
        "_from",
        "_hash",
        "_malformed",
        "_number",
        "_to",
        "first",
        "last",
        "sealed",
        "seq",
    )

    def __init__(self, first: int, seq: int, last: int, count: int, digest: bytes, sealed: bool) -> None:
        self.first, self.seq, self.last, self.sealed = first, seq, last, sealed
        self._count, self._digest = count - BOUND, digest
        self._number, self._from, self._to, self._hash, self._malformed = 0, 0, 0, sha256(), False

    def take(self, entry: int, digest: bytes) -> None:
        """Count the entry among those of the link."""
        if not self._number:
            self._from = entry
        self._number += 1
        self._to = entry
        self._hash.update(digest)
        self._malformed |= digest == NONE

    def problems(self) -> list[Problem]:
        """How the entries differ from what the link says."""
        problems = [Problem.COUNT] if self._number != self._count else []
        written = (self._from, self._to, self._hash.digest())
        if not self._number or self._malformed or written != (self.first, self.last, self._digest):
            problems.append(Problem.ENTRIES)
        return problems


def _joined(
    left: Iterable[tuple[Any, ...]], right: Iterable[tuple[Any, ...]], size: int
) -> Iterator[tuple[tuple[int, ...], Iterable[tuple[Any, ...]], list[tuple[Any, ...]]]]:
    """The rows of both sides that begin with the same `size` values, for each such beginning on either side.

    Both sides are sorted. The left rows of a beginning can be many, and are read one by one.
    """
    lefts = groupby(left, key=lambda row: row[:size])
    rights = groupby(right, key=lambda row: row[:size])
    one, other = next(lefts, None), next(rights, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            yield one[0], one[1], []
            one = next(lefts, None)
        elif one is None or other[0] < one[0]:
            yield other[0], (), list(other[1])
            other = next(rights, None)
        else:
            yield one[0], one[1], list(other[1])
            one, other = next(lefts, None), next(rights, None)
