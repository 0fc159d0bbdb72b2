"""Replay the log: an account's entries, in order, give the state of every access table at any time.

The state of a row at a time is the "after" of its last entry before, by entry id; if all entries are later, the
"before" of the first one. An operation counts as a whole, from its `at` on. Columns that entries don't hold (a token's
digest, `access_version`, columns added later) are taken from the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction
from django.utils.translation import gettext_lazy

from apps.access import records, shares
from apps.access.models import AccessRequest, OperatorSession, Override
from apps.access.records import HistoryUnknown
from apps.accounts import fence
from apps.accounts.isolation import Job
from apps.accounts.models import Account, Branch, User
from apps.accounts.preferences import Preferences
from apps.audit.models import PLATFORM
from apps.roles.models import Role, RoleGrant
from apps.teams.models import Invitation, Membership, ParentMembership, Team, TeamMember

VERIFYING = Job("verify_access", gettext_lazy("Verification of access"))


class NoSuchMoment(ValueError):
    """The time has no zone, or is in the future."""


@dataclass(frozen=True, slots=True)
class AuditedTable:
    """A table that the log covers.

    `of_account` is SQL for its rows in the account's log. `beside` is SQL for the rows that are always taken from the
    table: built-in roles belong to the product, and most users never change.
    """

    name: str
    label: str
    of_account: str = "account_id = %(account)s"
    beside: str = "false"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A difference between tables and log; without a column, the whole row exists in only one of them."""

    label: str
    row: int
    column: str | None
    logged: Any
    stands: Any

    @property
    def sentence(self) -> str:
        """Return the difference in words."""
        if self.column is not None:
            return f"{self.label} {self.row}: {self.column} is {self.stands!r}, but the log has {self.logged!r}"
        if self.logged:
            return f"{self.label} {self.row} is in the log, but not in the table"
        return f"{self.label} {self.row} is in the table, but not in the log"


def tables() -> list[AuditedTable]:
    """Return every table in an account's own log."""
    own = [Branch, Preferences, Membership, ParentMembership, Team, TeamMember, Invitation, Override, AccessRequest]
    own += [table for name in records.registered() for table in shares.tables(name) or ()]
    grants = "role_id IN (SELECT id FROM roles_role WHERE account_id {})"
    return [
        _table(Account, of_account="id = %(account)s"),
        _table(Role, beside="account_id IS NULL"),
        _table(RoleGrant, of_account=grants.format("= %(account)s"), beside=grants.format("IS NULL")),
        *map(_table, own),
    ]


def platform_tables() -> list[AuditedTable]:
    """Return every table in the platform's log. A user appears in it with the first logged change."""
    unchanged = "NOT EXISTS (SELECT FROM access_replay WHERE label = 'accounts.user' AND id = stands.id)"
    return [_table(User, of_account="is_superuser", beside=unchanged), _table(OperatorSession, of_account="true")]


def _table(model: type[models.Model], **sql: str) -> AuditedTable:
    return AuditedTable(model._meta.db_table, model._meta.label_lower, **sql)


FOLD = """
SELECT DISTINCT ON (label, id) label, id, image FROM (
    SELECT target_type AS label, (coalesce(after, before) ->> 'id')::bigint AS id, entry.id AS entry, past,
        CASE WHEN past THEN after ELSE before END AS image
    FROM audit_entry entry
    JOIN audit_operation operation ON operation.id = entry.operation_id
    CROSS JOIN LATERAL (SELECT operation.at <= %(at)s AS past) moment
    WHERE account_id = %(account)s AND target_type = ANY(%(labels)s)
        OR account_id = %(platform)s AND target_type = ANY(%(platform_labels)s)
) told
ORDER BY label, id, past DESC, CASE WHEN past THEN -entry ELSE entry END
"""
# While this statement creates the temporary table, the same name still refers to the real one.
SHADOW = """
CREATE TEMPORARY {kind} {table} AS
SELECT stands.* FROM {table} stands WHERE {beside}
UNION ALL
SELECT was.* FROM access_replay replayed
LEFT JOIN {table} stands ON stands.id = replayed.id
CROSS JOIN LATERAL jsonb_populate_record(stands, replayed.image) was
WHERE replayed.label = '{label}' AND replayed.image IS NOT NULL
"""
DIFFERENCES = """
WITH replayed AS MATERIALIZED ({replayed})
SELECT replayed.id, differs.key, coalesce(differs.logged, 'true'), coalesce(differs.stands, 'false')
FROM replayed
LEFT JOIN {table} stands ON stands.id = replayed.id
CROSS JOIN LATERAL jsonb_populate_record(stands, replayed.image) was
LEFT JOIN LATERAL (
    SELECT key, value AS logged, to_jsonb(stands) -> key AS stands FROM jsonb_each(to_jsonb(was))
    WHERE value IS DISTINCT FROM to_jsonb(stands) -> key
) differs ON stands.id IS NOT NULL
WHERE replayed.image IS NOT NULL AND (stands.id IS NULL OR differs.key IS NOT NULL)
UNION ALL
SELECT id, NULL, 'false', 'true' FROM {table} stands
WHERE {of_account} AND NOT EXISTS (SELECT FROM replayed WHERE replayed.id = stands.id AND replayed.image IS NOT NULL)
ORDER BY 1, 2
"""


def check_moment(account: Account, at: datetime) -> None:
    """Check that the log knows the account at that time.

    Raises:
        NoSuchMoment: the time has no zone, or is ahead of the database's clock.
        HistoryUnknown: the account's log begins later, or not with the account.
    """
    if at.tzinfo is None:
        raise NoSuchMoment(f"{at.isoformat()} has no time zone. Add one.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() < %s", [at])
        if cursor.fetchone() == (True,):
            raise NoSuchMoment(f"{at.isoformat()} is in the future.")
        cursor.execute(
            "SELECT operation.at, before IS NULL FROM audit_entry entry"
            " JOIN audit_operation operation ON operation.id = entry.operation_id"
            " WHERE account_id = %s AND target_type = 'accounts.account' ORDER BY entry.id LIMIT 1",
            [account.pk],
        )
        began, whole = cursor.fetchone() or (at, False)
    if not whole:
        raise HistoryUnknown(f'The account "{account.slug}" is older than its log, so its past is unknown.')
    if at < began:
        raise HistoryUnknown(
            f'The log of the account "{account.slug}" begins at {began.isoformat()}. Choose a later time.'
        )


@contextmanager
def shadowed(account: Account, at: datetime) -> Iterator[None]:
    """Open a transaction in which the access tables have the logged state, for this account and connection.

    Temporary tables with the same names come first in the search path, so every query uses them; they hold only this
    account. Built-in roles, Django's permissions and records are the real ones. All of it is rolled back at the end:
    the block must not write and must not use cached Mandates.

    Raises:
        NoSuchMoment, HistoryUnknown: as `check_moment` does; HistoryUnknown also on the web role's connection.
    """
    if fence.is_fenced():
        raise HistoryUnknown("Only the database's owner can read the platform's audit log, which shows who was active.")
    check_moment(account, at)
    own, platform = tables(), platform_tables()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE access_replay AS {FOLD}", _asked(account.pk, at, own, platform))
        cursor.execute("CREATE INDEX ON access_replay (label, id)")
        for table in (*own, *platform):
            # There are many people and few of them changed: a view copies none.
            kind = "VIEW" if table.name == User._meta.db_table else "TABLE"
            cursor.execute(SHADOW.format(kind=kind, table=table.name, label=table.label, beside=table.beside))
        # Cached plans would still read the real tables: a new name does not invalidate them.
        cursor.execute("DISCARD PLANS")
        yield
        transaction.set_rollback(True)


def differences(account_id: int, progress: Callable[[int, int], None] = lambda done, of: None) -> list[Mismatch]:
    """Return where the tables differ from the whole log: of an account, or (`PLATFORM`) of the platform.

    Each table is compared in one statement, and so in one snapshot, while writers continue. `progress` gets the number
    of finished tables and the total.
    """
    found: list[Mismatch] = []
    asked = platform_tables() if account_id == PLATFORM else tables()
    with connection.cursor() as cursor:
        for done, table in enumerate(asked, start=1):
            statement = DIFFERENCES.format(replayed=FOLD, table=table.name, of_account=table.of_account)
            cursor.execute(statement, _asked(account_id, "infinity", [table], [table]))
            found += (
                Mismatch(table.label, row, column, json.loads(logged), json.loads(stands))
                for row, column, logged, stands in cursor.fetchall()
            )
            progress(done, len(asked))
    return found


def _asked(
    account_id: int, at: datetime | str, own: list[AuditedTable], platform: list[AuditedTable]
) -> dict[str, Any]:
    return {
        "account": account_id,
        "at": at,
        "labels": [table.label for table in own],
        "platform": PLATFORM,
        "platform_labels": [table.label for table in platform],
    }
