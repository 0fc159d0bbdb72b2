"""The operations of an account, as its log shows them."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from apps.audit.models import Operation
from apps.audit.services import EntryValues
from tests.audit.chains import OTHER_VERB, VERB, Person, sql, unguarded, write

pytestmark = pytest.mark.django_db

BOTH = [
    EntryValues(target_type="user", target_id=4, target_text="Ben", account_id=1),
    EntryValues(target_type="user", target_id=5, target_text="Eve", account_id=2),
]


def test_an_account_sees_its_own_operations_only() -> None:
    mine, shared, _ = write(1), write(None, entries=BOTH), write(2)
    assert list(Operation.objects.of_account(1).newest_first()) == [shared, mine]


def test_an_operation_shows_an_account_its_own_entries_only(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    write(None, entries=BOTH)
    write(1)
    with django_assert_num_queries(2):
        shown = [
            [entry.target_text for entry in operation.entries.all()]
            for operation in Operation.objects.of_account(1).with_entries(1).newest_first()
        ]
    assert shown == [["Ben Baker 0", "Ben Baker 1"], ["Ben"]]


def test_it_is_filtered_by_verb() -> None:
    changed, removed = write(1), write(1, verb=OTHER_VERB)
    assert list(Operation.objects.of_account(1).with_verb(VERB)) == [changed]
    assert list(Operation.objects.with_verb(VERB, "tests.thing.remove").newest_first()) == [removed, changed]


def test_it_is_filtered_by_actor() -> None:
    ann, eve, console = write(1), write(1, actor=Person(pk=8)), write(1, actor=None)
    for actor_id, operation in [(7, ann), (8, eve), (None, console)]:
        assert list(Operation.objects.of_account(1).by_actor(actor_id)) == [operation]


def test_it_is_filtered_by_time() -> None:
    operations = [write(1) for _ in range(3)]
    day = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    with unguarded():
        for number, operation in enumerate(operations):
            sql("UPDATE audit_operation SET at = %s WHERE id = %s", day + timedelta(days=number), operation.pk)
    found = Operation.objects.of_account(1).order_by("pk")
    assert list(found.between(day, day + timedelta(days=1))) == operations[:1]
    assert list(found.between(since=day + timedelta(days=1))) == operations[1:]
    assert list(found.between(until=day + timedelta(days=2))) == operations[:2]
    assert list(found.between()) == operations


def test_it_is_filtered_by_target_inside_the_account() -> None:
    shared = write(None, entries=BOTH)
    write(1)
    assert list(Operation.objects.about(1, "user", 4)) == [shared]
    assert list(Operation.objects.about(1, "user", "4")) == [shared]
    assert not Operation.objects.about(1, "user", 5).exists()
    assert not Operation.objects.about(1, "role", 4).exists()
