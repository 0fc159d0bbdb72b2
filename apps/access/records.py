"""What every record has, and the model of each record type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Account, Branch
from apps.audit.text import SingleLineField
from apps.roles import catalogue


class RecordLike(Protocol):
    """The fields of a record that the rules use."""

    @property
    def pk(self) -> Any: ...
    @property
    def record_type(self) -> str: ...
    @property
    def account_id(self) -> int: ...
    @property
    def branch_id(self) -> int: ...
    @property
    def responsible_id(self) -> int | None: ...
    @property
    def created_by_id(self) -> int | None: ...
    @property
    def private(self) -> bool: ...
    @property
    def about(self) -> RecordLike | None: ...


class HistoryUnknown(LookupError):
    """The past of a target is unknown; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """A record as it was at a time, only in memory, and a sentence with the source."""

    record: Record
    source: str


class Record(models.Model):
    """A record belongs to one branch, and so to one account. `reference` is its visible number: `L-17`.

    `private` is a field where records can be private, and plain False elsewhere. `about_fields` maps the foreign keys
    that say what a record is about to their record types; at most one of them is filled. `still_to_do` are the records
    of the type that still need an owner.
    """

    record_type: ClassVar[str]
    about_fields: ClassVar[Mapping[str, str]] = {}
    still_to_do: ClassVar[models.Q] = models.Q()
    private: Any = False

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    reference = SingleLineField(max_length=60, editable=False)
    responsible = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        editable=False,
    )
    created_at = models.DateTimeField("created", default=timezone.now, editable=False)
    updated_at = models.DateTimeField("updated", auto_now=True)

    class Meta:
        """Every list is newest first; its indexes end in that order (`record_indexes`)."""

        abstract = True
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.reference

    @property
    def about(self) -> Record | None:
        """Return the record that this one is about, or None."""
        for name in self.about_fields:
            if getattr(self, f"{name}_id") is not None:
                about: Record = getattr(self, name)
                return about
        return None

    @classmethod
    def as_of(cls, account_id: int, reference: str, at: datetime) -> AsOf:
        """Return the record with that reference as it was then, with all that it was about.

        The base class knows no history; types with a history override it.

        Raises:
            HistoryUnknown: it didn't exist then, or its past is unknown.
        """
        raise HistoryUnknown(f"The past of {reference} is unknown: such records have no history.")


def record_constraints(name: str) -> list[models.BaseConstraint]:
    """Return the constraints of a record table: unique references, and (account, id) as a foreign key's target."""
    return [
        models.UniqueConstraint(fields=["account", "reference"], name=f"{name}_reference"),
        models.UniqueConstraint(fields=["account", "id"], name=f"{name}_of_account"),
    ]


def record_indexes(name: str) -> list[models.Index]:
    """Return the indexes for each scope; every one ends in the order of the lists."""
    newest = ["-created_at", "-id"]
    return [
        models.Index(fields=["account", *newest], name=f"{name}_by_account"),
        models.Index(fields=["branch", *newest], name=f"{name}_by_branch"),
        models.Index(fields=["account", "responsible", *newest], name=f"{name}_by_responsible"),
        models.Index(fields=["account", "created_by", *newest], name=f"{name}_by_creator"),
    ]


_models: dict[str, type[Record]] = {}


def register(model: type[Record]) -> type[Record]:
    """Bind a model to its record type. Used as a decorator.

    Raises:
        ImproperlyConfigured: the catalogue has no such record type, or the type has a model already.
    """
    name = getattr(model, "record_type", "")
    if name in _models:
        raise ImproperlyConfigured(f'The record type "{name}" has the model {_models[name].__name__} already.')
    _models[name] = model
    return model


def model_of(record_type: str) -> type[Record]:
    """Return the model of a record type.

    Raises:
        LookupError: the type is unknown, or no installed app keeps such records.
    """
    catalogue.record_type(record_type)
    if record_type not in _models:
        raise LookupError(f'There are no records of the type "{record_type}" here yet.')
    return _models[record_type]


def registered() -> Mapping[str, type[Record]]:
    """Return the models by record type, in the order of registration."""
    return dict(_models)


def place_of(row: Any) -> models.Model | None:
    """Return the branch or record on which permissions for the row are checked; None if the row has no branch."""
    if isinstance(row, Branch | Record):
        return row
    branch = getattr(row, "branch", None)
    return branch if isinstance(branch, Branch) else None
