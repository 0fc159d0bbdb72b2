"""Test databases that are restored from a template.

Django empties the tables after a test that commits. Ours cannot be emptied so: the audit tables refuse
TRUNCATE, and the published roles would be gone for the tests that follow. So the freshly migrated database
is copied once, and a test that committed gets that copy back.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

from apps.access.mandate_cache import forget_kept

CUT_OFF = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
)


def _template(connection: BaseDatabaseWrapper) -> str:
    return f"{connection.settings_dict['NAME']}_template"


def _copy(connection: BaseDatabaseWrapper, source: str, target: str) -> None:
    """Make `target` anew as a copy of `source`; whoever is connected to either is cut off."""
    connection.close()
    quote = connection.ops.quote_name
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {quote(target)} WITH (FORCE)")
        cursor.execute(CUT_OFF, [source])
        cursor.execute(f"CREATE DATABASE {quote(target)} TEMPLATE {quote(source)} STRATEGY FILE_COPY")


def keep_template(connection: BaseDatabaseWrapper) -> None:
    """Copy the database, as it is now, to restore it from."""
    _copy(connection, str(connection.settings_dict["NAME"]), _template(connection))


def restore(connection: BaseDatabaseWrapper) -> None:
    """Have the database as it was migrated."""
    _copy(connection, _template(connection), str(connection.settings_dict["NAME"]))


def clear_away(connection: BaseDatabaseWrapper) -> None:
    """Remove the copy at the end of the run, and whoever is still connected to what Django removes next."""
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(_template(connection))} WITH (FORCE)")
        cursor.execute(CUT_OFF, [connection.settings_dict["NAME"]])


def restore_from_template(test: TransactionTestCase, *_: Any) -> None:
    """Stands in for `TransactionTestCase._fixture_teardown`, which would flush."""
    for alias in test._databases_names(include_mirrors=False):  # type: ignore[attr-defined] # Django's own hook
        restore(connections[alias])
    # The same ids stand for other people then, at the same version of an account.
    forget_kept()
