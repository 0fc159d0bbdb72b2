"""Choices of a record's form from the account's lists: entries on offer, and the record's own entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.forms.models import ModelChoiceIterator
from django.utils.translation import gettext as _

from apps.backoffice.recordform import LinkField, RecordForm


class EntryChoices(ModelChoiceIterator):  # type: ignore[type-arg] # generic in the stubs alone
    """The entries in their order; the statuses of several pipelines stand under the name of theirs.

    What is chosen is shown without that name, so namesakes carry it themselves.
    """

    def __iter__(self) -> Iterator[Any]:
        if self.field.empty_label is not None:
            yield ("", self.field.empty_label)
        entries = list(self.queryset)
        names = Counter(entry.name for entry in entries)
        groups: dict[Any, list[Any]] = {}
        for entry in entries:
            pipeline = getattr(entry, "pipeline", None)
            value, label = self.choice(entry)
            told = f"{label} ({pipeline})" if names[entry.name] > 1 else label
            groups.setdefault(pipeline, []).append((value, told))
        if len(groups) > 1:
            yield from ((str(pipeline), choices) for pipeline, choices in groups.items())
        else:
            for choices in groups.values():
                yield from choices


class EntryField(LinkField):
    """A choice among the entries of one of the account's lists."""

    iterator = EntryChoices

    def label_from_instance(self, obj: Any) -> str:
        """The name; entries that are no longer offered are marked."""
        return str(obj) if obj.on_offer_now else _("%(name)s (no longer offered)") % {"name": obj}


class CrmForm(RecordForm):
    """A record's form, which offers of the account's lists what can be picked, and what the record has already."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, EntryField):
                entries: Any = field.queryset
                current = getattr(self.instance, f"{name}_id")
                field.queryset = entries.model.on_offer(self.access.account_id, also=current)
