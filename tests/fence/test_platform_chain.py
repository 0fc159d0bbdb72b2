"""The platform's chain is no account's: the web role neither reads nor adds to it by naming account 0."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.accounts.fence import tell
from apps.accounts.verbs import SECURITY_CHANGED
from apps.audit.services import EntryValues, record
from tests.fence.world import World, rows, run

pytestmark = pytest.mark.django_db

TABLES = ("audit_operation", "audit_entry", "audit_link", "audit_verification")


def test_the_platform_has_rows_to_hide(world: World) -> None:
    assert rows("SELECT id FROM audit_operation WHERE id IN (SELECT operation_id FROM audit_link WHERE account_id = 0)")
    for table in TABLES[1:]:
        assert rows(f"SELECT id FROM {table} WHERE account_id = 0"), table


@pytest.mark.parametrize("zero", ["0", "00", "-0", " 0 "])
def test_account_0_shows_nothing_of_the_platform(web: BaseDatabaseWrapper, world: World, zero: str) -> None:
    run("SELECT set_config('mandate.account', %s, false)", [zero])
    for table in TABLES:
        assert rows(f"SELECT id FROM {table}") == [], table
    tell(0, world.here.staff.pk)
    for table in TABLES[1:]:
        assert rows(f"SELECT id FROM {table} WHERE account_id = 0") == [], table


def test_nothing_is_added_to_the_platform_as_account_0(web: BaseDatabaseWrapper, world: World) -> None:
    tell(0, world.here.staff.pk)
    forged = EntryValues(target_type="accounts.account", target_id=1, target_text="X", after={"a": 1})
    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        record(verb=SECURITY_CHANGED, actor=world.here.staff, reason="Forged", account_id=None, entries=[forged])
    run("SELECT set_config('mandate.reason', 'Forged', true)")
    inserted = (
        "INSERT INTO audit_entry (operation_id, account_id, target_type, target_id, target_text)"
        " VALUES (audit_operation_in_progress('x'), 0, 'role', '1', 'x')"
    )
    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        run(inserted)
    assert run("UPDATE audit_verification SET fault = ''") == 0
