"""The rows of the log as text, as COPY writes them, and their digests: computed here, with nothing from a server.

`docs/audit.md` says what the digests are of. Every value is checked before it takes part: a number has to be written as
a number, a moment as a moment, and a JSON value as one. So a row of other values never has the same text, even where
the owner of the database has changed the type of a column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the log: its columns by name, in the order in which rows are read, with their types.

    A type that ends in `?` is of a column that may be empty.
    """

    name: str
    columns: dict[str, str]


OPERATION = Table(
    "audit_operation",
    {
        "id": "bigint", "at": "timestamp with time zone", "transaction_id": "bigint",
        "actor_id": "bigint?", "actor_name": "text", "acting_as_id": "bigint?", "acting_as_name": "text",
        "verb": "text", "reason": "text", "ip": "inet?",
    },
)  # fmt: skip
ENTRY = Table(
    "audit_entry",
    {
        "id": "bigint", "operation_id": "bigint", "account_id": "bigint",
        "branch_id": "bigint?", "user_id": "bigint?",
        "target_type": "text", "target_id": "text", "target_text": "text", "before": "jsonb?", "after": "jsonb?",
    },
)  # fmt: skip
LINK = Table(
    "audit_link",
    {
        "account_id": "bigint", "seq": "bigint", "operation_id": "bigint",
        "first_entry": "bigint", "last_entry": "bigint", "entry_count": "bigint",
        "operation_digest": "bytea", "entries_digest": "bytea", "previous": "bytea", "hash": "bytea",
        "at": "timestamp with time zone",
    },
)  # fmt: skip
TABLES = (OPERATION, ENTRY, LINK)

# A row's values as text, None for NULL.
Row = Sequence[str | None]

BOUND = 2**63
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d){0,2}")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DIGEST = re.compile(r"\\x[0-9a-f]{64}")
# The other way in which a server may be set to write bytes.
ESCAPED = re.compile(r"\\(\\|[0-7]{3})")
ADDRESS = re.compile(r"[0-9a-fA-F:.]+(/\d+)?")
# Numbers stay texts: how long they are is no matter.
JSON = json.JSONDecoder(parse_int=str, parse_float=str)


class Malformed(ValueError):
    """A value that its column cannot hold, or that is missing."""


class OperationRow(NamedTuple):
    """An operation's key and digest, each None where a value of the row is malformed."""

    id: int | None
    digest: bytes | None


class EntryRow(NamedTuple):
    """An entry's keys and digest, each None where a value of the row is malformed."""

    id: int | None
    operation_id: int | None
    account_id: int | None
    digest: bytes | None


class LinkRow(NamedTuple):
    """A link's values, each None where it is malformed; `sealed`: its hash is that of its values."""

    account_id: int | None
    seq: int | None
    operation_id: int | None
    first_entry: int | None
    last_entry: int | None
    entry_count: int | None
    operation_digest: bytes | None
    entries_digest: bytes | None
    previous: bytes | None
    hash: bytes | None
    sealed: bool


def read_operation(row: Row) -> OperationRow:
    """The operation in the row."""
    pk, at, transaction, actor, actor_name, acting_as, acting_as_name, verb, reason, ip = row
    try:
        digest = _digest(
            f'["operation", {_number(pk)}, "{_moment(at)}", {_number(transaction)}, {_number_or_null(actor)},'
            f" {_text(actor_name)}, {_number_or_null(acting_as)}, {_text(acting_as_name)}, {_text(verb)},"
            f" {_text(reason)}, {_address(ip)}]"
        )
    except Malformed:
        digest = None
    return OperationRow(_key(pk), digest)


def read_entry(row: Row) -> EntryRow:
    """The entry in the row."""
    pk, operation, account, branch, user, target_type, target_id, target_text, before, after = row
    try:
        digest = _digest(
            f'["entry", {_number(pk)}, {_number(operation)}, {_number(account)}, {_number_or_null(branch)},'
            f" {_number_or_null(user)}, {_text(target_type)}, {_text(target_id)}, {_text(target_text)},"
            f" {_json(before)}, {_json(after)}]"
        )
    except Malformed:
        digest = None
    return EntryRow(_key(pk), _key(operation), _key(account), digest)


def read_link(row: Row) -> LinkRow:
    """The link in the row."""
    *numbers, of_operation, of_entries, previous, hash_text, at = row
    digests = [_bytes(text) for text in (of_operation, of_entries, hash_text)]
    before = b"" if previous in ("\\x", "") else _bytes(previous)
    sealed = False
    try:
        if None not in (*digests, before):
            said = [value.hex() for value in (digests[0], digests[1], before) if value is not None]
            sealed = digests[2] == _digest(
                f'["link", {", ".join(map(_number, numbers))}, "{said[0]}", "{said[1]}", "{said[2]}", "{_moment(at)}"]'
            )
    except Malformed:
        sealed = False
    account, seq, operation, first, last, count = map(_key, numbers)
    return LinkRow(
        account, seq, operation, first, last, count, digests[0], digests[1], before, digests[2], sealed
    )  # fmt: skip


def _digest(text: str) -> bytes:
    # What is no UTF-8 in the database came as surrogates, and goes back to the same bytes.
    return sha256(text.encode(errors="surrogateescape")).digest()


def _number(text: str | None) -> str:
    """The text of a number in the one way in which the database writes it."""
    if text is None or _key(text) is None:
        raise Malformed(text)
    return text


def _number_or_null(text: str | None) -> str:
    return "null" if text is None else _number(text)


@lru_cache(2**14)
def _key(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        value = int(text)
    except ValueError:
        return None
    return value if str(value) == text and -BOUND < value < BOUND else None


def _moment(text: str | None) -> str:
    """Microseconds since 1970."""
    if text is None or not MOMENT.fullmatch(text):
        raise Malformed(text)
    try:
        return str((datetime.fromisoformat(text) - EPOCH) // MICROSECOND)
    except (ValueError, OverflowError):
        raise Malformed(text) from None


def _text(text: str | None) -> str:
    if text is None:
        raise Malformed(text)
    return encode_basestring(text)


def _address(text: str | None) -> str:
    """A network address with the length of its mask, which may be left out where the address is one machine's."""
    if text is None:
        return "null"
    if not ADDRESS.fullmatch(text):
        raise Malformed(text)
    return f'"{text}"' if "/" in text else f'"{text}/{128 if ":" in text else 32}"'


def _json(text: str | None) -> str:
    """One JSON value. The value null is none that the log writes: it would have the same text as a missing one."""
    if text is None:
        return "null"
    try:
        if JSON.decode(text) is None:
            raise Malformed(text)
    except (ValueError, RecursionError):
        raise Malformed(text) from None
    return text


def _bytes(text: str | None) -> bytes | None:
    """The 32 bytes of a digest, which are written in hexadecimal, or as characters and octal numbers."""
    if text is None:
        return None
    if DIGEST.fullmatch(text):
        return bytes.fromhex(text[2:])
    plain = ESCAPED.sub(lambda found: "\\" if found[1] == "\\" else chr(int(found[1], 8)), text)
    return plain.encode("latin-1") if len(plain) == 32 and max(plain) <= "\xff" else None
