"""What the tests of the log share: a verb, somebody who acts, chains to look at, and a way around the guards."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from apps.audit import verbs
from apps.audit.findings import AccountReport
from apps.audit.models import Operation
from apps.audit.services import EntryValues, origin, record
from apps.audit.verification import verify

VERB = verbs.register("tests.thing.change", label="changed a thing")
OTHER_VERB = verbs.register("tests.thing.remove", label="removed a thing")
TABLES = ("audit_operation", "audit_entry", "audit_link")


@dataclass
class Person:
    """Somebody who acts."""

    pk: int | None = 7
    name: str = "Ann Archer"
    email: str = "ann@acme.example"


ANN = Person()


def changes(count: int) -> list[EntryValues]:
    """So many members who become managers."""
    return [
        EntryValues(
            target_type="membership",
            target_id=number,
            target_text=f"Ben Baker {number}",
            before={"role": "employee", "rank": number},
            after={"role": "manager", "rank": number},
            branch_id=3,
        )
        for number in range(count)
    ]


def write(account_id: int | None = 1, entries: int | list[EntryValues] = 2, **changed: Any) -> Operation:
    """Record one operation with these entries, or with so many."""
    said: dict[str, Any] = {"verb": VERB, "actor": ANN, "reason": "Ann moved to North"} | changed
    with transaction.atomic(), origin(ip=said.pop("ip", None), acting_as=said.pop("acting_as", None)):
        return record(account_id=account_id, entries=changes(entries) if isinstance(entries, int) else entries, **said)


def sql(statement: str, *params: Any) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def unguarded() -> Iterator[None]:
    """What only the tables' owner can do: work on them with the triggers switched off."""
    for table in TABLES:
        sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    for table in TABLES:
        sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def report(account_id: int = 1) -> AccountReport:
    """The report on this account, which has a chain."""
    [found] = verify(account_id)
    return found


def fault(account_id: int = 1) -> tuple[int | None, set[str]] | None:
    """Where the account's chain does not fit first, and what is off there."""
    found = report(account_id).fault
    return None if found is None else (found.seq, {str(problem) for problem in found.problems})


def sealed(parts: list[Any]) -> bytes:
    """The SHA-256 of a row's text: a JSON array as PostgreSQL writes it."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).digest()


def recomputed_hash(link_id: int) -> bytes:
    """A link's hash, computed from what the three tables say in Python alone."""
    return recomputed(link_id)[2]


def recomputed(link_id: int) -> tuple[bytes, bytes, bytes]:
    """A link's operation digest, entries digest and hash, computed in Python alone."""
    [[account, seq, operation, first, last, count, previous, at]] = sql(
        "SELECT account_id, seq, operation_id, first_entry, last_entry, entry_count, previous,"
        " (extract(epoch FROM at) * 1000000)::bigint::text FROM audit_link WHERE id = %s",
        link_id,
    )
    [[*fields]] = sql(
        "SELECT id, (extract(epoch FROM at) * 1000000)::bigint::text, transaction_id, actor_id, actor_name,"
        " acting_as_id, acting_as_name, verb, reason, ip::text FROM audit_operation WHERE id = %s",
        operation,
    )
    digests = b""
    for *plain, before, after in sql(
        "SELECT id, operation_id, account_id, branch_id, user_id, target_type, target_id, target_text, before::text,"
        " after::text FROM audit_entry WHERE account_id = %s AND operation_id = %s AND id BETWEEN %s AND %s"
        " ORDER BY id",
        account,
        operation,
        first,
        last,
    ):
        text = json.dumps(["entry", *plain], ensure_ascii=False)[:-1]
        digests += hashlib.sha256(f"{text}, {before or 'null'}, {after or 'null'}]".encode()).digest()
    of_operation, of_entries = sealed(["operation", *fields]), hashlib.sha256(digests).digest()
    link = ["link", account, seq, operation, first, last, count, of_operation.hex(), of_entries.hex()]
    return of_operation, of_entries, sealed([*link, previous.hex(), at])
