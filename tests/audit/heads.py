"""What the tests of the heads share: keys, files, and somebody who owns the tables and seals what they forged."""

import json
from typing import Any

import pytest

from apps.audit import heads
from apps.audit.findings import AccountReport, Fault
from apps.audit.models import Link
from apps.audit.verification import verify
from tests.audit.chains import recomputed, sql, unguarded

# A careful forger leaves no operation behind that nothing names.
FORGET_OPERATIONS = (
    "DELETE FROM audit_operation WHERE id NOT IN (SELECT operation_id FROM audit_link)"
    " AND id NOT IN (SELECT operation_id FROM audit_entry)"
)


def signed() -> dict[str, Any]:
    """The heads of now, signed with the key in the environment."""
    return heads.document(heads.take(verify(), {}), heads.signing_key())


def as_file(found: dict[str, Any]) -> bytes:
    """The text of the file."""
    return json.dumps(found, indent=2).encode()


def held(*kept: heads.Heads, account_id: int | None = None) -> dict[int, AccountReport]:
    """The reports on the log held against these heads, by account."""
    return {
        found.account_id: found
        for found in heads.hold_against(verify(account_id, wanted=heads.links_in(kept)), kept, account_id)
    }


def said(found: Fault | None) -> tuple[int | None, int | None, set[str]] | None:
    """The number, the operation and the problems of a fault."""
    return (found.seq, found.operation_id, {str(problem) for problem in found.problems}) if found else None


def seal_again(account: int, seq: int) -> None:
    """Compute the chain anew from this link to its end, as somebody would who knows how."""
    chain = Link.objects.filter(account_id=account).order_by("seq")
    before = chain.filter(seq=seq - 1).first()
    previous = bytes(before.hash) if before else b""
    for link in chain.filter(seq__gte=seq).values_list("pk", flat=True):
        sql("UPDATE audit_link SET previous = %s WHERE id = %s", previous, link)
        of_operation, of_entries, _ = recomputed(link)
        sql(
            "UPDATE audit_link SET operation_digest = %s, entries_digest = %s WHERE id = %s",
            of_operation,
            of_entries,
            link,
        )
        previous = recomputed(link)[2]
        sql("UPDATE audit_link SET hash = %s WHERE id = %s", previous, link)


def rewrite(account: int, seq: int) -> None:
    """Change what this link seals, and compute the chain anew from there, so that it fits."""
    with unguarded():
        sql(
            "UPDATE audit_entry SET target_text = 'Eve' WHERE id ="
            " (SELECT first_entry FROM audit_link WHERE account_id = %s AND seq = %s)",
            account,
            seq,
        )
        seal_again(account, seq)


def cut(account: int, seq: int) -> None:
    """Take this link away and all behind it, with what they seal."""
    with unguarded():
        sql(
            "DELETE FROM audit_entry AS entry USING audit_link AS link WHERE link.account_id = %s AND link.seq >= %s"
            " AND entry.account_id = link.account_id AND entry.id BETWEEN link.first_entry AND link.last_entry",
            account,
            seq,
        )
        sql("DELETE FROM audit_link WHERE account_id = %s AND seq >= %s", account, seq)
        sql(FORGET_OPERATIONS)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """A new signing key, in the environment; its public key."""
    private, public = heads.new_key()
    monkeypatch.setenv(heads.SIGNING_KEY, private)
    monkeypatch.delenv(heads.PUBLIC_KEY, raising=False)
    return public
