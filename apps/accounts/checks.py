"""System checks of a deployment: the web server must connect as a role that the second fence binds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from apps.accounts.fence import WEB_ROLE

SECONDS_TO_ANSWER = 5
HINT = f"Create the role {WEB_ROLE}, name it in WEB_DATABASE_URL, and run migrate (see docs/production.md)."
_ASKED = """
SELECT
    current_user,
    rolsuper OR rolbypassrls,
    coalesce(pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass('accounts_account')), 'MEMBER'), false),
    has_schema_privilege(current_schema(), 'CREATE'),
    coalesce(has_table_privilege(to_regclass('accounts_account'), 'SELECT'), true)
FROM pg_roles WHERE rolname = current_user
"""


def check_web_role(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Whether row-level security binds the web server, and it may do its work; silent where no server answers.

    `WEB_DATABASE` says how the web server connects; only the production settings have it.
    """
    database: dict[str, Any] | None = getattr(settings, "WEB_DATABASE", None)
    if database is None:
        return []
    options = {**database.get("OPTIONS", {}), "connect_timeout": SECONDS_TO_ANSWER}
    web: BaseDatabaseWrapper = ConnectionHandler({"default": database | {"OPTIONS": options}})["default"]
    try:
        with web.cursor() as cursor:
            cursor.execute(_ASKED)
            row = cursor.fetchone()
    except DatabaseError:
        return []
    finally:
        web.close()
    return list(_faults(*row))


def _faults(name: str, unbound: bool, owns: bool, creates: bool, reads: bool) -> Iterator[checks.CheckMessage]:
    connects = f"The web server connects as {name}"
    if unbound:
        yield _warning("W001", f"{connects}, which is a superuser or has BYPASSRLS: row-level security has no effect.")
    elif owns:
        yield _warning("W002", f"{connects}, which owns the tables: row-level security has no effect.")
    elif name != WEB_ROLE:
        yield _warning("W003", f"{connects}, but only {WEB_ROLE} gets the account: the server sees no rows.")
    elif not reads:
        yield _warning("W004", f"The role {name} can't read the tables: run migrate, which grants its privileges.")
    elif creates:
        yield _warning(
            "W005", f"The role {name} can create tables: revoke CREATE on the schema from it and from PUBLIC."
        )


def _warning(number: str, said: str) -> checks.Warning:
    return checks.Warning(said, hint=HINT, id=f"accounts.{number}")


def register() -> None:
    """Make Django run these checks with `check --deploy`."""
    checks.register(check_web_role, checks.Tags.security, deploy=True)
