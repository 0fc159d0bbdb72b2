"""Forgeries: what the owner of the database does to a chain at random, and what gives each of them away first.

What has to be named follows from what was done, and from nothing that the verification says.
"""

import random
from collections.abc import Callable, Iterable
from typing import NamedTuple

from apps.audit import heads
from apps.audit.findings import AccountReport
from apps.audit.verification import verify
from tests.audit.chains import TABLES, sql
from tests.audit.heads import seal_again

LINKS = 6
HALF = LINKS // 2

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


class Row(NamedTuple):
    """A link of a chain with what it seals."""

    account: int
    seq: int
    link: int
    operation: int
    first: int


Rows = dict[tuple[int, int], Row]
# The number and the operation of a link that does not fit; None where all does. No number: entries without a link.
# No operation: nothing that is left names it.
Named = tuple[int | None, int | None] | None
# What has to be named by the chain alone, and with the heads.
Expected = tuple[Named, Named]


class Tampering:
    """Does one thing to an account's chain, and knows what gives it away first."""

    def __init__(self, dice: random.Random, rows: Rows) -> None:
        self.dice = dice
        self.rows = rows

    def on(self, account: int) -> tuple[str, Expected]:
        """Tamper with this account, and often with what lies behind, too; how, and what has to be named."""
        how = self.dice.choice(self.ways)
        row = self.rows[account, self.dice.randint(1, LINKS)]
        expected = how(self, row)
        if expected[0] and expected[0][0] and expected[0][0] < LINKS and self.dice.random() < 0.5:
            self.edit_the_operation(self.rows[account, self.dice.randint(expected[0][0] + 1, LINKS)])
        return how.__name__, expected

    def edit_an_entry(self, row: Row) -> Expected:
        """A field of an entry says something else."""
        change = self.dice.choice(
            [
                "branch_id = branch_id + 1",
                "branch_id = NULL",
                "account_id = NULL",
                "operation_id = NULL",
                "target_type = NULL",
                "target_id = NULL",
                "target_text = NULL",
                "before = 'null'",
                "user_id = 7",
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
        sql(f"UPDATE audit_entry SET {change} WHERE id = %s", row.first + self.dice.randrange(3))
        return seen(row)

    def edit_the_operation(self, row: Row) -> Expected:
        """Somebody else did it, at another time, for another reason."""
        change = self.dice.choice(
            [
                "reason = 'because'",
                "actor_id = actor_id + 1",
                "actor_id = NULL",
                "actor_name = NULL",
                "acting_as_name = NULL",
                "verb = NULL",
                "reason = NULL",
                "at = NULL",
                "transaction_id = NULL",
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
        sql(f"UPDATE audit_operation SET {change} WHERE id = %s", row.operation)
        return seen(row)

    def edit_the_link(self, row: Row) -> Expected:
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
                "operation_id = NULL",
                "first_entry = NULL",
                "last_entry = NULL",
                "entry_count = NULL",
                "operation_digest = NULL",
                "entries_digest = NULL",
                "previous = NULL",
                "hash = NULL",
                "at = NULL",
            ]
        )
        sql(f"UPDATE audit_link SET {change} WHERE id = %s", row.link)
        if change == "operation_id = NULL":
            return (row.seq, None), (row.seq, None)
        return seen(row._replace(operation=-row.operation) if change.startswith("operation_id") else row)

    def delete_an_entry(self, row: Row) -> Expected:
        """An entry is gone."""
        sql("DELETE FROM audit_entry WHERE id = %s", row.first + self.dice.randrange(3))
        return seen(row)

    def delete_who_did_it(self, row: Row) -> Expected:
        """Who did it, and why, is gone."""
        sql("DELETE FROM audit_operation WHERE id = %s", row.operation)
        return seen(row)

    def delete_the_link(self, row: Row) -> Expected:
        """The seal is gone, or its number: a head misses it, or the next link, or else the entries do."""
        how = self.dice.choice(["DELETE FROM audit_link", "UPDATE audit_link SET seq = NULL"])
        sql(f"{how} WHERE id = %s", row.link)
        if row.seq == LINKS:
            return (None, row.operation), (LINKS, row.operation)
        following = seen(self.rows[row.account, row.seq + 1])
        return (following[0], (HALF, row.operation)) if row.seq == HALF else following

    def delete_an_operation(self, row: Row) -> Expected:
        """An operation is gone with all that it did, and those behind it have moved up."""
        self.delete(row)
        self.move(row, -1)
        if row.seq == LINKS:
            return None, (LINKS, row.operation)
        return seen(self.rows[row.account, row.seq + 1]._replace(seq=row.seq))

    def cut_the_tail(self, row: Row) -> Expected:
        """This operation is gone, and every one after it: only the heads know."""
        for seq in range(row.seq, LINKS + 1):
            self.delete(self.rows[row.account, seq])
        return None, (row.seq, row.operation if row.seq in (HALF, LINKS) else None)

    def insert_an_entry(self, row: Row) -> Expected:
        """An operation did one thing more than it did."""
        self.insert(row.account, row.operation)
        return (None, row.operation), (None, row.operation)

    def insert_an_operation(self, row: Row) -> Expected:
        """An operation that never was stands in the place of this one, which has moved back with those behind it."""
        self.move(row, 1)
        [[invented]] = sql(
            "INSERT INTO audit_operation (actor_name, verb, reason) VALUES ('Eve', 'a.b', 'because') RETURNING id"
        )
        entry = self.insert(row.account, invented)
        sql(
            "INSERT INTO audit_link (account_id, seq, operation_id, first_entry, last_entry, entry_count,"
            " operation_digest, entries_digest, previous, hash, at) SELECT account_id, %s, %s, %s, %s, 1,"
            " operation_digest, entries_digest, previous, hash, at FROM audit_link WHERE id = %s",
            *(row.seq, invented, entry, entry, row.link),
        )
        return seen(row._replace(operation=invented))

    def swap_two_entries(self, row: Row) -> Expected:
        """Two entries in the other order."""
        one, other = self.dice.sample(range(row.first, row.first + 3), 2)
        self.swap("audit_entry", one, other)
        return seen(row)

    def swap_two_links(self, row: Row) -> Expected:
        """Two links in the other order."""
        first, last = self.pair(row)
        for old, new in ((first.seq, -1), (last.seq, first.seq), (-1, last.seq)):
            sql("UPDATE audit_link SET seq = %s WHERE account_id = %s AND seq = %s", new, row.account, old)
        return seen(last._replace(seq=first.seq))

    def swap_two_operations(self, row: Row) -> Expected:
        """What was done is told with one another's reasons."""
        first, last = self.pair(row)
        self.swap("audit_operation", first.operation, last.operation)
        return seen(first)

    def rewrite(self, row: Row) -> Expected:
        """Somebody else did it, and the chain is computed anew from there to its end: only the heads know."""
        sql("UPDATE audit_operation SET actor_name = 'Eve' WHERE id = %s", row.operation)
        seal_again(row.account, row.seq)
        kept = self.rows[row.account, HALF if row.seq <= HALF else LINKS]
        return None, (kept.seq, kept.operation)

    ways: tuple[Callable[["Tampering", Row], Expected], ...] = (
        edit_an_entry,
        edit_the_operation,
        edit_the_link,
        delete_an_entry,
        delete_who_did_it,
        delete_the_link,
        delete_an_operation,
        cut_the_tail,
        insert_an_entry,
        insert_an_operation,
        swap_two_entries,
        swap_two_links,
        swap_two_operations,
        rewrite,
    )

    def pair(self, row: Row) -> tuple[Row, Row]:
        """This link and another one of its chain, in their order."""
        other = self.dice.choice([seq for seq in range(1, LINKS + 1) if seq != row.seq])
        first, last = sorted((row, self.rows[row.account, other]))
        return first, last

    def swap(self, table: str, one: int, other: int) -> None:
        """Exchange two rows' ids."""
        for old, new in ((one, -one), (other, one), (-one, other)):
            sql(f"UPDATE {table} SET id = %s WHERE id = %s", new, old)

    def move(self, row: Row, by: int) -> None:
        """Give this link and those behind it other numbers."""
        sql("UPDATE audit_link SET seq = -seq - %s WHERE account_id = %s AND seq >= %s", by, row.account, row.seq)
        sql("UPDATE audit_link SET seq = -seq WHERE account_id = %s AND seq < 0", row.account)

    def delete(self, row: Row) -> None:
        """Take away a link and what it seals."""
        sql("DELETE FROM audit_link WHERE id = %s", row.link)
        sql("DELETE FROM audit_entry WHERE account_id = %s AND operation_id = %s", row.account, row.operation)
        sql("DELETE FROM audit_operation WHERE id = %s", row.operation)

    def insert(self, account: int, operation: int) -> int:
        """Add an entry that never was; its id."""
        [[entry]] = sql(
            "INSERT INTO audit_entry (operation_id, account_id, target_type, target_id, target_text)"
            " VALUES (%s, %s, 'role', '1', 'x') RETURNING id",
            *(operation, account),
        )
        return int(entry)


def seen(row: Row) -> Expected:
    """The chain shows it by itself, here."""
    return (row.seq, row.operation), (row.seq, row.operation)


def chains(accounts: int) -> tuple[Rows, list[heads.Heads]]:
    """Write the chains of so many accounts; their links by account and number, and the heads that were kept."""
    kept = []
    for number in range(1, LINKS + 1):
        sql(OPERATIONS, number, accounts)
        sql(ENTRIES, number)
        if number in (HALF, LINKS):
            kept.append(heads.take(verify(), {}))
    sql("ANALYZE audit_operation, audit_entry, audit_link")
    rows = (Row(*found) for found in sql("SELECT account_id, seq, id, operation_id, first_entry FROM audit_link"))
    return {(row.account, row.seq): row for row in rows}, kept


def named(reports: Iterable[AccountReport]) -> dict[int, Named]:
    """What the reports name, by account."""
    return {found.account_id: (found.fault.seq, found.fault.operation_id) if found.fault else None for found in reports}


def loosen() -> None:
    """Drop what keeps values from being missing, as the tables' owner can."""
    for table in TABLES:
        for (column,) in sql(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnotnull AND attnum > 0"
            " AND attname <> 'id'",
            table,
        ):
            sql(f"ALTER TABLE {table} ALTER {column} DROP NOT NULL")
    sql("ALTER TABLE audit_entry DROP CONSTRAINT IF EXISTS audit_entry_values")
