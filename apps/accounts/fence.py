"""Row-level security: the database gets the current user and account, and hides the rows of all other accounts.

What people's requests and jobs ask goes through the web role, which owns nothing. Row-level security (`tenancy.Fenced`)
shows it the rows of the account that it was told, and nothing where it was told none. So a filter that somebody
forgets costs an empty page, not another customer's data. It is no fence against whoever can send SQL of their own: they
could tell the database another account.

The tables' owner is not bound: it is who migrates, and whom the operator's commands connect as.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

WEB_ROLE = "mandate_web"


class Tenant(NamedTuple):
    """An account and a user who works in it, by id."""

    account_id: int | None = None
    user_id: int | None = None


NOBODY = Tenant()
_TELL = "SELECT set_config('mandate.account', %s, false), set_config('mandate.user', %s, false)"


def is_fenced() -> bool:
    """Whether the connection is the web role's."""
    connection = connections[DEFAULT_DB_ALIAS]
    connection.ensure_connection()
    return _is_fenced(connection)


def tell(account_id: int | None, user_id: int | None) -> None:
    """Set the account and user of the database session, until changed or the request ends.

    Without an account, the user sees what leads to their accounts: those accounts, and their own places in them. It is
    called outside of a transaction, whose rollback would undo it; what works in several accounts uses `tenant`.
    """
    _tell(connections[DEFAULT_DB_ALIAS], Tenant(account_id, user_id))


@contextmanager
def tenant(account_id: int | None, user_id: int | None = None) -> Iterator[None]:
    """Let the database work in this account (for this user) inside the block, and then as before."""
    connection = connections[DEFAULT_DB_ALIAS]
    before = _told(connection)
    _tell(connection, Tenant(account_id, user_id))
    try:
        yield
    finally:
        if connection.in_atomic_block and _is_broken(connection):
            # It takes no statement now, and what it was told in here is undone with all the rest.
            connection.__dict__["tenant"] = before
        else:
            _return_to(connection, before)


def forget(**_: Any) -> None:
    """Clear the account and user; closes a connection that can't be cleared."""
    connection = connections[DEFAULT_DB_ALIAS]
    if "tenant" in connection.__dict__:
        _return_to(connection, NOBODY)
        del connection.__dict__["tenant"]


def view_of(table: str) -> str:
    """The name of the view through which a fenced table is searched (`tenancy.Searched`)."""
    return f"{table}_searched"


def tell_again(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Tell a new connection what the one before it was told; a pool may hand out one that was told something else."""
    if connection.alias == DEFAULT_DB_ALIAS:
        # As whom it signed in; the server says so when the connection opens, and no statement is needed.
        user = connection.connection.info.parameter_status("session_authorization")
        connection.__dict__["fenced"] = user == WEB_ROLE
        _say(connection, _told(connection))


def _told(connection: BaseDatabaseWrapper) -> Tenant:
    told: Tenant = connection.__dict__.get("tenant", NOBODY)
    return told


def _tell(connection: BaseDatabaseWrapper, tenant: Tenant) -> None:
    """A connection that is yet to be opened is told when it is (`tell_again`)."""
    if _told(connection) == tenant:
        return
    connection.__dict__["tenant"] = tenant
    if connection.connection is not None:
        _say(connection, tenant)


def _return_to(connection: BaseDatabaseWrapper, tenant: Tenant) -> None:
    connection.__dict__["tenant"] = tenant
    try:
        if connection.connection is not None:
            _say(connection, tenant)
    except DatabaseError:
        connection.close()


def _say(connection: BaseDatabaseWrapper, tenant: Tenant) -> None:
    if _is_fenced(connection):
        with connection.cursor() as cursor:
            cursor.execute(_TELL, ["" if key is None else str(key) for key in tenant])


def _is_fenced(connection: BaseDatabaseWrapper) -> bool:
    return bool(connection.__dict__.get("fenced"))


def _is_broken(connection: BaseDatabaseWrapper) -> bool:
    """Whether the transaction can only be rolled back."""
    status: TransactionStatus = connection.connection.info.transaction_status
    return connection.needs_rollback or status in (TransactionStatus.INERROR, TransactionStatus.UNKNOWN)
