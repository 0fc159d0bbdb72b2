"""What `record` writes, and what it refuses."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, transaction
from pytest_django.fixtures import DjangoAssertNumQueries

from apps.audit import verbs
from apps.audit.models import Entry, Link, Operation
from apps.audit.services import CONSOLE, EntryValues, record
from tests.audit.chains import ANN, VERB, Person, report, sql, write

pytestmark = pytest.mark.django_db

CHANGE = EntryValues(target_type="role", target_id="auditor", target_text="Auditor")


def test_it_writes_who_when_why_and_what() -> None:
    began = datetime.now(UTC)
    operation = write(
        account_id=5,
        reason="  Covers for Ann ",
        acting_as=Person(pk=9, name="", email="zoe@acme.example"),
        ip="2001:db8::1",
        entries=[
            EntryValues(
                target_type="override",
                target_id=12,
                target_text="Ben Baker",
                before=None,
                after={"scope": ["all"], "until": datetime(2027, 1, 31, tzinfo=UTC), "cap": Decimal("1.50")},
                branch_id=3,
            )
        ],
    )
    operation.refresh_from_db()
    assert (operation.verb, operation.reason) == ("tests.thing.change", "Covers for Ann")
    assert (operation.actor_id, operation.actor_name) == (7, "Ann Archer")
    assert (operation.acting_as_id, operation.acting_as_name) == (9, "zoe@acme.example")
    assert operation.ip == "2001:db8::1"
    assert began <= operation.at <= datetime.now(UTC)
    entry = operation.entries.get()
    assert (entry.account_id, entry.branch_id) == (5, 3)
    assert (entry.target_type, entry.target_id, entry.target_text) == ("override", "12", "Ben Baker")
    assert entry.before is None
    assert entry.after == {"scope": ["all"], "until": "2027-01-31T00:00:00Z", "cap": "1.50"}
    assert sql("SELECT before IS NULL FROM audit_entry") == [(True,)]


def test_what_it_returns_is_what_is_stored() -> None:
    operation = write()
    stored = Operation.objects.get()
    assert (operation.at, operation.transaction_id) == (stored.at, stored.transaction_id)


def test_without_an_actor_it_is_the_operator_at_the_console() -> None:
    operation = write(actor=None)
    assert (operation.actor_id, operation.actor_name) == (None, CONSOLE)


def test_without_an_account_it_is_the_platforms_chain() -> None:
    write(account_id=None)
    assert Entry.objects.values_list("account_id", flat=True).distinct().get() == 0
    assert report(0).sound


def test_entries_may_name_accounts_of_their_own() -> None:
    user = EntryValues(target_type="user", target_id=4, target_text="Ben Baker")
    write(account_id=None, entries=[user, replace(user, account_id=2), replace(user, account_id=1)])
    assert list(Link.objects.order_by("account_id").values_list("account_id", "seq")) == [(0, 1), (1, 1), (2, 1)]


@pytest.mark.parametrize("reason", ["", " ", "\t\n ", "\u00a0", "\u200b\u2060"])
def test_a_blank_reason_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match="without a reason"):
        write(reason=reason)
    assert not Operation.objects.exists()


@pytest.mark.parametrize(("column", "value"), [("reason", " \n"), ("actor_name", ""), ("verb", "Nonsense")])
def test_the_database_refuses_it_too(column: str, value: str) -> None:
    fields = {"actor_name": "Ann", "verb": "a.b", "reason": "x"} | {column: value}
    with pytest.raises(IntegrityError, match="violates check constraint"):
        Operation.objects.create(**fields)


def test_a_verb_that_is_not_registered_is_refused() -> None:
    with pytest.raises(verbs.UnknownVerb, match=r"'tests\.thing\.burn' is not registered"):
        write(verb="tests.thing.burn")
    assert not Operation.objects.exists()


def test_nothing_changed_is_nothing_to_record() -> None:
    with pytest.raises(ValueError, match="without entries"):
        write(entries=[])


def test_an_actor_who_is_not_saved_is_refused() -> None:
    with pytest.raises(ValueError, match="a saved user or None"):
        write(actor=Person(pk=None))


def test_a_negative_account_is_refused() -> None:
    with pytest.raises(IntegrityError, match="audit_entry_account"):
        write(account_id=-1)


def test_what_the_database_cannot_hold_is_refused_whole() -> None:
    with pytest.raises(DataError):
        write(entries=[CHANGE, EntryValues(target_type="role", target_id=1, target_text="x", after={"a": "\x00"})])
    assert not Operation.objects.exists()


def test_it_costs_seven_statements_however_many_entries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with transaction.atomic(), django_assert_num_queries(7):
        record(verb=VERB, actor=ANN, reason="x", account_id=1, entries=[CHANGE] * 3000)


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_it_is_refused() -> None:
    with pytest.raises(transaction.TransactionManagementError, match="call record\\(\\) inside the atomic block"):
        record(verb=VERB, actor=None, reason="x", account_id=1, entries=[CHANGE])
    assert not Operation.objects.exists()
