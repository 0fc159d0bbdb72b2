"""Overrides: one member's own scope for one permission on one branch, in place of what the role says."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Account, Branch
from apps.roles.scopes import ScopeField


class Override(models.Model):
    """A member's own scope for one permission on one branch, with a reason, an author and perhaps an end.

    `author` is empty where the operator at the console set it.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="overrides")
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="overrides", db_constraint=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="overrides")
    permission = models.CharField(max_length=100)
    scope = ScopeField()
    reason = models.TextField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One override for each member, branch and permission; none without a reason."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["branch", "user", "permission"], name="one_override_per_permission"),
            models.CheckConstraint(condition=~Q(reason__regex=r"^\s*$"), name="overrides_have_a_reason"),
        ]
        indexes = [models.Index(fields=["account", "user"], name="override_by_user")]

    def __str__(self) -> str:
        return f"{self.permission} of {self.user} on {self.branch}: {self.scope.label}"
