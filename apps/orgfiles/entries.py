"""The entries of a new account's lists, by what its file calls them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.accounts.models import Account
from apps.crm.models import OpportunityStatus, Pipeline
from apps.orgfiles.contents import PipelineLine, RecordLine
from apps.orgfiles.fields import RecordField
from apps.orgfiles.pipelines import Statuses

# A name, and for the status of an opportunity the pipeline's before it.
Key = tuple[str, ...]


def create_pipelines(account: Account, lines: Sequence[PipelineLine]) -> None:
    """The pipelines as the file says them, in its order."""
    made = Pipeline.objects.bulk_create(
        Pipeline(account=account, name=line.name, position=position, offered=line.offered)
        for position, line in enumerate(lines)
    )
    OpportunityStatus.objects.bulk_create(
        OpportunityStatus(
            account=account,
            pipeline=pipeline,
            name=status.name,
            outcome=status.outcome,
            probability=status.probability,
            offered=status.offered,
            position=position,
        )
        for line, pipeline in zip(lines, made, strict=True)
        for position, status in enumerate(line.statuses)
    )


class Entries:
    """The ids of the entries that records have. What the account's lists lack is added when a record has it."""

    def __init__(self, account: Account, statuses: Statuses) -> None:
        self._account = account
        self._statuses = statuses
        self._ids: dict[Any, dict[Key, int]] = {}

    def id(self, field: RecordField, line: RecordLine) -> int:
        """The id of the entry that a record has there."""
        if field.to not in self._ids:
            self._ids[field.to] = self._have(field.to)
        ids = self._ids[field.to]
        key = self._key(field, line)
        if key not in ids:
            ids[key] = field.to.objects.create(account=self._account, position=len(ids), **self._columns(key)).pk
        return ids[key]

    def _key(self, field: RecordField, line: RecordLine) -> Key:
        name: str = line.values[field.key]
        return (self._statuses.pipeline_of(line.values), name) if field.to is OpportunityStatus else (name,)

    def _have(self, model: Any) -> dict[Key, int]:
        names = ("pipeline__name", "name") if model is OpportunityStatus else ("name",)
        rows = model.objects.filter(account=self._account).values_list("pk", *names)
        return {tuple(key): pk for pk, *key in rows}

    def _columns(self, key: Key) -> dict[str, Any]:
        *pipeline, name = key
        inside = {"pipeline": Pipeline.objects.get(account=self._account, name=pipeline[0])} if pipeline else {}
        return {"name": name, **inside}
