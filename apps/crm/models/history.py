"""The plain history of records: who changed what, when. It is not chained, unlike the audit log."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Account
from apps.audit.text import SingleLineField


class Change(models.Model):
    """One change of one record by one person.

    The record is named by type and id, not by a key, since its history outlives it; the person's name stays as it was.
    `fields` holds `[before, after]` for each changed field, one of the account's own by its slot; a deletion tells all
    that the rules looked at. A link to a record is `{"type": …, "id": …, "reference": …}`: never a name, since the
    reader of the history may not be allowed to see what was linked. A link to anything else is `{"id": …, "name": …}`,
    with its `pipeline` where it is a status of opportunities.
    """

    class Action(models.TextChoices):
        """The action."""

        CREATED = "created", _("Created")
        CHANGED = "changed", _("Changed")
        DELETED = "deleted", _("Deleted")
        COMPLETED = "completed", _("Completed")
        REOPENED = "reopened", _("Reopened")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    record_type = SingleLineField(max_length=20)
    record_id = models.BigIntegerField()
    reference = SingleLineField(max_length=60)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    actor_name = SingleLineField(max_length=254)
    at = models.DateTimeField(default=timezone.now)
    action = SingleLineField(max_length=10, choices=Action.choices)
    fields = models.JSONField(default=dict)

    class Meta:
        """The newest first."""

        default_permissions = ()
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["account", "record_type", "record_id", "-at", "-id"], name="change_of_record")]

    def __str__(self) -> str:
        return f"{self.reference}: {self.get_action_display()}"
