"""Overrides, access requests, queued previews, warnings of ends, and operator sessions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.access.records import Record, model_of
from apps.accounts.models import Account, Branch
from apps.audit.text import MultiLineField, SingleLineField
from apps.roles.scopes import Scope, ScopeField


class Override(models.Model):
    """A member's own scope for one permission on one branch, with a reason, an author and optionally an end.

    `author` is empty if the operator at the command line set it.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="overrides")
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="overrides", db_constraint=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="overrides")
    permission = SingleLineField(max_length=100)
    scope = ScopeField()
    reason = MultiLineField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One override for each member, branch and permission, always with a reason."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["branch", "user", "permission"], name="one_override_per_permission"),
            models.CheckConstraint(condition=~Q(reason__regex=r"^\s*$"), name="overrides_have_a_reason"),
        ]
        indexes = [
            models.Index(fields=["account", "user"], name="override_by_user"),
            models.Index(fields=["expires_at"], name="override_by_end", condition=Q(expires_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.permission} of {self.user} on {self.branch}: {self.scope.label}"


class AccessRequest(models.Model):
    """A member requests a permission on a branch, or (with a record type and reference) on one record.

    `message` is why they need it; `reason` is why it was approved or declined. `expires_at` is the end of what was
    granted; empty if it has none.
    """

    class Status(models.TextChoices):
        """An open request waits for a decision."""

        OPEN = "open", _("Open")
        APPROVED = "approved", _("Approved")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="access_requests")
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="access_requests", db_constraint=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="access_requests")
    permission = SingleLineField(max_length=100)
    scope = ScopeField(default=Scope.ALL)
    record_type = SingleLineField(max_length=40, blank=True)
    record_id = models.BigIntegerField(null=True, blank=True)
    message = MultiLineField()
    status = SingleLineField(max_length=10, choices=Status.choices, default=Status.OPEN)
    created_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = MultiLineField(blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Only one open request for the same thing; decided ones have a time."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["user", "branch", "permission", "record_type", "record_id"],
                condition=Q(status="open"),
                nulls_distinct=False,
                name="one_open_request",
            ),
            models.CheckConstraint(
                condition=Q(record_type="", record_id=None) | Q(~Q(record_type=""), record_id__isnull=False),
                name="requests_name_a_whole_record",
            ),
            models.CheckConstraint(
                condition=Q(status="open", decided_at=None) | Q(~Q(status="open"), decided_at__isnull=False),
                name="decided_requests_know_when",
            ),
            models.CheckConstraint(condition=~Q(message__regex=r"^\s*$"), name="requests_say_why"),
        ]
        indexes = [models.Index(fields=["account", "status", "-created_at"], name="request_by_status")]

    def __str__(self) -> str:
        return f"{self.user} asks for {self.permission} on {self.branch}"

    def find_record(self) -> Record | None:
        """Return the record of the request; None if it is about none, or the record no longer exists.

        Raises:
            LookupError: the record type doesn't exist.
        """
        if self.record_id is None:
            return None
        return model_of(self.record_type)._default_manager.filter(account=self.account_id, pk=self.record_id).first()


class QueuedPreview(models.Model):
    """The preview of a large change, requested by a page and computed in the queue; deleted after a day.

    `change` is the change as plain values, `address` the page that requests it, and `sent` the submitted form. `result`
    is what the page shows: the preview's `lines` and how many `more` there are, or the `refusal` with `differences`.
    """

    class State(models.TextChoices):
        """A refused one has a refusal; a failed one could not be computed."""

        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")
        FAILED = "failed", _("Failed")

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    change = models.JSONField()
    address = MultiLineField()
    sent = models.JSONField()
    state = SingleLineField(max_length=10, choices=State.choices, default=State.WAITING)
    result = models.JSONField(default=dict)
    asked_at = models.DateTimeField(default=timezone.now)
    computed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Indexed by requester and by age."""

        default_permissions = ()
        indexes = [
            models.Index(fields=["account", "user"], name="queued_preview_by_user"),
            models.Index(fields=["asked_at"], name="queued_preview_by_age"),
        ]

    def __str__(self) -> str:
        return f"Preview for {self.user} in {self.account}: {self.get_state_display()}"


class EndingWarning(models.Model):
    """A warning that was sent some days before an override's end: once for each end.

    `override_id` is a plain number: the warning may outlast the override, and a changed end has its own warning.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    override_id = models.BigIntegerField()
    ends_at = models.DateTimeField()
    days = models.PositiveSmallIntegerField()
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Each warning is sent once."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["account", "override_id", "ends_at", "days"], name="one_warning_per_end"),
        ]

    def __str__(self) -> str:
        return f"{self.override_id} ends at {self.ends_at}"


class OperatorSessionQuerySet(models.QuerySet["OperatorSession"]):
    """Operator sessions by whether they are open."""

    def open(self, now: datetime | None = None) -> OperatorSessionQuerySet:
        """Return the open sessions: started, not ended, and of an active superuser."""
        now = now or timezone.now()
        return self.filter(
            user__is_superuser=True, user__is_active=True, ended_at=None, opened_at__lte=now, expires_at__gt=now
        )

    def end_of(self, user: Any, now: datetime | None = None) -> QuerySet[OperatorSession, Any]:
        """Return the end of the user's open session as a subquery; `user` is an id or an `OuterRef`."""
        return self.open(now).filter(user=user).order_by("-expires_at").values("expires_at")[:1]


class OperatorSession(models.Model):
    """Up to an hour in which a superuser is a platform operator, with a reason. Otherwise they have no extra access.

    It ends by itself, without a job, or earlier by command (`ended_at`).
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="operator_sessions")
    reason = MultiLineField()
    opened_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = OperatorSessionQuerySet.as_manager()

    class Meta:
        """Always with a reason, and up to an hour."""

        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~Q(reason__regex=r"^\s*$"), name="operator_sessions_have_a_reason"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("opened_at"), expires_at__lte=F("opened_at") + timedelta(hours=1)),
                name="operator_sessions_last_an_hour",
            ),
        ]
        indexes = [models.Index(fields=["user", "-expires_at"], name="operator_session_by_user")]

    def __str__(self) -> str:
        return f"{self.user}: {self.reason}"
