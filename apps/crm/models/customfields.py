"""The fields that an account adds to its records for itself. Their values lie with the records, under `custom`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.audit.text import SingleLineField, SingleLinesField
from apps.crm.models.customisation import ListEntry

# Prefix of a field's key where it appears next to built-in fields: in forms and in histories.
PREFIX = "custom_"


class CustomField(ListEntry):
    """A field that an account adds to one type of record.

    Its key is made once and stays, since the records keep their values under it; so does the kind, while a record has a
    value. What is no longer offered, a field or one of its choices, stays with the records that have it.
    """

    class Kind(models.TextChoices):
        """The type of the field's values."""

        TEXT = "text", _("Text")
        LONG_TEXT = "long_text", _("Long text")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")
        FLAG = "flag", _("Yes or no")
        CHOICE = "choice", _("Choice")
        CHOICES = "choices", _("Several choices")
        URL = "url", _("Web address")

    OF_CHOICES = frozenset({Kind.CHOICE, Kind.CHOICES})

    record_type = SingleLineField(_("record type"), max_length=20)
    key = SingleLineField(max_length=60, editable=False)
    kind = SingleLineField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.TEXT)
    choices = SingleLinesField(SingleLineField(max_length=60), default=list, blank=True)
    former_choices = SingleLinesField(SingleLineField(max_length=60), default=list, blank=True, editable=False)
    required = models.BooleanField(_("required"), default=False)
    help_text = SingleLineField(_("help text"), max_length=200, blank=True)

    class Meta(ListEntry.Meta):
        """A name and a key stand once among the fields of a record type."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["account", "record_type", "key"], name="one_customfield_per_key"),
            models.UniqueConstraint(fields=["account", "record_type", "name"], name="one_customfield_per_name"),
            models.UniqueConstraint(fields=["account", "id"], name="customfield_of_account"),
        ]

    def list_of(self) -> models.QuerySet[CustomField]:
        """The fields of its record type."""
        return super().list_of().filter(record_type=self.record_type)

    @property
    def slot(self) -> str:
        """Return the field's name next to built-in fields."""
        return f"{PREFIX}{self.key}"

    @property
    def has_choices(self) -> bool:
        """Whether its values are chosen from a list."""
        return self.kind in self.OF_CHOICES
