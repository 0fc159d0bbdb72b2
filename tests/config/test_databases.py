"""Tests that commit get the migrated database back, not emptied tables."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", ["first", "second"])
def test_a_commit_is_gone_for_the_next_test(run: str) -> None:
    assert not ContentType.objects.filter(app_label="left_by_a_test").exists()

    ContentType.objects.create(app_label="left_by_a_test", model=run)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", ["first", "second"])
def test_what_the_migrations_wrote_is_there_after_a_test_that_deleted_it(run: str) -> None:
    assert ContentType.objects.filter(app_label="accounts", model="user").exists()

    ContentType.objects.all().delete()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", ["first", "second"])
def test_a_table_that_refuses_truncate_does_not_stop_the_restoring(run: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE stubborn (id int)")
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$"
        )
        cursor.execute("CREATE TRIGGER refuse BEFORE TRUNCATE ON stubborn EXECUTE FUNCTION refuse()")
        cursor.execute("INSERT INTO stubborn VALUES (1)")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", ["first", "second"])
def test_a_connection_left_open_does_not_stop_the_restoring(run: str) -> None:
    other = connections.create_connection("default")
    other.ensure_connection()
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1")
