"""The results of a verification: problems, the first fault of each chain, and a report on each chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from apps.audit.models import PLATFORM

# An account's id with the number of a link.
Key = tuple[int, int]


class Problem(StrEnum):
    """What can be wrong with a link or with rows outside of the chain."""

    GAP = "gap"
    PREVIOUS = "previous"
    DOUBLED = "doubled"
    HASH = "hash"
    NO_OPERATION = "no-operation"
    OPERATION = "operation"
    COUNT = "count"
    ENTRIES = "entries"
    UNLINKED = "unlinked"
    MALFORMED = "malformed"
    # Only a head stored elsewhere shows these.
    GONE = "gone"
    CUT = "cut"
    MISSING = "missing"
    REWRITTEN = "rewritten"

    @property
    def sentence(self) -> str:
        """What the problem means, for people."""
        return SENTENCES[self]


SENTENCES = {
    Problem.GAP: "the previous link is missing",
    Problem.PREVIOUS: "it doesn't match the previous link",
    Problem.DOUBLED: "its number is used more than once",
    Problem.HASH: "the link itself was changed",
    Problem.NO_OPERATION: "its operation is missing",
    Problem.OPERATION: "its operation was changed",
    Problem.COUNT: "entries were added or removed",
    Problem.ENTRIES: "its entries were changed",
    Problem.UNLINKED: "rows exist that no link covers",
    Problem.MALFORMED: "a row has no usable key",
    Problem.GONE: "the whole chain is missing",
    Problem.CUT: "this link and all later links are missing",
    Problem.MISSING: "it is missing",
    Problem.REWRITTEN: "it differs from the recorded head, so the chain was rewritten",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """The first bad place of a chain.

    `seq` is None for rows that belong to no link, `operation_id` for a link that is gone with all that named it.
    `kept` describes the recorded head of that place in words.
    """

    account_id: int
    seq: int | None
    operation_id: int | None
    problems: tuple[Problem, ...]
    kept: str = ""

    @property
    def sentence(self) -> str:
        """The fault in one sentence without a full stop."""
        place = "outside the chain" if self.seq is None else f"link {self.seq}"
        operation = "" if self.operation_id is None else f", operation {self.operation_id}"
        kept = f" ({self.kept})" if self.kept else ""
        return f"{place}{operation}: {', '.join(p.sentence for p in self.problems)}{kept}"


@dataclass(frozen=True, slots=True)
class AccountReport:
    """What was found in one account's chain: its size, its head, and the first fault if there is any.

    `links_at` holds the hash and the operation of the links that the caller named. `kept_seq` is the number of the last
    link that equals a kept head; None where no head was compared, or none fits.
    """

    account_id: int
    links: int
    entries: int
    head_seq: int
    head_hash: str
    fault: Fault | None
    head_operation: int | None = None
    links_at: Mapping[int, tuple[str, int | None]] = field(default_factory=dict)
    kept_seq: int | None = None

    @property
    def sound(self) -> bool:
        """Return whether the chain has no fault."""
        return self.fault is None


def first_fault(faults: Sequence[Fault]) -> Fault | None:
    """The first of an account's faults, with all that is wrong at that place; None where there is none."""
    if not faults:
        return None
    first = min(faults, key=_place)
    same = [fault for fault in faults if _place(fault) == _place(first)]
    problems = dict.fromkeys(problem for fault in same for problem in fault.problems)
    kept = next((fault.kept for fault in same if fault.kept), "")
    operation = next((fault.operation_id for fault in same if fault.operation_id is not None), None)
    return Fault(first.account_id, first.seq, operation, tuple(problems), kept)


class Faults:
    """Collects faults and stores the first one of each account."""

    def __init__(self) -> None:
        self._first: dict[int, Fault] = {}

    def add(self, account_id: int | None, seq: int | None, operation_id: int | None, *problems: Problem) -> None:
        """Add a fault. Rows without an account count for the platform's chain."""
        account = PLATFORM if account_id is None else account_id
        fault = Fault(account, seq, operation_id, problems)
        before = self._first.get(account)
        if before is None:
            self._first[account] = fault
        elif _place(fault) <= _place(before):
            self._first[account] = first_fault([before, fault]) or fault

    def of(self, account_id: int) -> Fault | None:
        """The account's first fault."""
        return self._first.get(account_id)

    def accounts(self) -> Iterable[int]:
        """The accounts that have faults."""
        return self._first


def _place(fault: Fault) -> tuple[bool, int]:
    """Return the sort key of a fault: links by number, then rows outside the chain, by operation."""
    return (True, fault.operation_id or 0) if fault.seq is None else (False, fault.seq)
