"""Trying a change: what it logs when it is made, and that nothing at all is written when it is refused."""

from __future__ import annotations

from typing import Any, Protocol

import pytest
from django.apps import apps
from django.db import models

from apps.access import shares
from apps.accounts.models import User
from apps.audit.models import Operation
from apps.changes.base import ChangeResult
from apps.changes.refusals import Guard, Refusal

TABLES: list[type[models.Model]] = [
    model
    for model in apps.get_models()
    if model._meta.app_label in ("accounts", "teams", "access", "crm", "audit")
    or issubclass(model, shares.UserShare | shares.TeamShare)
]


class Appliable(Protocol):
    """A change, of an account or of a user."""

    def apply(self, *, actor: User | None, reason: str) -> ChangeResult: ...


def snapshot() -> dict[str, list[Any]]:
    return {model._meta.label: list(model._default_manager.order_by("pk").values()) for model in TABLES}


def refusal(change: Appliable, actor: User | None, reason: str = "Because") -> Refusal:
    """The refusal; whatever stood before stands as it was."""
    before = snapshot()
    with pytest.raises(Refusal) as caught:
        change.apply(actor=actor, reason=reason)
    assert snapshot() == before
    assert caught.value.sentence.endswith(".")
    return caught.value


def refused(change: Appliable, actor: User | None, reason: str = "Because") -> Guard:
    """The guard that refuses it."""
    return refusal(change, actor, reason).guard


def made(change: Appliable, actor: User | None, reason: str = "As agreed") -> list[Any]:
    """The log's entries of the change, under one operation with its verb, its actor and its reason."""
    done = change.apply(actor=actor, reason=reason)
    assert done.operation_id is not None
    operation = Operation.objects.get(pk=str(done.operation_id))
    assert operation.verb == change.verb.word  # type: ignore[attr-defined]
    assert (operation.reason, operation.actor_id) == (reason, None if actor is None else actor.pk)
    return list(operation.entries.order_by("pk"))
