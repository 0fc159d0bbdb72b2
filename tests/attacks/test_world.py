"""Nothing that can carry a canary is left without one."""

from __future__ import annotations

import pytest

from tests.attacks.world import FOREIGN, World
from tests.fence.world import fenced_tables, ids_by_account, rows
from tests.pages.canary import OF_PEOPLE, exempt, models_of_accounts, text_fields

pytestmark = pytest.mark.django_db


def test_every_text_of_the_attacked_account_holds_a_canary(world: World) -> None:
    fields = [field for model in models_of_accounts() for field in text_fields(model) if not exempt(field)]
    assert {f"{field.model._meta.db_table}.{field.column}" for field in fields} == world.carrying


def test_its_first_rows_have_the_one_id(world: World) -> None:
    assert (world.there.account.pk,) in rows("SELECT account_id FROM audit_link WHERE operation_id = %s", [FOREIGN])
    for table in set(fenced_tables()) - {"audit_operation"}:
        assert FOREIGN in ids_by_account(table)[world.there.account.pk], table
    for table in OF_PEOPLE:
        assert rows(f"SELECT 1 FROM {table} WHERE id = %s", [FOREIGN]), table
