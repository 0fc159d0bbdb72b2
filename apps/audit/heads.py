"""Heads of the chains, to be stored outside the server: their format, signatures, and the comparison with the log.

A chain shows every change before its head, but not a missing end, nor that all of it was computed again. A
head stored elsewhere shows both: it names a link that existed, with the hash over all earlier links.
"""

import json
import os
import re
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from django.utils import timezone

from apps.audit.findings import AccountReport, Fault, Key, Problem, first_fault
from apps.audit.untrusted import read_json

# The keys come from the environment and are read here alone, so that no other process holds the private one.
SIGNING_KEY = "AUDIT_SIGNING_KEY"
PUBLIC_KEY = "AUDIT_PUBLIC_KEY"
MALFORMED = "{} is malformed: set it to an Ed25519 key, as a PEM without a password or its 32 bytes in base64"

# The file's first word, and its format.
FORMAT = {"mandate_audit_heads": 1}
TYPES = {"account_id": int, "seq": int, "hash": str, "operation": int, "links": int, "entries": int}
BIGGEST = 2**63 - 1
# Bytes of a file: the heads of some hundred thousand accounts.
LONGEST = 64 * 1024 * 1024
MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z"


class InvalidHeads(ValueError):
    """A key or a file of heads is invalid; the message says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of an account's chain, the operation that it seals, and the size of the chain up to it."""

    account: str | None
    account_id: int
    seq: int
    hash: str
    operation: int
    links: int
    entries: int


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of all chains at one moment; `public_key` is of the key that signed them, None where none did."""

    at: str
    heads: tuple[Head, ...]
    public_key: str | None = None


def take(reports: Iterable[AccountReport], slugs: Mapping[int, str]) -> Heads:
    """The head of every chain that a verification has read. `slugs` name the accounts, which the log knows by id alone.

    A chain whose last link names no operation has no head.
    """
    at = timezone.now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Heads(
        at,
        tuple(
            Head(
                account=slugs.get(report.account_id),
                account_id=report.account_id,
                seq=report.head_seq,
                hash=report.head_hash,
                operation=report.head_operation,
                links=report.links,
                entries=report.entries,
            )
            for report in reports
            if report.head_operation is not None
        ),
    )


def document(taken: Heads, key: Ed25519PrivateKey | None = None) -> dict[str, Any]:
    """The heads as the file says them, signed where a key is given.

    The signature is Ed25519 over the whole file but the signature itself, in its canonical form, so that no head can
    be changed, added or left out.
    """
    found = FORMAT | {"at": taken.at, "heads": [asdict(head) for head in taken.heads]}
    if key is None:
        return found
    found["public_key"] = encoded(key.public_key())
    return found | {"signature": b64encode(key.sign(canonical(found))).decode()}


def canonical(found: dict[str, Any]) -> bytes:
    """What is signed: JSON without white space, its keys sorted, every character beyond ASCII escaped."""
    return json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def read(text: bytes, *, unsigned: bool = False) -> Heads:
    """The heads of a file, whose signature is checked first; `unsigned` takes a file without one, too.

    Raises:
        InvalidHeads: not a file of heads, not signed, signed with another key, or altered.
    """
    try:
        found = read_json(text, longest=LONGEST, object_pairs_hook=_once, parse_constant=_no_number)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not FORMAT.keys() <= found.keys():
        raise InvalidHeads("it was not written by audit_heads")
    if "signature" in found:
        _check_signature(found)
    elif not unsigned:
        raise InvalidHeads("it is not signed: use a file from audit_heads --sign, or add --unsigned to accept it")
    if {name: found[name] for name in FORMAT} != FORMAT:
        raise InvalidHeads("this version can't read its format")
    try:
        if not re.fullmatch(MOMENT, found["at"]):
            raise ValueError("at")
        heads = tuple(_head(head) for head in found["heads"])
    except (KeyError, TypeError, ValueError):
        raise InvalidHeads("it is incomplete or malformed: write it again with audit_heads") from None
    return Heads(found["at"], heads, found["public_key"] if "signature" in found else None)


def links_in(kept: Iterable[Heads]) -> set[Key]:
    """The links that the heads name: `verify` has to report their hashes for `hold_against`."""
    return {(head.account_id, head.seq) for heads in kept for head in heads.heads}


def hold_against(
    reports: Iterable[AccountReport], kept: Iterable[Heads], account_id: int | None = None
) -> list[AccountReport]:
    """The reports of `verify(account_id, wanted=links_in(kept))`, with what the kept heads know besides.

    A chain that is there must contain each kept head: the same number with the same hash. Verification has seen that
    the chain leads up to it. Several heads of one account narrow down where the chain was rewritten. An account that
    heads were kept of and nothing is left of gets a report of its own. They are in the order of the accounts' ids.
    """
    by_account: defaultdict[int, list[tuple[Head, str]]] = defaultdict(list)
    for heads in kept:
        for head in heads.heads:
            if account_id in (None, head.account_id):
                by_account[head.account_id].append((head, heads.at))
    found = {report.account_id: report for report in reports}
    for account in by_account.keys() - found.keys():
        found[account] = AccountReport(account, 0, 0, 0, "", None)
    return [_held(found[account], by_account[account]) for account in sorted(found)]


def _held(report: AccountReport, heads: list[tuple[Head, str]]) -> AccountReport:
    """The report with the first of the account's kept heads that the chain does not contain."""
    fits = None
    for head, at in sorted(heads, key=lambda kept: kept[0].seq):
        digest, operation = report.links_at.get(head.seq, (None, None))
        if digest != head.hash:
            kept = f"the head recorded at {at} is link {head.seq}, operation {head.operation}"
            if fits is not None:
                kept += f"; up to link {fits} the chain matches the recorded heads"
            fault = replace(_fault(report, head, digest, operation), kept=kept)
            faults = [report.fault, fault] if report.fault else [fault]
            return replace(report, fault=first_fault(faults), kept_seq=fits)
        fits = head.seq
    return replace(report, kept_seq=fits)


def _fault(report: AccountReport, head: Head, digest: str | None, operation: int | None) -> Fault:
    """What is wrong where the chain does not contain a head; `digest` and `operation` are those of its number now."""
    if digest is not None:
        return Fault(head.account_id, head.seq, operation, (Problem.REWRITTEN,))
    last = max(report.head_seq, 0)
    if last > head.seq:
        return Fault(head.account_id, head.seq, head.operation, (Problem.MISSING,))
    named = head.operation if head.seq == last + 1 else None
    return Fault(head.account_id, last + 1, named, (Problem.CUT if last else Problem.GONE,))


def new_key() -> tuple[str, str]:
    """A new private key and its public key, as the environment takes them."""
    key = Ed25519PrivateKey.generate()
    return b64encode(key.private_bytes_raw()).decode(), encoded(key.public_key())


def encoded(key: Ed25519PublicKey) -> str:
    """The public key's 32 bytes in base64."""
    return b64encode(key.public_bytes_raw()).decode()


def signing_key() -> Ed25519PrivateKey:
    """The private key of the environment.

    Raises:
        InvalidHeads: the key is missing or malformed.
    """
    if not os.environ.get(SIGNING_KEY):
        raise InvalidHeads(f"{SIGNING_KEY} is not set: create an Ed25519 key with audit_heads --new-key")
    key = _key(SIGNING_KEY, lambda pem: load_pem_private_key(pem, password=None), Ed25519PrivateKey.from_private_bytes)
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidHeads(MALFORMED.format(SIGNING_KEY))
    return key


def public_key() -> Ed25519PublicKey:
    """The key that signatures are checked with: the environment's public one, or else that of its private one.

    Raises:
        InvalidHeads: both keys are missing, or the key is malformed.
    """
    if not os.environ.get(PUBLIC_KEY):
        if not os.environ.get(SIGNING_KEY):
            raise InvalidHeads(f"the signature can't be checked: set {PUBLIC_KEY} or {SIGNING_KEY}")
        return signing_key().public_key()
    key = _key(PUBLIC_KEY, load_pem_public_key, Ed25519PublicKey.from_public_bytes)
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidHeads(MALFORMED.format(PUBLIC_KEY))
    return key


def _key(name: str, from_pem: Callable[[bytes], object], from_bytes: Callable[[bytes], object]) -> object:
    """The key of any kind that the variable holds, None where it holds none."""
    # A file of environment variables writes the lines of a PEM with \n between them.
    text = os.environ[name].strip().replace("\\n", "\n")
    try:
        return from_pem(text.encode()) if text.startswith("-----") else from_bytes(b64decode(text, validate=True))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _check_signature(found: dict[str, Any]) -> None:
    """Raise InvalidHeads if the content differs from what our key signed."""
    key = public_key()
    if found.get("public_key") != encoded(key):
        raise InvalidHeads(f"it was signed with a different key than {encoded(key)}, which the environment sets")
    said = {name: value for name, value in found.items() if name != "signature"}
    try:
        key.verify(b64decode(found["signature"], validate=True), canonical(said))
    except (InvalidSignature, ValueError, TypeError, RecursionError):
        raise InvalidHeads("its signature is wrong: the file was altered, or signed without the key") from None


def _head(found: dict[str, Any]) -> Head:
    """Raises KeyError, TypeError or ValueError where this is no head."""
    for name, kind in TYPES.items():
        if type(found[name]) is not kind or (kind is int and not 0 <= found[name] <= BIGGEST):
            raise ValueError(name)
    if not re.fullmatch("[0-9a-f]{64}", found["hash"]):
        raise ValueError("hash")
    return Head(account=found["account"], **{name: found[name] for name in TYPES})


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; refuses duplicate keys, so that readers see what was checked."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a doubled key")
    return found


def _no_number(word: str) -> None:
    raise ValueError(word)
