"""A world that is committed once, seen by the web role in transactions that are rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from apps.access.mandate_cache import forget_kept
from tests.databases import restore
from tests.fence.world import World, as_web, make_world, web_connection


@pytest.fixture(scope="package")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """The world; skips where the server has no web role."""
    with django_db_blocker.unblock():
        web = web_connection()
        try:
            web.ensure_connection()
        except OperationalError as error:
            pytest.skip(f"This server has no role for the web server: {error}")
        finally:
            web.close()
        yield make_world()
        restore(connections["default"])
        forget_kept()


@pytest.fixture
def web(world: World) -> Iterator[BaseDatabaseWrapper]:
    """The test runs as the web role; what it writes is rolled back."""
    with as_web() as connection, transaction.atomic():
        yield connection
        transaction.set_rollback(True)
