"""Heads that were kept elsewhere: what the log says when it is held against them."""

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries

from apps.audit import heads
from apps.audit.models import Link
from apps.audit.verification import verify
from tests.audit.chains import fault, report, sql, unguarded, write
from tests.audit.heads import cut, held, rewrite, said

pytestmark = pytest.mark.django_db

LINKS = 5


@pytest.fixture(autouse=True)
def log() -> None:
    """Chains of five links in the accounts 1 and 2, and of one in the platform's."""
    for _ in range(LINKS):
        write(1, entries=3)
        write(2)
    write(None)


def operation(seq: int, account: int = 1) -> int:
    """The operation behind the account's link of this number."""
    return Link.objects.get(account_id=account, seq=seq).operation_id


def test_a_head_says_where_its_chain_ends() -> None:
    found = heads.take(verify(), {1: "acme"}).heads
    assert [head.account_id for head in found] == [0, 1, 2]
    assert found[1] == heads.Head("acme", 1, LINKS, report(1).head_hash, operation(LINKS), LINKS, 3 * LINKS)
    assert found[0].account is None


def test_a_log_that_only_grew_fits() -> None:
    kept = heads.take(verify(), {})
    write(1)
    write(3)
    found = held(kept)
    assert all(each.sound for each in found.values())
    assert {account: each.kept_seq for account, each in found.items()} == {0: 1, 1: LINKS, 2: LINKS, 3: None}


@pytest.mark.parametrize("seq", [2, 3, 4])
def test_a_tail_that_was_cut_off_is_missed(seq: int) -> None:
    kept, last = heads.take(verify(), {}), operation(LINKS)
    cut(1, seq)
    assert fault() is None
    found = held(kept)
    assert said(found[1].fault) == (seq, None, {"cut"})
    assert found[1].fault
    assert f"link {seq}: this link and all later links are missing" in found[1].fault.sentence
    assert f"is link {LINKS}, operation {last})" in found[1].fault.sentence
    assert found[2].sound


def test_where_the_head_alone_was_cut_off_its_operation_is_named() -> None:
    kept, last = heads.take(verify(), {}), operation(LINKS)
    cut(1, LINKS)
    assert said(held(kept)[1].fault) == (LINKS, last, {"cut"})


def test_a_tail_that_was_written_anew_is_another() -> None:
    kept = heads.take(verify(), {})
    cut(1, 4)
    write(1)
    assert said(held(kept)[1].fault) == (5, kept.heads[1].operation, {"cut"})
    write(1)
    write(1)
    assert fault() is None
    assert said(held(kept)[1].fault) == (LINKS, operation(5), {"rewritten"})


def test_a_chain_that_is_gone_is_missed() -> None:
    kept = heads.take(verify(), {})
    cut(1, 1)
    cut(0, 1)
    assert [found.account_id for found in verify()] == [2]
    found = held(kept)
    assert said(found[1].fault) == (1, None, {"gone"})
    assert said(found[0].fault) == (1, kept.heads[0].operation, {"gone"})
    assert (found[1].links, found[1].entries, found[2].sound) == (0, 0, True)


def test_of_a_chain_that_is_gone_the_entries_may_be_left() -> None:
    kept = heads.take(verify(), {})
    with unguarded():
        sql("DELETE FROM audit_link WHERE account_id = 1")
    assert said(held(kept)[1].fault) == (1, None, {"gone"})


@pytest.mark.parametrize("seq", range(1, LINKS + 1))
def test_a_chain_that_was_rewritten_is_another(seq: int) -> None:
    kept = heads.take(verify(), {})
    rewrite(1, seq)
    assert fault() is None
    found = held(kept)
    assert said(found[1].fault) == (LINKS, operation(LINKS), {"rewritten"})
    assert found[1].kept_seq is None
    assert found[2].sound


@pytest.mark.parametrize("seq", range(1, LINKS + 1))
def test_heads_of_every_day_tell_which_operation_was_rewritten(seq: int) -> None:
    [[*links]] = [Link.objects.filter(account_id=1).order_by("seq")]
    kept = [
        heads.Heads(
            "2026-01-01T00:00:00Z", (heads.Head(None, 1, n.seq, n.hash.hex(), n.operation_id, n.seq, 3 * n.seq),)
        )
        for n in links
    ]
    rewrite(1, seq)
    found = held(*reversed(kept))[1]
    assert said(found.fault) == (seq, operation(seq), {"rewritten"})
    assert found.kept_seq == (seq - 1 or None)
    assert found.fault
    assert (f"up to link {seq - 1} the chain matches the recorded heads" in found.fault.sentence) == (seq > 1)


def test_a_head_that_was_taken_out_of_the_chain_is_named_itself() -> None:
    kept = heads.take(verify(), {})
    last = operation(LINKS)
    write(1)
    with unguarded():
        sql("DELETE FROM audit_link WHERE account_id = 1 AND seq = %s", LINKS)
    assert fault() == (LINKS + 1, {"gap", "previous"})
    assert said(held(kept)[1].fault) == (LINKS, last, {"missing"})


def test_what_the_chain_shows_by_itself_comes_first_where_it_is_first() -> None:
    kept = heads.take(verify(), {})
    with unguarded():
        sql("UPDATE audit_operation SET reason = 'because' WHERE id = %s", operation(2))
    cut(1, 4)
    assert said(held(kept)[1].fault) == (2, operation(2), {"operation"})


def test_what_is_off_about_the_same_link_is_said_together() -> None:
    kept = heads.take(verify(), {})
    with unguarded():
        sql("UPDATE audit_link SET hash = sha256('') WHERE account_id = 1 AND seq = %s", LINKS)
    assert said(held(kept)[1].fault) == (LINKS, operation(LINKS), {"hash", "rewritten"})


def test_a_chain_behind_its_head_is_verified_as_ever() -> None:
    kept = heads.take(verify(), {})
    write(1)
    with unguarded():
        sql("UPDATE audit_operation SET reason = 'because' WHERE id = %s", operation(LINKS + 1))
    found = held(kept)[1]
    assert (said(found.fault), found.kept_seq) == ((LINKS + 1, operation(LINKS + 1), {"operation"}), LINKS)


def test_a_chain_is_not_vouched_for_by_another_ones_head() -> None:
    kept = heads.take(verify(), {})
    cut(1, 1)
    with unguarded():
        sql("UPDATE audit_link SET account_id = 1 WHERE account_id = 2")
    assert {account: each.sound for account, each in held(kept).items()} == {0: True, 1: False, 2: False}


def test_one_account_is_held_alone() -> None:
    kept = heads.take(verify(), {})
    cut(2, 1)
    assert [(account, each.sound) for account, each in held(kept, account_id=1).items()] == [(1, True)]
    assert said(held(kept, account_id=2)[2].fault) == (1, None, {"gone"})


def test_it_asks_the_server_for_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    kept = heads.take(verify(), {})
    reports = verify(wanted=heads.links_in([kept]))
    with django_assert_num_queries(0):
        heads.hold_against(reports, [kept, kept])
