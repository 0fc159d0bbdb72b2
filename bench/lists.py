"""Pages and counts: ours, by hand, and guardian's, after checking that all three find the same leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from apps.access.lists import capped_count, page
from apps.access.mandate import Mandate
from apps.access.mandate_cache import mandate_for
from apps.access.querysets import visible
from apps.accounts.models import Account
from apps.crm.models import Lead
from bench.by_hand import SIZE, ByHand
from bench.cast import Asker, askers
from bench.measure import Contestants, interleaved
from bench.rivals import Guardian
from bench.tables import Row, milliseconds, ratio

HEADS = ("reach", "visible", "ours", "by hand", "ours/hand", "guardian", "guardian/ours")


class Disagreement(Exception):
    """Two contestants found different leads: whatever they take, there is nothing to compare."""


def pages(account: Account) -> Iterator[Row]:
    """The 50 newest leads of each asker."""
    for asker in askers(account):
        mandate, hand, rival = mandate_for(asker.user, account.pk), ByHand(account.pk, asker), Guardian(asker.twin)
        contestants: Contestants = {
            "ours": partial(_page, mandate),
            "hand": hand.page,
            "guardian": rival.page,
        }
        found = {name: [lead.pk for lead in call()] for name, call in contestants.items()}
        _agree(asker, "page", found)
        yield _row(asker, mandate, interleaved(contestants))


def counts(account: Account) -> Iterator[Row]:
    """How many leads each asker sees, counted no further than the cap."""
    for asker in askers(account):
        mandate, hand, rival = mandate_for(asker.user, account.pk), ByHand(account.pk, asker), Guardian(asker.twin)
        contestants: Contestants = {
            "ours": partial(capped_count, mandate, "view_lead"),
            "hand": hand.count,
            "guardian": rival.count,
        }
        _agree(asker, "count", {name: call() for name, call in contestants.items()})
        yield _row(asker, mandate, interleaved(contestants))


def _page(mandate: Mandate) -> list[Lead]:
    return list(page(mandate, "view_lead", size=SIZE))


def _agree(asker: Asker, what: str, found: Mapping[str, object]) -> None:
    for name, answer in found.items():
        if answer != found["ours"]:
            raise Disagreement(f"The {what} for {asker.reach}: {name} has {answer}, and the engine {found['ours']}.")


def _row(asker: Asker, mandate: Mandate, taken: Mapping[str, float]) -> Row:
    return (
        asker.reach,
        f"{visible(mandate, 'view_lead').count():,}",
        milliseconds(taken["ours"]),
        milliseconds(taken["hand"]),
        ratio(taken["ours"], taken["hand"]),
        milliseconds(taken["guardian"]),
        ratio(taken["guardian"], taken["ours"]),
    )
