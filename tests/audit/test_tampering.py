"""What somebody does who owns the tables and switches the triggers off: verification finds it and names the place."""

import pytest
from django.db import transaction

from apps.audit.models import Link
from apps.audit.verification import verify
from tests.audit.chains import changes, fault, recomputed, report, sql, unguarded, write

pytestmark = pytest.mark.django_db

# Which link of a chain of five the tests lay hands on.
MIDDLE = 3


@pytest.fixture(autouse=True)
def log() -> None:
    """Chains of five links in the accounts 1 and 2, which the same operations wrote to."""
    for number in range(5):
        write(1, reason=f"reason {number}", ip="192.0.2.7", entries=[*changes(3)])
        write(2)


def middle() -> Link:
    """The link in the middle of the first account's chain."""
    return Link.objects.get(account_id=1, seq=MIDDLE)


def tamper(statement: str) -> None:
    """Run the statement behind the guards' back, with the middle link's columns filled in."""
    link = middle()
    with unguarded():
        sql(
            statement.format(
                link=link.pk, operation=link.operation_id, first=link.first_entry, last=link.last_entry, seq=link.seq
            )
        )


def test_an_untouched_log_fits() -> None:
    assert [(found.account_id, found.sound, found.links) for found in verify()] == [(1, True, 5), (2, True, 5)]


@pytest.mark.parametrize(
    "change",
    [
        "target_type = 'role'",
        "target_id = target_id || '0'",
        "target_text = ''",
        "branch_id = NULL",
        "branch_id = 4",
        "before = after",
        "after = after || '{{\"rank\": 9}}'",
        "after = NULL",
        "after = 'null'",
        "before = after, after = before",
        "target_id = target_text, target_text = target_id",
    ],
)
def test_a_changed_entry_is_found(change: str) -> None:
    tamper(
        "ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_values;"
        f" UPDATE audit_entry SET {change} WHERE id = {{first}}"
    )
    assert fault() == (MIDDLE, {"entries"})


@pytest.mark.parametrize(
    "change",
    [
        "reason = 'another'",
        "reason = reason || ' '",
        "verb = 'tests.thing.remove'",
        "actor_id = 8",
        "actor_id = NULL",
        "actor_name = 'Eve'",
        "acting_as_id = 8",
        "acting_as_name = actor_name, actor_name = acting_as_name || 'x'",
        "at = at + interval '1 microsecond'",
        "at = 'infinity'",
        "transaction_id = transaction_id + 1",
        "ip = '192.0.2.8'",
        "ip = '192.0.2.7/24'",
        "ip = NULL",
    ],
)
def test_a_changed_operation_is_found(change: str) -> None:
    tamper(f"UPDATE audit_operation SET {change} WHERE id = {{operation}}")
    assert fault() == (MIDDLE, {"operation"})


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ("first_entry = first_entry + 1", {"hash", "entries", "count"}),
        ("last_entry = last_entry + 1", {"hash", "entries"}),
        ("entry_count = entry_count + 1", {"hash", "count"}),
        ("operation_digest = sha256('')", {"hash", "operation"}),
        ("entries_digest = sha256('')", {"hash", "entries"}),
        ("previous = ''", {"hash", "previous"}),
        ("hash = sha256('')", {"hash"}),
        ("at = at + interval '1 microsecond'", {"hash"}),
        ("at = '-infinity'", {"hash"}),
    ],
)
def test_a_changed_link_is_found(change: str, problems: set[str]) -> None:
    tamper(f"UPDATE audit_link SET {change} WHERE id = {{link}}")
    assert fault() == (MIDDLE, problems)


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("DELETE FROM audit_entry WHERE id = {first}", (MIDDLE, {"count", "entries"})),
        ("DELETE FROM audit_entry WHERE id = {last}", (MIDDLE, {"count", "entries"})),
        ("DELETE FROM audit_entry WHERE operation_id = {operation}", (MIDDLE, {"count", "entries"})),
        ("DELETE FROM audit_operation WHERE id = {operation}", (MIDDLE, {"no-operation"})),
        ("DELETE FROM audit_link WHERE id = {link}", (MIDDLE + 1, {"gap", "previous"})),
        ("DELETE FROM audit_link WHERE account_id = 1 AND seq <= {seq}", (MIDDLE + 1, {"gap", "previous"})),
        ("DELETE FROM audit_link WHERE account_id = 1 AND seq = 5", (None, {"unlinked"})),
        ("DELETE FROM audit_link WHERE account_id = 1", (None, {"unlinked"})),
        (
            "DELETE FROM audit_link WHERE id = {link}; DELETE FROM audit_entry WHERE operation_id = {operation};"
            " DELETE FROM audit_operation WHERE id = {operation}",
            (MIDDLE + 1, {"gap", "previous"}),
        ),
        (
            "DELETE FROM audit_link WHERE id = {link}; DELETE FROM audit_entry WHERE operation_id = {operation};"
            " UPDATE audit_link SET seq = seq - 1 WHERE account_id = 1 AND seq = {seq} + 1;"
            " UPDATE audit_link SET seq = seq - 1 WHERE account_id = 1 AND seq = {seq} + 2",
            (MIDDLE, {"previous", "hash"}),
        ),
    ],
)
def test_what_is_deleted_is_missed(statement: str, place: tuple[int | None, set[str]]) -> None:
    tamper(statement)
    assert fault() == place


COLUMNS = "operation_id, account_id, branch_id, target_type, target_id, target_text, before, after"


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        (
            f"INSERT INTO audit_entry ({COLUMNS}) SELECT {COLUMNS} FROM audit_entry WHERE id = {{first}}",
            (None, {"unlinked"}),
        ),
        (
            f"INSERT INTO audit_entry (id, {COLUMNS}) SELECT -id, {COLUMNS} FROM audit_entry WHERE id = {{first}}",
            (None, {"unlinked"}),
        ),
        (
            "INSERT INTO audit_entry (operation_id, account_id, target_type, target_id, target_text)"
            " VALUES (999999999, 1, 'role', '1', 'x')",
            (None, {"unlinked"}),
        ),
        (
            "INSERT INTO audit_link (account_id, seq, operation_id, first_entry, last_entry, entry_count,"
            " operation_digest, entries_digest, previous, hash, at) SELECT account_id, 6, operation_id, last_entry + 1,"
            " last_entry + 1, 0, operation_digest, '', hash, sha256(hash), at FROM audit_link WHERE account_id = 1"
            " AND seq = 5",
            (6, {"hash", "entries"}),
        ),
    ],
)
def test_what_is_inserted_is_found(statement: str, place: tuple[int | None, set[str]]) -> None:
    tamper(statement)
    assert fault() == place


@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        (
            "UPDATE audit_entry AS one SET after = other.after, before = other.before FROM audit_entry AS other"
            " WHERE one.id IN ({first}, {last}) AND other.id IN ({first}, {last}) AND one.id <> other.id",
            MIDDLE,
        ),
        (
            "UPDATE audit_entry SET id = -1 WHERE id = {first}; UPDATE audit_entry SET id = {first} WHERE id = {last};"
            " UPDATE audit_entry SET id = {last} WHERE id = -1",
            MIDDLE,
        ),
        (
            "UPDATE audit_link SET seq = -1 WHERE id = {link};"
            " UPDATE audit_link SET seq = {seq} WHERE account_id = 1 AND seq = {seq} + 1;"
            " UPDATE audit_link SET seq = {seq} + 1 WHERE account_id = 1 AND seq = -1",
            MIDDLE,
        ),
        ("UPDATE audit_link SET seq = 6 WHERE id = {link}", MIDDLE + 1),
    ],
)
def test_another_order_is_found(statement: str, seq: int) -> None:
    tamper(statement)
    found = fault()
    assert found is not None
    assert found[0] == seq


def test_an_entry_moved_to_another_account_is_found_in_both() -> None:
    tamper("UPDATE audit_entry SET account_id = 2 WHERE id = {last}")
    assert fault(1) == (MIDDLE, {"count", "entries"})
    assert fault(2) == (None, {"unlinked"})
    assert [found.sound for found in verify()] == [False, False]


def test_an_entry_moved_to_another_operation_is_found() -> None:
    [[other]] = sql("SELECT operation_id FROM audit_link WHERE account_id = 1 AND seq = 1")
    tamper(f"UPDATE audit_entry SET operation_id = {other} WHERE id = {{first}}")
    assert fault() == (MIDDLE, {"count", "entries"})


def test_other_accounts_stay_above_suspicion() -> None:
    tamper("UPDATE audit_entry SET target_text = 'x' WHERE id = {first}")
    assert {found.account_id: found.sound for found in verify()} == {1: False, 2: True}


def test_of_several_faults_the_first_is_named() -> None:
    tamper("UPDATE audit_entry SET target_text = 'x' WHERE account_id = 1 AND id >= {first}")
    tamper("DELETE FROM audit_link WHERE account_id = 1 AND seq = 5")
    assert fault() == (MIDDLE, {"entries"})


def test_what_has_no_number_comes_after_the_links() -> None:
    tamper("UPDATE audit_operation SET reason = 'x' WHERE id = {operation}")
    tamper(
        "INSERT INTO audit_entry (operation_id, account_id, target_type, target_id, target_text)"
        " VALUES (-1, 1, 'role', '1', 'x')"
    )
    assert fault() == (MIDDLE, {"operation"})


@pytest.mark.parametrize(
    ("statement", "seq", "problems"),
    [
        ("UPDATE audit_entry SET target_text = 'y' WHERE id = {entry}", 7, {"entries"}),
        ("DELETE FROM audit_entry WHERE id = {entry}", 7, {"entries", "count"}),
        ("UPDATE audit_operation SET reason = 'y' WHERE id = {operation}", 6, {"operation"}),
        ("DELETE FROM audit_operation WHERE id = {operation}", 6, {"no-operation"}),
        ("DELETE FROM audit_link WHERE account_id = 1 AND seq = 7", 8, {"gap", "previous"}),
        ("DELETE FROM audit_link WHERE account_id = 1 AND seq >= 7", None, {"unlinked"}),
        # A link that claims entries of the one before it is the bad one.
        (
            "UPDATE audit_link SET first_entry = first_entry - 1 WHERE account_id = 1 AND seq = 7",
            7,
            {"hash", "entries"},
        ),
        (
            "ALTER TABLE audit_link ALTER first_entry DROP NOT NULL;"
            " UPDATE audit_link SET first_entry = NULL WHERE account_id = 1 AND seq = 7",
            7,
            {"hash"},
        ),
        ("UPDATE audit_link SET last_entry = last_entry + 1 WHERE account_id = 1 AND seq = 6", 6, {"hash", "entries"}),
        ("DELETE FROM audit_link WHERE account_id = 1 AND seq >= 6", None, {"unlinked"}),
    ],
)
def test_an_operation_of_several_links_is_named(statement: str, seq: int | None, problems: set[str]) -> None:
    operation = write(1).pk
    insert = (
        "INSERT INTO audit_entry (operation_id, account_id, target_type, target_id, target_text)"
        " VALUES (%s, 1, 'role', '1', 'x') RETURNING id"
    )
    [[entry]], _ = sql(insert, operation), sql(insert, operation)
    assert report(1).links == 8
    tamper(statement.replace("{entry}", str(entry)).replace("{operation}", str(operation)))
    assert fault() == (seq, problems)
    found = report(1).fault
    assert found
    assert found.operation_id == operation


def forge(link: Link) -> None:
    """Seal the link again, as somebody would who knows how."""
    of_operation, of_entries, _ = recomputed(link.pk)
    with unguarded():
        sql(
            "UPDATE audit_link SET operation_digest = %s, entries_digest = %s WHERE id = %s",
            of_operation,
            of_entries,
            link.pk,
        )
        sql("UPDATE audit_link SET hash = %s WHERE id = %s", recomputed(link.pk)[2], link.pk)


def test_a_link_that_was_sealed_again_is_betrayed_by_the_next() -> None:
    tamper("UPDATE audit_entry SET target_text = 'x' WHERE id = {first}")
    forge(middle())
    assert fault() == (MIDDLE + 1, {"previous"})


def test_a_log_that_lost_its_end_still_fits() -> None:
    """The limit of a chain by itself: only a head that was kept elsewhere shows this."""
    tamper("DELETE FROM audit_link WHERE account_id = 1 AND seq >= {seq}")
    with unguarded():
        sql(
            "DELETE FROM audit_entry WHERE account_id = 1 AND operation_id NOT IN"
            " (SELECT operation_id FROM audit_link WHERE account_id = 1)"
        )
    assert fault() is None


def test_it_is_found_however_many_runs_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (1, 2, 3, 4, 7):
        monkeypatch.setattr("apps.audit.sorting.RUN", size)
        monkeypatch.setattr("apps.audit.sorting.READ", size)
        assert [found.sound for found in verify()] == [True, True]
        for seq in range(1, 5):
            with transaction.atomic():
                with unguarded():
                    sql("DELETE FROM audit_link WHERE account_id = 1 AND seq = %s", seq)
                    sql("UPDATE audit_entry SET branch_id = 9 WHERE account_id = 2")
                assert (fault(1), fault(2)) == ((seq + 1, {"gap", "previous"}), (1, {"entries"}))
                transaction.set_rollback(True)


def test_progress_is_told_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.audit.verification.STEP", 4)
    told: list[tuple[int, int]] = []
    verify(progress=lambda done, steps: told.append((done, steps)))
    assert len(told) > 4
    assert told == [(number, len(told)) for number in range(1, len(told) + 1)]
