"""Base classes of CRM records: history, custom fields and search."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from apps.access.records import AsOf, Record
from apps.audit.text import MultiLineField, SingleLineField
from apps.crm.models import past
from apps.crm.models.fields import TagsField
from apps.crm.models.references import ReferenceCounter

_M = TypeVar("_M", bound=models.Model)


class CrmRecord(Record):
    """A record with a name. A new one gets its reference when it is first saved, unless it brings one along."""

    name = SingleLineField(max_length=255)

    class Meta(Record.Meta):
        """Only a base."""

        abstract = True

    def __str__(self) -> str:
        return self.name or self.reference

    def set_about(self, about: Record | None) -> None:
        """Let this be about that record, and about nothing else.

        Raises:
            KeyError: such a record is never about such a one.
        """
        field = None if about is None else {kind: name for name, kind in self.about_fields.items()}[about.record_type]
        for name in self.about_fields:
            setattr(self, name, about if name == field else None)

    @classmethod
    def as_of(cls, account_id: int, reference: str, at: datetime) -> AsOf:
        """See `Record`; what has been changed since is taken back, where the plain history contains it."""
        return past.as_of(cls, account_id, reference, at)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Number a new record."""
        if not self.reference:
            (self.reference,) = ReferenceCounter.objects.allocate(self.account_id, self.record_type)
        super().save(*args, **kwargs)


class DescribedRecord(CrmRecord):
    """A record that people describe at length and group by tags, and that an account can give fields of its own.

    `custom` holds the values of those fields by their keys, each in the one form that `services.customvalues` gives it.
    """

    description = MultiLineField(blank=True)
    tags = TagsField()
    custom = models.JSONField("custom fields", default=dict, blank=True)

    class Meta(CrmRecord.Meta):
        """Only a base."""

        abstract = True


def link(to: type[_M], related_name: str, on_delete: Callable[..., None]) -> models.ForeignKey[_M | None, _M | None]:
    """An optional link to another row of the same account.

    The migration adds the key by (account, id); where rows are listed by the link, `link_index` is its index.
    """
    return models.ForeignKey(
        to, on_delete=on_delete, null=True, blank=True, related_name=related_name, db_constraint=False, db_index=False
    )


def name_index(name: str) -> models.Index:
    """The index behind `name__icontains`: Django asks in capitals, so it holds capitals."""
    return GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name=f"{name}_by_name")


def prefix_index(name: str, field: str) -> models.Index:
    """The index behind `<field>__istartswith`, at a fraction of what one for every part of a word costs an insert."""
    return models.Index(OpClass(Upper(field), name="text_pattern_ops"), name=name)


def details_index(name: str, *fields: str) -> models.Index:
    """One index for exact look-ups in the columns with several values; a look-up may use any of them."""
    return GinIndex(fields=list(fields), name=f"{name}_by_detail")


def custom_index(name: str) -> models.Index:
    """The index behind look-ups by the account's own fields; a record without values in them costs nothing."""
    return GinIndex(fields=["custom"], condition=~Q(custom={}), name=f"{name}_by_custom")


def link_index(name: str, field: str) -> models.Index:
    """The index behind the list of what is linked to a record, newest first; rows without the link cost nothing."""
    return models.Index(fields=[field, "-created_at", "-id"], condition=Q(**{f"{field}__isnull": False}), name=name)
