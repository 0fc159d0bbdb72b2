"""Random worlds in the database: the engine agrees with the reference, and its four readers with each other."""

import os

import pytest
import time_machine
from django.db import transaction

from tests.access.database_worlds import DatabaseWorld
from tests.reference.worlds import NOW

WORLDS = int(os.environ.get("MANDATE_RANDOM_WORLDS", "2000"))
SHARDS = 4


class _Undo(Exception):
    """Ends a world."""


@pytest.mark.django_db
@pytest.mark.parametrize("shard", range(SHARDS))
@time_machine.travel(NOW, tick=False)
def test_the_engine_agrees_with_the_reference_in_random_worlds(shard: int) -> None:
    for seed in range(shard, WORLDS, SHARDS):
        try:
            with transaction.atomic():
                found = list(DatabaseWorld(seed).disagreements(lists=4, decisions=10, inverses=1))
                assert not found, f"world {seed}:\n" + "\n".join(found)
                raise _Undo
        except _Undo:
            continue
