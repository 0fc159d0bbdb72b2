"""Exports an account as one file: people, roles and the records that the member may export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_POST

from apps.access import verbs
from apps.access.context import AccessContext
from apps.accounts import fence
from apps.audit.services import EntryValues, record
from apps.orgfiles import organisation
from apps.pages.views.page import page
from apps.roles import catalogue

CHUNK = 500


@page("delete_account", sends=True)
@require_POST
def export_account(request: HttpRequest, access: AccessContext) -> StreamingHttpResponse:
    """Download the organisation file, without what the member may not export; the export is logged."""
    account = access.account
    assert account is not None
    kept = EntryValues(
        target_type="accounts.account",
        target_id=account.pk,
        target_text=str(account),
        after={"file": "organisation file"},
    )
    with transaction.atomic():
        record(
            verb=verbs.ACCOUNT_EXPORTED,
            actor=access.user,
            reason="Exported as an organisation file",
            account_id=account.pk,
            entries=[kept],
        )
    response = StreamingHttpResponse(_lines(access), content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{account.slug}.yaml"'
    return response


def _lines(access: AccessContext) -> Iterator[str]:
    """The file as of one moment, read as this person in this account when the request's own work is over."""
    assert access.account is not None
    with fence.tenant(access.account_id, access.user.pk), transaction.atomic():
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        lines: list[str] = []
        for line in organisation.export(access.account, _unnoted, lambda record_type: _rows(access, record_type)):
            lines.append(f"{line}\n")
            if len(lines) == CHUNK:
                yield "".join(lines)
                lines.clear()
        yield "".join(lines)


def _rows(access: AccessContext, record_type: str) -> QuerySet[Any]:
    """The records that the person may export; of types that are never exported by themselves, those they may view."""
    kind = next(kind for kind in catalogue.record_types() if kind.name == record_type)
    verb = "export" if "export" in kind.verbs else "view"
    return access.rows(f"{verb}_{record_type}", record_type)


def _unnoted(sentence: str) -> None:
    """Ignore notes about what a file can't contain."""
