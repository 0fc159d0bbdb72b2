"""The world, made once in a transaction that is rolled back; each test has a transaction of its own inside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from apps.access.mandate_cache import forget_kept
from tests.attacks.world import World, make_world


@pytest.fixture(scope="package")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """The two tenants."""
    # To find one query after another is for other tests, and takes more time than all else of a request.
    plain = override_settings(MIDDLEWARE=[name for name in settings.MIDDLEWARE if not name.startswith("zeal")])
    with django_db_blocker.unblock(), transaction.atomic(), plain:
        yield make_world()
        transaction.set_rollback(True)
    forget_kept()


@pytest.fixture(autouse=True)
def _forget(world: World, db: None) -> Iterator[None]:
    """What one test changed is no more; an account's version says otherwise to what is kept of it."""
    yield
    forget_kept()
