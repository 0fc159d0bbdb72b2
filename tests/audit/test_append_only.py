"""The database refuses every change of what is written, whoever asks."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, migrations, models, transaction
from django.db.migrations.state import ProjectState

from apps.audit.models import Entry, Link, Operation, Verification
from apps.audit.operations import AppendOnly
from tests.audit.chains import TABLES, sql, unguarded, write

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    ("verb", "statement"),
    [
        ("UPDATE", "UPDATE {table} SET id = id"),
        ("UPDATE", "UPDATE {table} SET id = id WHERE false"),
        ("DELETE", "DELETE FROM {table}"),
        ("TRUNCATE", "TRUNCATE {table}"),
        ("TRUNCATE", "TRUNCATE {table} CASCADE"),
    ],
)
def test_raw_sql_changes_nothing(table: str, verb: str, statement: str) -> None:
    write()
    with pytest.raises(IntegrityError, match=f"{table} is append-only: {verb} is refused"), transaction.atomic():
        sql(statement.format(table=table))
    assert sql(f"SELECT count(*) FROM {table}") != [(0,)]


@pytest.mark.parametrize("model", [Operation, Entry, Link])
def test_the_orm_changes_nothing(model: type[models.Model]) -> None:
    write()
    row = model._default_manager.get(pk=model._default_manager.values_list("pk", flat=True)[0])
    rows = model._default_manager.all()
    with pytest.raises(IntegrityError, match="UPDATE is refused"), transaction.atomic():
        row.save()
    with pytest.raises(IntegrityError, match="UPDATE is refused"), transaction.atomic():
        rows.update(id=models.F("id"))
    with pytest.raises((IntegrityError, models.ProtectedError)), transaction.atomic():
        row.delete()
    with pytest.raises(IntegrityError, match="DELETE is refused"), transaction.atomic():
        rows._raw_delete(rows.db)
    assert rows.filter(pk=row.pk).exists()


def test_an_upsert_changes_nothing() -> None:
    write()
    with pytest.raises(IntegrityError, match="UPDATE is refused"), transaction.atomic():
        sql(
            "INSERT INTO audit_operation (id, actor_name, verb, reason) SELECT id, 'Eve', verb, reason"
            " FROM audit_operation ON CONFLICT (id) DO UPDATE SET actor_name = excluded.actor_name"
        )


def test_nobody_writes_a_link_by_hand() -> None:
    write()
    with pytest.raises(IntegrityError, match="audit_link is written by the database alone"), transaction.atomic():
        sql(
            "INSERT INTO audit_link (account_id, seq, operation_id, first_entry, last_entry, entry_count,"
            " operation_digest, entries_digest, previous, hash, at) SELECT account_id, seq + 1, operation_id,"
            " first_entry, last_entry, entry_count, operation_digest, entries_digest, hash, hash, at FROM audit_link"
        )


def test_nobody_dates_an_operation_back() -> None:
    sql(
        "INSERT INTO audit_operation (at, transaction_id, actor_name, verb, reason)"
        " VALUES ('2001-01-01', 5, 'Eve', 'a.b', 'x')"
    )
    assert sql(
        "SELECT now() - at < interval '1 hour', transaction_id = pg_current_xact_id()::text::bigint"
        " FROM audit_operation"
    ) == [(True, True)]


# What a verification found is no part of the log, and the next one overwrites it.
LOG = [model for model in apps.get_app_config("audit").get_models() if model is not Verification]


@pytest.mark.parametrize("model", LOG)
def test_every_table_of_the_log_is_guarded(model: type[models.Model]) -> None:
    assert sql(
        "SELECT tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname = 'audit_append_only'",
        model._meta.db_table,
    ) == [("O",)]


def test_the_way_around_is_closed_again() -> None:
    write()
    with unguarded():
        sql("UPDATE audit_entry SET target_text = 'x'")
    with pytest.raises(IntegrityError), transaction.atomic():
        sql("UPDATE audit_entry SET target_text = 'y'")


def test_another_app_makes_its_table_append_only() -> None:
    create = migrations.CreateModel("Receipt", [("id", models.BigAutoField(primary_key=True))])
    guard = AppendOnly("Receipt")
    empty, state = ProjectState(), ProjectState()
    create.state_forwards("audit", state)
    guard.state_forwards("audit", state)
    with connection.schema_editor() as editor:
        create.database_forwards("audit", editor, empty, state)
        guard.database_forwards("audit", editor, state, state)
    sql("INSERT INTO audit_receipt DEFAULT VALUES")
    for statement in ("UPDATE audit_receipt SET id = 2", "DELETE FROM audit_receipt", "TRUNCATE audit_receipt"):
        with pytest.raises(IntegrityError, match="audit_receipt is append-only"), transaction.atomic():
            sql(statement)
    with connection.schema_editor() as editor:
        guard.database_backwards("audit", editor, state, empty)
    sql("DELETE FROM audit_receipt")
    assert guard.describe() == "Make the table of Receipt append-only"
