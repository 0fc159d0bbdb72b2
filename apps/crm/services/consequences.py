"""Consequences of a change, shown before it is made and limited to what the actor may see."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from apps.access import policy
from apps.access.querysets import visible_to
from apps.accounts.models import Branch, User
from apps.crm.models import Contact, CrmRecord, Lead, Opportunity, Task
from apps.crm.services.rules import links_of


@dataclass(frozen=True, slots=True)
class Deletion:
    """The visible records whose link becomes empty, by type; the page itself names those that go along.

    `uncovers_tasks`: the record is a private contact, and the tasks about it become as visible as other tasks.
    """

    emptied: Mapping[str, QuerySet[Any]]
    uncovers_tasks: bool


@dataclass(frozen=True, slots=True)
class VisibilityChange:
    """Who would see a record after another responsible or another branch: its giver, and the one who receives it."""

    giver_sees: bool
    receiver_sees: bool | None


def of_deletion(record: CrmRecord, *, actor: User) -> Deletion:
    """What the deletion of a record changes elsewhere (access model, section 5). What is invisible is not in it."""
    models: tuple[type[CrmRecord], ...] = (Contact, Lead, Opportunity, Task)
    emptied = {
        model.record_type: visible_to(actor, f"view_{model.record_type}", account=record.account).filter(condition)
        for model in models
        if (condition := _linked_to(record, model))
    }
    return Deletion(emptied, uncovers_tasks=bool(record.private) and emptied["task"].exists())


def of_hand_over(
    record: CrmRecord, *, actor: User, responsible: User | None, branch: Branch | None = None
) -> VisibilityChange:
    """Whether the actor and the new responsible would see the record then. Nothing is changed."""
    imagined = copy.copy(record)
    imagined.responsible = responsible
    if branch is not None:
        imagined.branch = branch
    codename = f"view_{record.record_type}"
    return VisibilityChange(
        giver_sees=policy.may(actor, codename, imagined),
        receiver_sees=None if responsible is None else policy.may(responsible, codename, imagined),
    )


def _linked_to(record: CrmRecord, model: type[CrmRecord]) -> Q:
    """The condition of a link to the record, by any field; empty where such records never link to such a one."""
    condition = Q()
    for field in links_of(model):
        if field.related_model is type(record):
            condition |= Q(**{field.name: record.pk})
    return condition
