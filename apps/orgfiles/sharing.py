"""The shares of an organisation: staged as the file has them, then written to the records that they are of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from django.db import connection
from psycopg import sql

from apps.access import shares
from apps.access.shares import NewShare
from apps.accounts.models import Account
from apps.orgfiles.contents import ShareLine
from apps.orgfiles.progress import Steps
from apps.orgfiles.recordtables import RecordTable
from apps.orgfiles.staging import Stage

BATCH = 5_000
_DEFINITION = sql.SQL(
    """SELECT 0::bigint AS place, ''::text AS kind, ''::text COLLATE "C" AS reference, 0::bigint AS user_id,
    0::bigint AS group_id, ''::text AS verb, ''::text AS reason WITH NO DATA"""
)
_COLUMNS = ("place", "kind", "reference", "user_id", "group_id", "verb", "reason")
_OF_KIND = sql.SQL(
    "SELECT linked.id, staged.verb, staged.reason, staged.user_id, staged.group_id FROM {shares} staged"
    " JOIN {linked} linked ON linked.reference = staged.reference WHERE staged.kind = {kind} ORDER BY staged.place"
)


class ShareTable:
    """The shares of a file, a row for each permission."""

    def __init__(self) -> None:
        self.stage = Stage("import_share", _DEFINITION, _COLUMNS, ("kind",))
        self._kinds: dict[str, None] = {}

    @property
    def name(self) -> sql.Identifier:
        """The temporary table."""
        return self.stage.name

    def add(self, place: int, line: ShareLine, user_id: int | None, group_id: int | None) -> None:
        """Stage a share: its index in the file, and whom it is for."""
        self._kinds[line.record[0]] = None
        for verb in line.permissions:
            self.stage.add((place, *line.record, user_id, group_id, verb, line.reason))

    def write(self, account: Account, tables: Mapping[str, RecordTable], steps: Steps) -> None:
        """Write them, all of which are of records in these tables."""
        for kind in self._kinds:
            rows = self._rows(account, kind, tables[kind])
            while written := shares.grant_many(islice(rows, BATCH)):
                steps.more(written)

    def _rows(self, account: Account, kind: str, table: RecordTable) -> Iterator[NewShare]:
        statement = _OF_KIND.format(shares=self.name, linked=table.name, kind=sql.Literal(kind))
        with connection.chunked_cursor() as cursor:
            cursor.execute(statement)
            while found := cursor.fetchmany(BATCH):
                for record_id, verb, reason, user_id, group_id in found:
                    yield NewShare(account.pk, kind, record_id, verb, reason, user_id, group_id)
