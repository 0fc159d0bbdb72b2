"""The owner of the database forges rows and alters the schema around them, thousands of times: all is found.

Each tampering is a forgery of one account's chain (`forging`) in a disguise (`disguises`). The first bad link has to be
named, and the altered schema as well. `MANDATE_TAMPERINGS` says how many there are.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import transaction

from apps.audit import heads, schema
from apps.audit.findings import AccountReport
from apps.audit.models import PLATFORM
from apps.audit.verification import verify
from tests.audit.chains import TABLES, sql, unguarded
from tests.audit.disguises import DISGUISES, HARMLESS, Disguise
from tests.audit.forging import ENTRIES, HALF, LINKS, OPERATIONS, Expected, Tampering, chains, loosen, named

pytestmark = pytest.mark.django_db

ACCOUNTS = 3
# Tamperings with one log; they are rolled back one by one, and the next log is a new one.
SOME = 100
TAMPERINGS = int(os.environ.get("MANDATE_TAMPERINGS", "300"))


class Rollback(Exception):
    """Ends a tampering."""


def reports(kept: list[heads.Heads]) -> dict[int, AccountReport]:
    """The reports on the log, with the heads that were kept."""
    found = verify(wanted=heads.links_in(kept))
    return {report.account_id: report for report in heads.hold_against(found, kept)}


def altered_by(dice: random.Random, disguise: Disguise) -> tuple[list[str], dict[int, AccountReport]]:
    """What is wrong with the schema after the disguise alone, and the reports then."""
    with suppress(Rollback), transaction.atomic():
        for _ in disguise(dice):
            pass
        found = schema.faults(), reports([])
        raise Rollback
    return found


def forged(
    dice: random.Random, disguise: Disguise, forge: Callable[[], Expected], kept: list[heads.Heads]
) -> tuple[Expected, dict[int, AccountReport]]:
    """What has to be named after a forgery in the disguise, and the reports then."""
    with suppress(Rollback), transaction.atomic():
        with unguarded():
            steps = disguise(dice)
            next(steps)
            loosen()
            expected = forge()
        next(steps, None)
        found = reports(kept)
        raise Rollback
    return expected, found


@pytest.mark.parametrize("seed", range(max(TAMPERINGS // SOME, 1)))
def test_every_tampering_is_found_and_the_first_bad_link_named(seed: int) -> None:
    rows, kept = chains(ACCOUNTS)
    dice = random.Random(seed)
    tampering = Tampering(dice, rows)
    for _ in range(SOME):
        victim, disguise = dice.randint(1, ACCOUNTS), dice.choice([*HARMLESS, *DISGUISES])
        done: list[str] = []

        def forge(account: int = victim, done: list[str] = done) -> Expected:
            how, expected = tampering.on(account)
            done.append(how)
            return expected

        (_, expected), found = forged(dice, disguise, forge, kept)
        said = f"{done} of account {victim}, disguised by {disguise.__name__}"
        assert expected, said
        assert named(found.values())[victim] == expected, said
        assert {account for account, report in found.items() if not report.sound} <= {victim, PLATFORM}, said
    assert all(report.sound for report in reports(kept).values())
    assert schema.faults() == []


@pytest.mark.parametrize("disguise", DISGUISES)
def test_an_altered_schema_is_found_by_itself(disguise: Disguise) -> None:
    chains(ACCOUNTS)
    dice = random.Random(disguise.__name__)
    for _ in range(max(TAMPERINGS // SOME, 5)):
        altered, found = altered_by(dice, disguise)
        assert altered
        assert all(report.sound for account, report in found.items() if account != PLATFORM)
    assert schema.faults() == []


@pytest.mark.parametrize("disguise", HARMLESS)
def test_what_is_no_part_of_the_log_raises_no_alarm(disguise: Disguise) -> None:
    chains(ACCOUNTS)
    altered, found = altered_by(random.Random(1), disguise)
    assert altered == []
    assert all(report.sound for report in found.values())


@pytest.mark.parametrize("column", ["acting_as_id", "ip", "reason"])
def test_a_dropped_column_is_found_where_it_had_a_value(column: str) -> None:
    _, kept = chains(ACCOUNTS)
    sql(f"ALTER TABLE audit_operation DROP COLUMN {column} CASCADE")
    found = reports(kept)
    assert f"the column of audit_operation {column} is missing" in schema.faults()
    # Nobody acted as another person there.
    assert {account: report.sound for account, report in found.items()} == dict.fromkeys(
        (1, 2, 3), column == "acting_as_id"
    )


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_is_gone_is_found(table: str) -> None:
    _, kept = chains(ACCOUNTS)
    sql(f"DROP TABLE {table} CASCADE")
    assert not any(report.sound for account, report in reports(kept).items() if account != PLATFORM)
    assert f"{table} is missing" in schema.faults()


@pytest.mark.parametrize("left", range(LINKS))
@pytest.mark.parametrize("more", range(LINKS))
def test_a_restored_dump_is_found_whatever_was_written_since(left: int, more: int) -> None:
    rows, kept = chains(ACCOUNTS)
    with unguarded():
        for account in range(1, ACCOUNTS + 1):
            for seq in range(left + 1, LINKS + 1):
                Tampering(random.Random(1), rows).delete(rows[account, seq])
    for number in range(more):
        sql(OPERATIONS, LINKS + 1 + number, ACCOUNTS)
        sql(ENTRIES, LINKS + 1 + number)
    there = {
        (account, seq): operation
        for account, seq, operation in sql("SELECT account_id, seq, operation_id FROM audit_link")
    }
    head = HALF if left < HALF else LINKS
    found = named(reports(kept).values())
    length = left + more
    for account in range(1, ACCOUNTS + 1):
        if length >= head:
            expected = (head, there[account, head])
        else:
            expected = (length + 1, rows[account, head].operation if length + 1 == head else None)
        assert found[account] == expected
    assert schema.faults() == []
