"""Stores the results of verifications for the log's page: verifying a chain takes too long for a page view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from apps.audit.findings import AccountReport
from apps.audit.models import Link, Verification

COLUMNS = ("at", "links", "entries", "head_seq", "head_hash", "fault")
HELD = ("kept_at", "kept_seq", "kept_fault")


@dataclass(frozen=True, slots=True)
class ChainState:
    """The state of an account's chain: the last verification, the links since, and whether that head is unchanged."""

    verified: Verification | None
    last: int
    head_stands: bool

    @property
    def since(self) -> int:
        """How many links were added since the last verification."""
        return self.last - (self.verified.head_seq if self.verified else 0)

    @property
    def faults(self) -> list[str]:
        """Return the faults, in sentences without full stops."""
        if self.verified is None:
            return []
        gone = f"link {self.verified.head_seq} changed after it was verified"
        return self.verified.faults + ([] if self.head_stands else [gone])


def keep(reports: Iterable[AccountReport], *, at: datetime | None = None, held: bool = False) -> None:
    """Store the reports of a verification. `held`: the chains were also compared with recorded heads."""
    moment = at or timezone.now()
    rows = [_row(report, moment, held=held) for report in reports]
    Verification.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["account_id"],
        update_fields=[*COLUMNS, *(HELD if held else ())],
    )


def state_of(account_id: int) -> ChainState:
    """The state of the account's chain, in three look-ups whatever its length."""
    verified = Verification.objects.filter(account_id=account_id).first()
    links = Link.objects.filter(account_id=account_id)
    last = links.order_by("-seq").values_list("seq", flat=True).first() or 0
    if verified is None or not verified.head_seq:
        return ChainState(verified, last, head_stands=True)
    head = links.filter(seq=verified.head_seq).values_list("hash", flat=True).first()
    return ChainState(verified, last, head_stands=head is not None and bytes(head).hex() == verified.head_hash)


def _row(report: AccountReport, at: datetime, *, held: bool) -> Verification:
    fault = report.fault.sentence if report.fault else ""
    by_heads = report.fault is not None and bool(report.fault.kept)
    return Verification(
        account_id=report.account_id,
        at=at,
        links=report.links,
        entries=report.entries,
        head_seq=report.head_seq,
        head_hash=report.head_hash,
        fault="" if by_heads else fault,
        kept_at=at if held else None,
        kept_seq=report.kept_seq,
        kept_fault=fault if by_heads else "",
    )
