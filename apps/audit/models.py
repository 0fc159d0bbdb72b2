"""The log's three tables. Rows are only ever added: triggers refuse every other write, and write the links."""

from __future__ import annotations

from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.audit import verbs

# The chain of what concerns no single account: a release of the schemes, a user's deactivation.
# Account ids begin at 1. A number rather than NULL, so that this chain is held by the same unique
# constraint, found by the same joins and verified by the same query as every other one.
PLATFORM = 0


class TransactionId(models.Func):
    """The id of the running transaction, in 64 bits, so that it never comes again on this server."""

    template = "(pg_current_xact_id()::text)::bigint"
    arity = 0

    def __init__(self) -> None:
        super().__init__(output_field=models.BigIntegerField())


class OperationQuerySet(models.QuerySet["Operation"]):
    """Operations, filtered as the page of an account's log filters them."""

    def of_account(self, account_id: int) -> OperationQuerySet:
        """The operations that wrote to the account's chain."""
        return self.filter(pk__in=Link.objects.filter(account_id=account_id).values("operation"))

    def about(self, account_id: int, target_type: str, target_id: str | int) -> OperationQuerySet:
        """The operations with an entry about this target, inside this account."""
        entries = Entry.objects.of_account(account_id).about(target_type, target_id)
        return self.filter(pk__in=entries.values("operation"))

    def with_verb(self, *words: str | verbs.Verb) -> OperationQuerySet:
        """The operations of any of these verbs."""
        return self.filter(verb__in=[str(word) for word in words])

    def by_actor(self, actor_id: int | None) -> OperationQuerySet:
        """The operations of one actor, None being the operator at the console."""
        return self.filter(actor_id=actor_id)

    def between(self, since: datetime | None = None, until: datetime | None = None) -> OperationQuerySet:
        """The operations from `since` (included) to `until` (not included)."""
        found = self
        if since is not None:
            found = found.filter(at__gte=since)
        if until is not None:
            found = found.filter(at__lt=until)
        return found

    def newest_first(self) -> OperationQuerySet:
        """Ordered by id, the highest first: ids grow with time, and no two are the same."""
        return self.order_by("-pk")

    def with_entries(self, account_id: int) -> OperationQuerySet:
        """With the entries of this account, and of no other one, loaded as `entries.all()`."""
        entries = Entry.objects.of_account(account_id).order_by("pk")
        return self.prefetch_related(models.Prefetch("entries", queryset=entries))


class EntryQuerySet(models.QuerySet["Entry"]):
    """Entries of the log."""

    def of_account(self, account_id: int) -> EntryQuerySet:
        """The entries in the account's chain."""
        return self.filter(account_id=account_id)

    def about(self, target_type: str, target_id: str | int) -> EntryQuerySet:
        """The entries about this target."""
        return self.filter(target_type=target_type, target_id=str(target_id))

    def concerning(self, user_id: int) -> EntryQuerySet:
        """The entries that concern this user: their roles, overrides, shares, teams."""
        return self.filter(user_id=user_id)


class Operation(models.Model):
    """One action of one user: who, when, why, and what verb. All that it changed are its entries."""

    # `at` and `transaction_id` are set by a trigger whatever an INSERT says: an operation can't be backdated.
    at = models.DateTimeField("at", db_default=Now(), editable=False)
    transaction_id = models.BigIntegerField("transaction", db_default=TransactionId(), editable=False)
    # People by id and by name: the log outlives them. No id means the operator at the console.
    actor_id = models.BigIntegerField(_("actor's id"), null=True)
    actor_name = models.TextField("actor")
    acting_as_id = models.BigIntegerField(_("id of the user they acted as"), null=True)
    acting_as_name = models.TextField(_("acted as"), blank=True, default="", db_default="")
    verb = models.TextField("verb")
    reason = models.TextField("reason")
    ip = models.GenericIPAddressField(_("IP address"), null=True)

    objects = OperationQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = "operation"
        verbose_name_plural = "operations"
        constraints = [
            models.CheckConstraint(name="audit_operation_reason", condition=models.Q(reason__regex=r"\S")),
            models.CheckConstraint(name="audit_operation_actor", condition=models.Q(actor_name__regex=r"\S")),
            models.CheckConstraint(name="audit_operation_verb", condition=models.Q(verb__regex=verbs.PATTERN)),
        ]
        indexes = [
            models.Index(name="audit_operation_by_actor", fields=["actor_id", "-id"]),
            models.Index(name="audit_operation_by_verb", fields=["verb", "-id"]),
            models.Index(name="audit_operation_by_time", fields=["at"]),
        ]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor_name}"


class Entry(models.Model):
    """What an operation did to one target: what it was before, and what it is after."""

    # No foreign key at the database: the trigger that writes the links refuses an unknown operation once for
    # each statement, where a key would ask once for each row, and an operation can never go away.
    operation = models.ForeignKey(
        Operation, models.PROTECT, related_name="entries", db_constraint=False, db_index=False
    )
    account_id = models.BigIntegerField("account")
    branch_id = models.BigIntegerField("branch", null=True)
    user_id = models.BigIntegerField("user", null=True)
    target_type = models.TextField(_("type of target"))
    target_id = models.TextField(_("id of target"))
    target_text = models.TextField("target")
    before = models.JSONField("before", null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField("after", null=True, encoder=DjangoJSONEncoder)

    objects = EntryQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = "entry"
        verbose_name_plural = "entries"
        constraints = [
            models.CheckConstraint(name="audit_entry_account", condition=models.Q(account_id__gte=PLATFORM)),
        ]
        indexes = [
            models.Index(name="audit_entry_of_operation", fields=["account_id", "operation", "id"]),
            models.Index(name="audit_entry_about_target", fields=["account_id", "target_type", "target_id"]),
            models.Index(
                name="audit_entry_about_user",
                fields=["account_id", "user_id", "id"],
                condition=models.Q(user_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target_type} {self.target_text}"


class Link(models.Model):
    """One link of an account's chain: all that one statement wrote for one operation, sealed onto the link before."""

    account_id = models.BigIntegerField("account")
    seq = models.BigIntegerField(_("sequence number"))
    operation = models.ForeignKey(Operation, models.PROTECT, related_name="links", db_constraint=False, db_index=False)
    first_entry = models.BigIntegerField(_("first entry"))
    last_entry = models.BigIntegerField(_("last entry"))
    entry_count = models.BigIntegerField("entries")
    operation_digest = models.BinaryField(_("digest of the operation"))
    entries_digest = models.BinaryField(_("digest of the entries"))
    previous = models.BinaryField(_("hash of the previous link"))
    hash = models.BinaryField("hash")
    at = models.DateTimeField("at")

    class Meta:
        default_permissions = ()
        verbose_name = "link"
        verbose_name_plural = "links"
        constraints = [
            models.UniqueConstraint(name="audit_link_in_chain", fields=["account_id", "seq"]),
        ]
        indexes = [
            models.Index(name="audit_link_of_operation", fields=["account_id", "operation", "last_entry"]),
        ]

    def __str__(self) -> str:
        return f"link {self.seq} of account {self.account_id}"


class Verification(models.Model):
    """What the last verification of an account's chain found: how far it went, and by which head.

    No part of the log, and overwritten by the next verification. What `kept_…` says comes from heads that were kept
    elsewhere, and stays until the chain is held against such heads again: nothing else shows that it was rewritten.
    """

    account_id = models.BigIntegerField("account", unique=True)
    at = models.DateTimeField(_("verified at"))
    links = models.BigIntegerField("links")
    entries = models.BigIntegerField("entries")
    head_seq = models.BigIntegerField(_("number of the last link"))
    head_hash = models.TextField(_("hash of the last link"), blank=True)
    fault = models.TextField("fault", blank=True)
    kept_at = models.DateTimeField(_("compared with recorded heads at"), null=True)
    kept_seq = models.BigIntegerField(_("matches recorded heads up to link"), null=True)
    kept_fault = models.TextField(_("fault found by recorded heads"), blank=True)

    class Meta:
        default_permissions = ()
        verbose_name = "verification"
        verbose_name_plural = "verifications"

    def __str__(self) -> str:
        return f"verification of account {self.account_id}"

    @property
    def faults(self) -> list[str]:
        """What does not fit, in sentences; empty where all does."""
        return list(dict.fromkeys(fault for fault in (self.fault, self.kept_fault) if fault))
