"""Thousands of accounts, each with a chain of its own that one random tampering was done to: all are found."""

import random
from collections.abc import Callable

import pytest

from apps.audit.verification import verify
from tests.audit.chains import sql, unguarded

pytestmark = pytest.mark.django_db

ACCOUNTS, LINKS = 3000, 6
TAMPERINGS = 2500

# One operation for each account and round, so that a tampering with it concerns one chain alone.
OPERATIONS = """
INSERT INTO audit_operation (actor_id, actor_name, verb, reason, ip)
SELECT account, 'Ann Archer', 'tests.thing.change', 'round ' || %s, '192.0.2.7' FROM generate_series(1, %s) AS account
"""
ENTRIES = """
INSERT INTO audit_entry (operation_id, account_id, branch_id, target_type, target_id, target_text, before, after)
SELECT id, actor_id, 3, 'membership', number::text, 'Ben Baker', jsonb_build_object('rank', number),
    jsonb_build_object('rank', number + 1, 'role', 'manager')
FROM audit_operation, generate_series(1, 3) AS number
WHERE reason = 'round ' || %s
ORDER BY id, number
"""

Place = int | None
Rows = dict[tuple[int, int], tuple[int, int, int]]


class Tampering:
    """Does one thing to an account's chain, and knows which link gives it away first."""

    def __init__(self, dice: random.Random, rows: Rows) -> None:
        self.dice = dice
        self.rows = rows

    def on(self, account: int) -> tuple[str, Place]:
        """Tamper with this account; how, and the link that has to be named."""
        how = self.dice.choice(self.ways)
        seq = self.dice.randint(1, LINKS)
        link, operation, first = self.rows[account, seq]
        return how.__name__, how(self, seq, link, operation, first)

    def edit_an_entry(self, seq: int, link: int, operation: int, first: int) -> Place:
        """A field of an entry says something else."""
        change = self.dice.choice(
            [
                "branch_id = branch_id + 1",
                "branch_id = NULL",
                "target_type = 'x'",
                "target_id = target_id || ' '",
                "target_text = upper(target_text)",
                "before = NULL",
                "after = before",
                "after = after - 'role'",
                "after = jsonb_set(after, '{role}', '\"owner\"')",
                "before = after, after = before",
                "operation_id = operation_id + 1000000",
                "id = -id",
            ]
        )
        sql(f"UPDATE audit_entry SET {change} WHERE id = %s", first + self.dice.randrange(3))
        return seq

    def edit_the_operation(self, seq: int, link: int, operation: int, first: int) -> Place:
        """Somebody else did it, at another time, for another reason."""
        change = self.dice.choice(
            [
                "reason = 'because'",
                "actor_id = actor_id + 1",
                "actor_id = NULL",
                "actor_name = 'Eve'",
                "acting_as_id = 1",
                "acting_as_name = 'Eve'",
                "verb = 'a.b'",
                "ip = NULL",
                "at = at - interval '1 day'",
                "transaction_id = 1",
                "id = -id",
            ]
        )
        sql(f"UPDATE audit_operation SET {change} WHERE id = %s", operation)
        return seq

    def edit_the_link(self, seq: int, link: int, operation: int, first: int) -> Place:
        """The seal itself is broken."""
        change = self.dice.choice(
            [
                "first_entry = first_entry + 1",
                "last_entry = last_entry - 1",
                "entry_count = entry_count - 1",
                "operation_digest = entries_digest",
                "entries_digest = operation_digest",
                "previous = hash",
                "hash = sha256(hash)",
                "at = at + interval '1 day'",
                "operation_id = -operation_id",
            ]
        )
        sql(f"UPDATE audit_link SET {change} WHERE id = %s", link)
        return seq

    def delete_an_entry(self, seq: int, link: int, operation: int, first: int) -> Place:
        """An entry is gone."""
        sql("DELETE FROM audit_entry WHERE id = %s", first + self.dice.randrange(3))
        return seq

    def delete_the_operation(self, seq: int, link: int, operation: int, first: int) -> Place:
        """Who did it, and why, is gone."""
        sql("DELETE FROM audit_operation WHERE id = %s", operation)
        return seq

    def delete_the_link(self, seq: int, link: int, operation: int, first: int) -> Place:
        """The seal is gone: the next link misses it, or else the entries do."""
        sql("DELETE FROM audit_link WHERE id = %s", link)
        return seq + 1 if seq < LINKS else None

    def insert_an_entry(self, seq: int, link: int, operation: int, first: int) -> Place:
        """An operation did one thing more than it did."""
        sql(
            "INSERT INTO audit_entry (operation_id, account_id, target_type, target_id, target_text)"
            " SELECT operation_id, account_id, 'role', '1', 'x' FROM audit_link WHERE id = %s",
            link,
        )
        return seq

    def swap_two_entries(self, seq: int, link: int, operation: int, first: int) -> Place:
        """Two entries in the other order."""
        one, other = self.dice.sample(range(first, first + 3), 2)
        for old, new in ((one, -one), (other, one), (-one, other)):
            sql("UPDATE audit_entry SET id = %s WHERE id = %s", new, old)
        return seq

    def swap_two_links(self, seq: int, link: int, operation: int, first: int) -> Place:
        """Two links in the other order."""
        account = next(account for account, _ in self.rows if self.rows[account, seq][0] == link)
        other = self.dice.choice([number for number in range(1, LINKS + 1) if number != seq])
        for number, wanted in ((seq, -1), (other, seq), (-1, other)):
            sql("UPDATE audit_link SET seq = %s WHERE account_id = %s AND seq = %s", wanted, account, number)
        return min(seq, other)

    ways: tuple[Callable[["Tampering", int, int, int, int], Place], ...] = (
        edit_an_entry,
        edit_the_operation,
        edit_the_link,
        delete_an_entry,
        delete_the_operation,
        delete_the_link,
        insert_an_entry,
        swap_two_entries,
        swap_two_links,
    )


def chains() -> Rows:
    """Write the chains; each link's id, operation and first entry, by account and number."""
    for number in range(LINKS):
        sql(OPERATIONS, number, ACCOUNTS)
        sql(ENTRIES, number)
    found = sql("SELECT account_id, seq, id, operation_id, first_entry FROM audit_link")
    return {(account, seq): (link, operation, first) for account, seq, link, operation, first in found}


def test_every_tampering_is_found_and_its_first_link_named() -> None:
    rows = chains()
    assert len(rows) == ACCOUNTS * LINKS
    dice = random.Random(17)
    tampering = Tampering(dice, rows)
    victims = dice.sample(range(1, ACCOUNTS + 1), TAMPERINGS)
    with unguarded():
        done = {account: tampering.on(account) for account in victims}
    reports = {found.account_id: found for found in verify()}
    assert len(reports) == ACCOUNTS
    places = {account: found.fault and found.fault.seq for account, found in reports.items()}
    assert {account for account, found in reports.items() if not found.sound} == set(victims)
    wrong = [(account, *done[account], places[account]) for account in victims if done[account][1] != places[account]]
    assert not wrong, wrong[:5]
    assert {how for how, _ in done.values()} == {way.__name__ for way in Tampering.ways}
