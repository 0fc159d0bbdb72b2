"""The lists that an account keeps for itself: statuses of leads, pipelines and theirs, sources, results of calls."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Account
from apps.audit.text import SingleLineField


class Outcome(models.TextChoices):
    """The meaning of a status."""

    OPEN = "open", _("Open")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")


class ListEntry(models.Model):
    """A line of an account's list. What is no longer offered stays with the records that have it."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    name = SingleLineField(max_length=60)
    position = models.PositiveSmallIntegerField(default=0)
    offered = models.BooleanField(default=True, help_text=_("Whether people can pick it."))

    class Meta:
        """In the order that the account gave."""

        abstract = True
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name

    def list_of(self) -> QuerySet[Any]:
        """The list that this is, or would be, an entry of."""
        return type(self)._default_manager.filter(account=self.account_id)

    @property
    def on_offer_now(self) -> bool:
        """Whether people can pick it."""
        return self.offered

    @classmethod
    def on_offer(cls, account_id: int, also: int | None = None) -> QuerySet[Any]:
        """What people of the account can pick, in its order; `also` is one of its entries that is there in any case."""
        return cls._default_manager.filter(cls._offered() | Q(pk=also), account=account_id)

    @classmethod
    def _offered(cls) -> Q:
        return Q(offered=True)


class Status(ListEntry):
    """A status of a record."""

    outcome = SingleLineField(max_length=4, choices=Outcome.choices, default=Outcome.OPEN)

    class Meta(ListEntry.Meta):
        """Only a base."""

        abstract = True


class LeadStatus(Status):
    """A status of leads; *won* means that the lead became an opportunity or a customer."""

    class Meta(Status.Meta):
        """A name occurs in the list once."""

        default_permissions = ()
        verbose_name_plural = _("lead statuses")
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="one_leadstatus_per_name"),
            models.UniqueConstraint(fields=["account", "id"], name="leadstatus_of_account"),
        ]


class Pipeline(ListEntry):
    """A way that opportunities take, status by status: new business has other ones than renewals."""

    class Meta(ListEntry.Meta):
        """A name occurs in the list once."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="one_pipeline_per_name"),
            models.UniqueConstraint(fields=["account", "id"], name="pipeline_of_account"),
        ]


class OpportunityStatus(Status):
    """A status of opportunities in a pipeline, with the probability of winning."""

    pipeline = models.ForeignKey(
        Pipeline, on_delete=models.PROTECT, related_name="statuses", db_constraint=False, db_index=False, editable=False
    )
    probability = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(100)],
        help_text=_("Per cent; what a new opportunity starts with."),
    )

    class Meta(Status.Meta):
        """Pipeline by pipeline. A name occurs once in a pipeline; a probability is a percentage."""

        default_permissions = ()
        ordering = ["pipeline", "position", "id"]
        verbose_name_plural = _("opportunity statuses")
        constraints = [
            models.UniqueConstraint(fields=["account", "pipeline", "name"], name="one_opportunitystatus_per_name"),
            models.UniqueConstraint(fields=["account", "id"], name="opportunitystatus_of_account"),
            models.CheckConstraint(condition=Q(probability__lte=100), name="status_probability_is_a_share"),
        ]

    def list_of(self) -> QuerySet[Any]:
        """The statuses of the pipeline."""
        return super().list_of().filter(pipeline=self.pipeline_id)

    @property
    def on_offer_now(self) -> bool:
        """Whether people can pick it: it is offered, and so is its pipeline."""
        return self.offered and self.pipeline.offered

    @classmethod
    def on_offer(cls, account_id: int, also: int | None = None) -> QuerySet[Any]:
        """The statuses that people can pick, each with its pipeline."""
        return super().on_offer(account_id, also).select_related("pipeline")

    @classmethod
    def _offered(cls) -> Q:
        return Q(offered=True, pipeline__offered=True)

    def clean(self) -> None:
        """A status belongs to a pipeline of its own account."""
        if not Pipeline.objects.filter(account=self.account_id, pk=self.pipeline_id).exists():
            raise ValidationError(_("That pipeline doesn’t exist."))


class Source(ListEntry):
    """A source of leads, companies and opportunities."""

    class Meta(ListEntry.Meta):
        """A name occurs in the list once."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="one_source_per_name"),
            models.UniqueConstraint(fields=["account", "id"], name="source_of_account"),
        ]


class CallResult(ListEntry):
    """The result of a call."""

    class Meta(ListEntry.Meta):
        """A name occurs in the list once."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="one_callresult_per_name"),
            models.UniqueConstraint(fields=["account", "id"], name="callresult_of_account"),
        ]
