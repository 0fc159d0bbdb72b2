"""What every test run shares: the database, the browser, and how hard hypothesis tries."""

import os
from collections.abc import Generator
from unittest.mock import patch

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import TestCase, TransactionTestCase
from hypothesis import settings
from pytest_django import DjangoDbBlocker

from tests.browsers import browser_type_launch_args
from tests.databases import clear_away, keep_template, restore_from_template

__all__ = ["browser_type_launch_args"]

DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}

# Time limits on single examples fail on a busy machine and say nothing about the code.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, max_examples=200, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def state_a_reason(connection: BaseDatabaseWrapper, **_: object) -> None:
    """What tests set up is audited like anything else: each connection states a reason, which services override."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mandate.reason', 'A test sets this up', false)")


connection_created.connect(state_a_reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the database or a browser, so that a run can choose by it (`-m database`)."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        test_class = getattr(item, "cls", None)
        is_django_case = test_class is not None and issubclass(test_class, TestCase | TransactionTestCase)
        if is_django_case or fixtures & DATABASE_FIXTURES or item.get_closest_marker("django_db"):
            item.add_marker("database")
        # A test that fetches its page by name is known by its folder.
        if "browser_name" in fixtures or "browser" in item.path.relative_to(item.config.rootpath).parts:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Generator[None]:
    """pytest-django's migrated database, which tests that commit get back from a template."""
    with django_db_blocker.unblock():
        keep_template(connections["default"])
    with patch.object(TransactionTestCase, "_fixture_teardown", restore_from_template):
        yield
    with django_db_blocker.unblock():
        clear_away(connections["default"])
