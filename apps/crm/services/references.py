"""References for many records at once, and for records that bring their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import BigIntegerField, Max
from django.db.models.functions import Cast, Substr

from apps.accounts.models import Account
from apps.crm.models import (
    PREFIXES,
    Activity,
    Company,
    Contact,
    CrmRecord,
    Lead,
    Opportunity,
    ReferenceCounter,
    Task,
)

_MODELS: tuple[type[CrmRecord], ...] = (Company, Contact, Lead, Opportunity, Task, Activity)


def number(records: Iterable[CrmRecord]) -> None:
    """Give every record that has none its reference, in the order given; for rows that are then created in bulk.

    Types and accounts are taken in a fixed order, so that two such calls never wait for each other in a circle.
    """
    waiting: dict[tuple[int, str], list[CrmRecord]] = defaultdict(list)
    for record in records:
        if not record.reference:
            waiting[record.account_id, record.record_type].append(record)
    for (account_id, record_type), unnumbered in sorted(waiting.items(), key=lambda item: item[0]):
        references = ReferenceCounter.objects.allocate(account_id, record_type, len(unnumbered))
        for record, reference in zip(unnumbered, references, strict=True):
            record.reference = reference


def raise_counters(account: Account) -> None:
    """Let the next references of an account come after those that its records brought along.

    Only references of the counters' own form (`L-17`) matter: no other can collide with one to come.
    """
    for model in _MODELS:
        prefix = PREFIXES[model.record_type]
        # A counter is a bigint: longer numbers are never reached.
        own = model._default_manager.filter(account=account, reference__regex=rf"^{prefix}-[0-9]{{1,18}}$").order_by()
        digits = Cast(Substr("reference", len(prefix) + 2), BigIntegerField())
        last = own.aggregate(last=Max(digits))["last"]
        if last is not None:
            ReferenceCounter.objects.raise_to(account.pk, model.record_type, last)
