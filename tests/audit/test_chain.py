"""The links that the database writes."""

import json
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.audit.findings import Fault, Problem
from apps.audit.models import Entry, Link, Operation
from apps.audit.services import EntryValues
from apps.audit.text import validate_multi_line
from apps.audit.verification import verify
from tests.audit.chains import changes, recomputed_hash, report, sql, write

pytestmark = pytest.mark.django_db

INSERT = (
    "INSERT INTO audit_entry (operation_id, account_id, target_type, target_id, target_text)"
    " SELECT %s, account, 'role', number::text, 'x' FROM unnest(%s::bigint[]) WITH ORDINALITY AS a (account, number)"
)


def operation() -> int:
    """An operation that has no entries yet."""
    return Operation.objects.create(actor_name="Ann", verb="a.b", reason="x").pk


def test_each_operation_adds_a_link_to_its_accounts_chain() -> None:
    operations = [write(1), write(2), write(1)]
    links = list(Link.objects.order_by("pk"))
    assert [(link.account_id, link.seq) for link in links] == [(1, 1), (2, 1), (1, 2)]
    assert [link.operation_id for link in links] == [operation.pk for operation in operations]
    assert [bytes(link.previous) for link in links] == [b"", b"", bytes(links[0].hash)]
    assert [link.entry_count for link in links] == [2, 2, 2]


def test_a_link_spans_its_entries() -> None:
    write(1)
    entries = sorted(write(1, entries=5).entries.values_list("pk", flat=True))
    link = Link.objects.get(seq=2)
    assert (link.first_entry, link.last_entry, link.entry_count) == (entries[0], entries[-1], 5)


def test_anybody_can_compute_a_hash_again() -> None:
    write(1)
    write(None, ip="192.0.2.7", acting_as=None, actor=None, reason='She said: "no"\n\\')
    write(
        1,
        entries=[
            EntryValues(target_type="role", target_id=1, target_text="\x01 é 😀 /", after={"b": 1.50, "a": [None]})
        ],
    )
    for link in Link.objects.all():
        assert recomputed_hash(link.pk) == bytes(link.hash)


def test_one_statement_over_several_accounts_writes_one_link_for_each() -> None:
    first, second = operation(), operation()
    sql(INSERT, first, [3, 1, 3, 2, 1, 3])
    sql(INSERT, second, [1])
    assert list(Link.objects.order_by("pk").values_list("account_id", "seq", "entry_count")) == [
        (1, 1, 2),
        (2, 1, 1),
        (3, 1, 3),
        (1, 2, 1),
    ]
    assert all(found.sound for found in verify())


def test_one_statement_over_several_operations_writes_one_link_for_each() -> None:
    first, second = operation(), operation()
    sql(
        "INSERT INTO audit_entry (operation_id, account_id, target_type, target_id, target_text)"
        " SELECT unnest(ARRAY[%s, %s, %s]), 1, 'role', '', ''",
        second,
        first,
        second,
    )
    assert list(Link.objects.order_by("seq").values_list("operation_id", "entry_count")) == [(first, 1), (second, 2)]
    assert report().sound


def test_each_statement_of_an_operation_has_a_link() -> None:
    pk = operation()
    for _ in range(3):
        sql(INSERT, pk, [1, 1])
    assert list(Link.objects.values_list("entry_count", flat=True)) == [2, 2, 2]
    assert report().sound


def test_a_statement_that_writes_nothing_passes() -> None:
    unused = operation()
    sql(INSERT, unused, [])
    assert not Link.objects.exists()
    [found] = verify()
    assert (found.account_id, found.links, found.entries) == (0, 0, 0)
    assert found.fault == Fault(0, None, unused, (Problem.UNLINKED,))


def test_copy_writes_links_too() -> None:
    pk = operation()
    copy = "COPY audit_entry (operation_id, account_id, target_type, target_id, target_text) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(copy) as rows:
        rows.write_row((pk, 1, "role", "8", "x"))
        rows.write_row((pk, 1, "role", "9", "x"))
    assert Link.objects.get().entry_count == 2
    assert report().sound


def test_what_is_rolled_back_leaves_nothing() -> None:
    write(1)
    with transaction.atomic():
        write(1)
        transaction.set_rollback(True)
    write(1)
    assert (Operation.objects.count(), Entry.objects.count(), Link.objects.count()) == (2, 4, 2)
    assert list(Link.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2]
    assert report().sound


@pytest.mark.django_db(transaction=True)
def test_an_operation_ends_with_its_transaction() -> None:
    pk = write(1).pk
    with pytest.raises(IntegrityError, match=f"operation {pk} was not begun in this transaction"):
        sql(INSERT, pk, [1])
    with transaction.atomic(), transaction.atomic():
        pk = operation()
        with transaction.atomic():
            sql(INSERT, pk, [1])
    assert report().entries == 3


def test_entries_of_no_operation_are_refused() -> None:
    with pytest.raises(IntegrityError, match="was not begun in this transaction"), transaction.atomic():
        sql(INSERT, 999_999_999, [1])


def test_entries_that_claim_an_earlier_place_are_refused() -> None:
    pk = write(1).pk
    [[least]] = sql("SELECT min(id) FROM audit_entry")
    with pytest.raises(IntegrityError, match="do not follow those it has"), transaction.atomic():
        sql(
            "INSERT INTO audit_entry (id, operation_id, account_id, target_type, target_id, target_text)"
            " VALUES (%s, %s, 1, 'role', '', '')",
            least - 1,
            pk,
        )


def test_no_table_or_function_of_the_session_comes_between() -> None:
    sql("CREATE SCHEMA eve")
    sql("CREATE FUNCTION eve.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT ''\\x00''::bytea'")
    for table in ("audit_link", "audit_operation"):
        sql(f"CREATE TEMPORARY TABLE {table} (LIKE public.{table} INCLUDING ALL)")
        sql(f"CREATE TABLE eve.{table} (LIKE public.{table} INCLUDING ALL)")
    sql("SET LOCAL search_path = eve, pg_catalog, public")
    sql(
        "WITH operation AS (SELECT nextval('public.audit_operation_id_seq') AS id)"
        " INSERT INTO public.audit_operation (id, actor_name, verb, reason) SELECT id, 'Ann', 'a.b', 'x' FROM operation"
    )
    [[pk]] = sql("SELECT max(id) FROM public.audit_operation")
    sql(INSERT.replace("audit_entry", "public.audit_entry"), pk, [1])
    sql("SET LOCAL search_path = public, pg_temp")
    assert Link.objects.count() == 1
    assert report().sound


SETTINGS = [
    {"TimeZone": "Asia/Kathmandu", "DateStyle": "SQL, DMY", "IntervalStyle": "iso_8601"},
    {"extra_float_digits": "-15", "bytea_output": "escape", "xmlbinary": "hex"},
    {"standard_conforming_strings": "off", "client_encoding": "LATIN1", "quote_all_identifiers": "on"},
]
WRITE = (
    "INSERT INTO audit_operation (actor_name, verb, reason, ip)"
    " VALUES ('Zoë', 'a.b', E'caf\\u00e9', '192.0.2.0/24') RETURNING id"
)
WRITE_ENTRY = (
    "INSERT INTO audit_entry (operation_id, account_id, target_type, target_id, target_text, after)"
    " VALUES (%s, 1, 'role', 'é', E'\\\\x', '{\"b\": 1.10, \"é\": 1e-7, \"at\": \"2027-01-31T00:00:00Z\"}')"
)


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_settings_of_a_session_change_no_digest(settings: dict[str, str]) -> None:
    sql(WRITE_ENTRY, sql(WRITE)[0][0])
    for name, value in settings.items():
        sql("SELECT set_config(%s, %s, true)", name, value)
    assert report().sound
    sql(WRITE_ENTRY, sql(WRITE)[0][0])
    assert report().sound
    for name in settings:
        sql(f"SET LOCAL {name} TO DEFAULT")
    assert report().sound
    assert report().links == 2
    assert all(recomputed_hash(link.pk) == bytes(link.hash) for link in Link.objects.all())


TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
SEEN = st.characters(categories=["L", "N", "P", "S"])
# A reason has no hidden characters, the other texts may have any.
REASONS = st.builds("{}{}{}".format, TEXTS, SEEN, TEXTS).map(lambda text: validate_multi_line.pattern.sub(" ", text))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


class TestAnythingThatCanBeWritten(TestCase):
    """Whatever the texts and values are, the chain fits and the same hash comes out in Python."""

    @given(REASONS, TEXTS, TEXTS, TEXTS, JSON, JSON)
    def test_it_is_sealed_as_it_is(self, reason: str, kind: str, key: str, text: str, before: Any, after: Any) -> None:
        change = EntryValues(target_type=kind, target_id=key, target_text=text, before=before, after=after)
        write(1, reason=reason, entries=[change, *changes(1)])
        write(1, entries=[EntryValues(target_type=kind, target_id=key, target_text=json.dumps(after))])
        assert report().sound
        for link in Link.objects.all():
            assert recomputed_hash(link.pk) == bytes(link.hash)
