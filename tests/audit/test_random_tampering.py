"""Thousands of accounts, each with a chain of its own that was tampered with at random: all are found.

Kept elsewhere are the heads of the chains when they were half as long, and those of their end.
"""

import random

import pytest

from apps.audit import heads
from apps.audit.verification import verify
from tests.audit.chains import unguarded
from tests.audit.forging import LINKS, Tampering, chains, loosen, named

pytestmark = pytest.mark.django_db

ACCOUNTS, TAMPERINGS = 4500, 4000


def test_every_tampering_is_found_and_the_first_bad_operation_named() -> None:
    rows, kept = chains(ACCOUNTS)
    assert len(rows) == ACCOUNTS * LINKS
    dice = random.Random(17)
    tampering = Tampering(dice, rows)
    victims = dice.sample(range(1, ACCOUNTS + 1), TAMPERINGS)
    with unguarded():
        loosen()
        done = {account: tampering.on(account) for account in victims}
    reports = verify(wanted=heads.links_in(kept))
    alone, held = named(reports), named(heads.hold_against(reports, kept))
    # Rows that name no account, and operations that nothing names, are put down to the platform.
    assert held.pop(0)
    assert len(held) == ACCOUNTS
    assert {account for account, found in held.items() if found} == set(victims)
    wrong = [
        (account, how, expected, alone.get(account), held[account])
        for account, (how, expected) in done.items()
        if expected != (alone.get(account), held[account])
    ]
    assert not wrong, wrong[:5]
    assert {how for how, _ in done.values()} == {way.__name__ for way in Tampering.ways}
