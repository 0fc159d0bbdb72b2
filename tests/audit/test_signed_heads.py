"""The file of heads and its signature: what is signed, and what is refused."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from apps.audit import heads
from apps.audit.verification import verify
from tests.audit.chains import write
from tests.audit.heads import as_file, key, signed

__all__ = ["key"]

pytestmark = pytest.mark.django_db

PEM, PKCS8, SPKI = Encoding.PEM, PrivateFormat.PKCS8, PublicFormat.SubjectPublicKeyInfo


@pytest.fixture(autouse=True)
def log() -> None:
    """Two chains."""
    write(1)
    write(2, entries=3)


def refused(text: bytes, *, unsigned: bool = False) -> str:
    """Why the file is not taken."""
    with pytest.raises(heads.InvalidHeads) as error:
        heads.read(text, unsigned=unsigned)
    return str(error.value)


def test_what_was_signed_is_read_again(key: str) -> None:
    taken = heads.take(verify(), {1: "acme", 2: "Ünïcode"})
    read = heads.read(as_file(heads.document(taken, heads.signing_key())))
    assert (read.heads, read.at, read.public_key) == (taken.heads, taken.at, key)


def test_the_signature_can_be_checked_by_anybodys_tools(key: str) -> None:
    """As the documentation says: the file without its signature, keys sorted, no white space."""
    found = signed()
    signature = base64.b64decode(found.pop("signature"))
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(signature, text.encode())


def test_the_auditor_needs_the_public_key_alone(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = as_file(signed())
    monkeypatch.delenv(heads.SIGNING_KEY)
    monkeypatch.setenv(heads.PUBLIC_KEY, key)
    assert len(heads.read(text).heads) == 2


def change(found: dict[str, Any], place: list[Any], value: Any) -> None:
    """Write the value to that place of the file."""
    for step in place[:-1]:
        found = found[step]
    found[place[-1]] = value


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["at"], "2026-01-01T00:00:00Z"),
        (["heads"], []),
        (["more"], None),
        (["mandate_audit_heads"], 2),
        (["heads", 0, "account_id"], 3),
        (["heads", 0, "account"], "acme"),
        (["heads", 0, "seq"], 2),
        (["heads", 0, "hash"], "0" * 64),
        (["heads", 0, "operation"], 0),
        (["heads", 0, "links"], 2),
        (["heads", 0, "entries"], 1),
        (["heads", 0, "more"], 1),
        (["signature"], ""),
        (["signature"], None),
        (["signature"], 1e999),
        (["signature"], "ß"),
        (["signature"], base64.b64encode(bytes(64)).decode()),
    ],
)
def test_an_altered_file_is_refused(key: str, place: list[Any], value: Any) -> None:
    found = signed()
    change(found, place, value)
    assert "altered" in refused(json.dumps(found).replace("Infinity", "1e999").encode())


def test_heads_in_another_order_are_another_file(key: str) -> None:
    found = signed()
    found["heads"].reverse()
    assert "altered" in refused(as_file(found))


def test_a_key_that_stands_there_twice_is_refused(key: str) -> None:
    text = as_file(signed()).replace(b'"seq": 1', b'"seq": 7, "seq": 1', 1)
    assert refused(text) == "it was not written by audit_heads"


def test_a_forged_file_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    private, another = heads.new_key()
    monkeypatch.setenv(heads.SIGNING_KEY, private)
    forged = signed()
    monkeypatch.setenv(heads.PUBLIC_KEY, key)
    assert refused(as_file(forged)) == f"it was signed with a different key than {key}, which the environment sets"
    assert "altered" in refused(as_file(forged | {"public_key": key}))
    assert "a different key" in refused(as_file({name: forged[name] for name in forged if name != "public_key"}))
    monkeypatch.setenv(heads.PUBLIC_KEY, another)
    assert heads.read(as_file(forged)).public_key == another


def test_a_file_that_nobody_signed_is_refused(key: str) -> None:
    found = heads.document(heads.take(verify(), {}))
    assert "it is not signed" in refused(as_file(found))
    assert heads.read(as_file(found), unsigned=True).public_key is None
    assert heads.read(as_file(found | {"public_key": key}), unsigned=True).public_key is None


def test_a_bad_signature_is_refused_even_where_none_is_asked_for(key: str) -> None:
    found = signed()
    found["heads"] = []
    assert "altered" in refused(as_file(found), unsigned=True)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'"mandate_audit_heads"',
        b"[" * 100_000,
        b'{"mandate_audit_heads": NaN}',
    ],
)
def test_what_is_no_such_file_is_refused(key: str, text: bytes) -> None:
    assert refused(text, unsigned=True) == "it was not written by audit_heads"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["at"], "yesterday"),
        (["at"], "2026-01-01T00:00:00Z\x1b[1m"),
        (["at"], None),
        (["heads"], 5),
        (["heads"], ["x"]),
        (["heads", 0], {}),
        (["heads", 0, "seq"], "1"),
        (["heads", 0, "seq"], True),
        (["heads", 0, "seq"], 1.0),
        (["heads", 0, "seq"], -1),
        (["heads", 0, "seq"], 2**63),
        (["heads", 0, "hash"], "x"),
        (["heads", 0, "hash"], None),
    ],
)
def test_a_file_that_is_not_whole_is_refused(key: str, place: list[Any], value: Any) -> None:
    found = heads.document(heads.take(verify(), {}))
    change(found, place, value)
    assert refused(as_file(found), unsigned=True) == "it is incomplete or malformed: write it again with audit_heads"


def test_another_format_is_refused_by_its_name(key: str) -> None:
    found = heads.document(heads.take(verify(), {})) | {"mandate_audit_heads": 2}
    assert refused(as_file(found), unsigned=True) == "this version can't read its format"


@pytest.mark.parametrize("lines", ["\n", "\\n"], ids=["lines", "escaped"])
def test_keys_may_be_pems(key: str, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    private = heads.signing_key()
    pem = private.private_bytes(PEM, PKCS8, NoEncryption()).decode()
    public = private.public_key().public_bytes(PEM, SPKI).decode()
    monkeypatch.setenv(heads.SIGNING_KEY, pem.replace("\n", lines))
    assert heads.encoded(heads.signing_key().public_key()) == key
    monkeypatch.setenv(heads.PUBLIC_KEY, public.replace("\n", lines))
    assert heads.encoded(heads.public_key()) == key


MALFORMED: list[Callable[[], str]] = [
    lambda: "x",
    lambda: "ß" * 44,
    lambda: base64.b64encode(bytes(31)).decode(),
    lambda: base64.b64encode(bytes(33)).decode(),
    lambda: "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----",
    lambda: X25519PrivateKey.generate().private_bytes(PEM, PKCS8, NoEncryption()).decode(),
    lambda: X25519PrivateKey.generate().public_key().public_bytes(PEM, SPKI).decode(),
    lambda: heads.signing_key().private_bytes(PEM, PKCS8, BestAvailableEncryption(b"secret")).decode(),
]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_key_is_refused_and_not_repeated(
    key: str, monkeypatch: pytest.MonkeyPatch, text: Callable[[], str]
) -> None:
    monkeypatch.setenv(heads.PUBLIC_KEY, text())
    monkeypatch.setenv(heads.SIGNING_KEY, text())
    for read, name in ((heads.signing_key, heads.SIGNING_KEY), (heads.public_key, heads.PUBLIC_KEY)):
        with pytest.raises(heads.InvalidHeads) as error:
            read()
        assert str(error.value) == (
            f"{name} is malformed: set it to an Ed25519 key, as a PEM without a password or its 32 bytes in base64"
        )


def test_without_a_key_nothing_is_signed_or_checked(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = as_file(signed())
    monkeypatch.setenv(heads.SIGNING_KEY, "")
    assert refused(text).startswith("the signature can't be checked: set AUDIT_PUBLIC_KEY or AUDIT_SIGNING_KEY")
    with pytest.raises(heads.InvalidHeads, match="AUDIT_SIGNING_KEY is not set"):
        heads.signing_key()
