"""Roles as rows: published ones written from the data files and immutable, own ones of an account."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.audit.text import MultiLineField, SingleLineField, SingleLineSlugField
from apps.roles.scopes import ScopeField


class RoleQuerySet(models.QuerySet["Role"]):
    """Roles by who may use them."""

    def published(self, scheme: str) -> RoleQuerySet:
        """The scheme's published roles, highest rank first."""
        return self.filter(scheme=scheme, account_id=None).order_by("kind", "-rank")

    def usable_in(self, account_id: int, scheme: str) -> RoleQuerySet:
        """The scheme's published roles and the account's own ones under that scheme."""
        return self.filter(Q(account_id=None) | Q(account_id=account_id), scheme=scheme)


class Role(models.Model):
    """A named set of grants in a scheme. `account_id` is empty for a published role, which all accounts share."""

    class Kind(models.TextChoices):
        """Whether the role is held on one branch or over the whole account."""

        BRANCH = "branch", _("Branch role")
        PARENT = "parent", _("Parent role")

    scheme = SingleLineField(max_length=40)
    key = SingleLineSlugField(max_length=60)
    name = SingleLineField(max_length=100)
    description = MultiLineField(blank=True)
    kind = SingleLineField(max_length=10, choices=Kind.choices)
    rank = models.PositiveSmallIntegerField()
    single = models.BooleanField(default=False)
    locked = models.BooleanField(default=False)
    supreme = models.BooleanField(default=False)
    account_id = models.BigIntegerField(null=True, blank=True, editable=False)
    based_on = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="copies")

    objects = RoleQuerySet.as_manager()

    class Meta:
        """One key names one role, for all accounts or for one."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["scheme", "key"], condition=Q(account_id=None), name="one_published_role_per_key"
            ),
            models.UniqueConstraint(
                fields=["account_id", "scheme", "key"],
                condition=Q(account_id__isnull=False),
                name="one_own_role_per_key",
            ),
            models.CheckConstraint(
                condition=Q(account_id=None, based_on=None)
                | Q(
                    account_id__isnull=False,
                    based_on__isnull=False,
                    kind="branch",
                    locked=False,
                    supreme=False,
                    single=False,
                ),
                name="own_roles_copy_a_branch_role",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_published(self) -> bool:
        """Whether the role belongs to the scheme, not to an account."""
        return self.account_id is None


class RoleGrant(models.Model):
    """What a role says of one permission."""

    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="grants")
    permission = SingleLineField(max_length=100)
    scope = ScopeField()
    grantable = models.BooleanField(default=True)

    class Meta:
        """One line for each role and permission."""

        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["role", "permission"], name="one_grant_per_role_and_permission")]

    def __str__(self) -> str:
        return f"{self.role_id}: {self.permission} {self.scope.label}"
