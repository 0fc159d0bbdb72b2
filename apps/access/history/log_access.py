"""Who can read which part of the log, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.access import lists, verbs
from apps.access.context import AccessContext, access_of
from apps.access.shield import shielded
from apps.access.spreadsheets import csv_line
from apps.accounts import fence
from apps.audit import verbs as words
from apps.audit.models import Entry, EntryQuerySet, Operation, OperationQuerySet
from apps.audit.services import EntryValues, record

SEES = "view_audit_log"
CONSOLE = "console"
# Targets that only the shielded member can read.
SHIELDED = ("access.override", "accounts.user")
COLUMNS = (
    "operation",
    "at",
    "actor",
    "acting_as",
    "verb",
    "reason",
    "branch_id",
    "user_id",
    "target_type",
    "target_id",
    "target",
    "before",
    "after",
)


class LogAccess:
    """The part of the account's log that a user can read.

    Entries of a branch are for users with `view_audit_log` on it. Entries without a branch may concern every branch, so
    they are for users with the permission on every open branch, or by a parent role. If the account's plan limits the
    log, only operators can read entries before `since`; the log itself keeps everything.
    """

    def __init__(self, access: AccessContext) -> None:
        self.access = access
        branches = access.branches_where(SEES)
        self.branch_ids = [branch.pk for branch in branches]
        mandate = access.mandate
        by_parent_role = mandate is not None and mandate.allows(SEES, 0)
        self.everywhere = by_parent_role or (bool(branches) and len(branches) == self._open_branches())
        days = None if access.account is None or (mandate is not None and mandate.operator) else access.account.log_days
        self.since = None if days is None else timezone.now() - timedelta(days=days)

    def _open_branches(self) -> int:
        return 0 if self.access.mandate is None else len(self.access.mandate.facts.account.open_branches)

    def entries(self) -> EntryQuerySet:
        """Return the entries that the user can read."""
        found = self._kept()
        if self.since is not None:
            found = found.filter(operation__at__gte=self.since)
        return found

    def _kept(self) -> EntryQuerySet:
        """Return the entries that the user could read without the plan's limit."""
        entries: EntryQuerySet = Entry.objects.of_account(self.access.account_id)
        if not self.everywhere:
            entries = entries.filter(branch_id__in=self.branch_ids)
        if hidden := shielded(self.access):
            entries = entries.exclude(Q(user_id__in=hidden), target_type__in=SHIELDED)
        return entries

    def operations(self) -> OperationQuerySet:
        """Return the operations with at least one entry that the user can read."""
        return self._operations().between(self.since)

    def older(self) -> OperationQuerySet:
        """Return the operations that only the plan hides."""
        return self._operations().none() if self.since is None else self._operations().between(until=self.since)

    def _operations(self) -> OperationQuerySet:
        if self.everywhere and not shielded(self.access):
            return Operation.objects.of_account(self.access.account_id)
        return Operation.objects.filter(pk__in=self._kept().values("operation"))


def reader_of(request: HttpRequest) -> LogAccess:
    """Return what the request's user can read of the log; computed once."""
    access = access_of(request)
    return access.once("log", lambda: LogAccess(access))


def limit_of(access: AccessContext, reader: LogAccess) -> dict[str, Any] | None:
    """Return how many days the plan shows, and whether there is more; None without a limit."""
    account = access.account
    if account is None or reader.since is None:
        return None
    manages = access.may("manage_subscription", account)
    return {"days": account.log_days, "since": reader.since, "older": reader.older().exists(), "manages": manages}


def in_words(verb: str) -> str:
    """Return the label of a verb of the log."""
    try:
        label = words.get(verb).in_words
    except words.UnknownVerb:
        return verb
    return label[:1].upper() + label[1:]


def named(operation: Operation) -> str:
    """Return the name of the actor, and of the other person while viewing as them."""
    if operation.acting_as_name:
        return _("%(actor)s, acting as %(other)s") % {
            "actor": operation.actor_name,
            "other": operation.acting_as_name,
        }
    return operation.actor_name


def told(entry: Entry) -> dict[str, Any]:
    """Return an entry with its operation, as in files."""
    operation = entry.operation
    return {
        "operation": operation.pk,
        "at": operation.at.isoformat(),
        "actor": operation.actor_name,
        "acting_as": operation.acting_as_name,
        "verb": operation.verb,
        "reason": operation.reason,
        "branch_id": entry.branch_id,
        "user_id": entry.user_id,
        "target_type": entry.target_type,
        "target_id": entry.target_id,
        "target": entry.target_text,
        "before": entry.before,
        "after": entry.after,
    }


def _csv(entries: QuerySet[Entry]) -> Iterator[str]:
    yield csv_line(COLUMNS)
    for entry in entries.iterator(chunk_size=lists.CAP):
        row = told(entry)
        for image in ("before", "after"):
            row[image] = None if row[image] is None else json.dumps(row[image], cls=DjangoJSONEncoder)
        yield csv_line(row[column] for column in COLUMNS)


def _json(entries: QuerySet[Entry]) -> Iterator[str]:
    before = "[\n"
    for entry in entries.iterator(chunk_size=lists.CAP):
        yield before + json.dumps(told(entry), cls=DjangoJSONEncoder, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


FILES = {"csv": (_csv, "text/csv; charset=utf-8"), "json": (_json, "application/json")}


def export(
    reader: LogAccess, operations: OperationQuerySet, kind: str, narrowed: Mapping[str, Any]
) -> StreamingHttpResponse:
    """Return a file of what the reader can read of these operations, and log the export.

    `kind` is one of `FILES`, `narrowed` are the filters of the operations.
    """
    # Entries after the start of the export, such as its own, are left out.
    newest = operations.order_by("-pk").values_list("pk", flat=True).first() or 0
    wanted = operations.order_by().filter(pk__lte=newest)
    entries = reader.entries().filter(operation__in=wanted.values("pk"))
    _log_export(reader.access, kind, narrowed)
    lines, content_type = FILES[kind]
    content = lines(entries.select_related("operation").order_by("-operation_id", "pk"))
    response = StreamingHttpResponse(_in_account(reader.access, content), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="audit-log.{kind}"'
    return response


def _in_account(access: AccessContext, lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines as this user in this account: they are produced after the request's own work."""
    with fence.tenant(access.account_id, access.user.pk):
        yield from lines


def _log_export(access: AccessContext, kind: str, narrowed: Mapping[str, Any]) -> None:
    told_of = {"file": kind.upper(), "narrowed by": {name: str(value) for name, value in narrowed.items()}}
    change = EntryValues(
        target_type="accounts.account", target_id=access.account_id, target_text=str(access.account), after=told_of
    )
    with transaction.atomic():
        record(
            verb=verbs.LOG_EXPORTED,
            actor=access.user,
            reason=f"Audit log exported as {kind.upper()}",
            account_id=access.account_id,
            entries=[change],
        )
