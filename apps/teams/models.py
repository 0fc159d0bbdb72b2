"""Who is where, as what: memberships, parent roles, teams, invitations. What it lets them do is asked elsewhere."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection, models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Account, Branch, validate_slug
from apps.audit.text import SingleLineEmailField, SingleLineField
from apps.roles.models import Role


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships by their state."""

    def active(self) -> MembershipQuerySet:
        """Those that give something: not removed, and on an open branch."""
        return self.filter(status=Membership.Status.ACTIVE, branch__status=Branch.Status.ACTIVE)


class Membership(models.Model):
    """A user's membership of one branch, with exactly one role there."""

    class Status(models.TextChoices):
        """A removed membership can be restored and gives no permissions."""

        ACTIVE = "active", _("Active")
        REMOVED = "removed", _("Removed")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="memberships")
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="memberships", db_constraint=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="memberships")
    status = SingleLineField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    joined_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        """A user has one membership of a branch."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["branch", "user"], name="one_membership_per_branch"),
            models.CheckConstraint(
                condition=models.Q(status="active", removed_at=None)
                | models.Q(status="removed", removed_at__isnull=False),
                name="removed_memberships_know_when",
            ),
        ]
        indexes = [models.Index(fields=["account", "user"], name="membership_by_user")]

    def __str__(self) -> str:
        return f"{self.user} on {self.branch} as {self.role}"


class ParentMembership(models.Model):
    """A user's one account-wide role, on top of memberships or without any."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="parent_memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="parent_memberships")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="parent_memberships")
    granted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """A user holds at most one parent role in an account."""

        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account", "user"], name="one_parent_role_per_user")]

    def __str__(self) -> str:
        return f"{self.user} as {self.role}"


class Team(models.Model):
    """A named group of members inside one branch. `group` only stands for it as the subject of shares."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="teams")
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="teams", db_constraint=False)
    slug = SingleLineField(max_length=60, validators=[validate_slug])
    name = SingleLineField(max_length=100)
    group = models.OneToOneField(Group, on_delete=models.PROTECT, related_name="team", editable=False)

    class Meta:
        """A slug names one team of a branch."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["branch", "slug"], name="one_team_per_slug"),
            models.UniqueConstraint(fields=["account", "id"], name="team_of_account"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Bind a new team to its group, `team:<id>`."""
        if self._state.adding:
            group = Group.objects.create(name=f"team:new:{self.branch_id}:{self.slug}")
            self.group = group
            super().save(*args, **kwargs)
            Group.objects.filter(pk=group.pk).update(name=f"team:{self.pk}")
            return
        super().save(*args, **kwargs)


class TeamMember(models.Model):
    """A user's place in a team. It survives a removed membership of the branch, and counts again after a restore."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="members", db_constraint=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="team_places")

    class Meta:
        """A user is in a team once."""

        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_place_per_team")]
        indexes = [models.Index(fields=["account", "user"], name="teammember_by_user")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class Invitation(models.Model):
    """An invitation of an email address to an account and a role, on one branch or (without one) on all.

    Only the digest of its token is stored, so a reader of the table can't accept it. An invitation that has ended
    forgets its role when the role is deleted.
    """

    class Status(models.TextChoices):
        """A pending one ends by its time; nothing has to run for that."""

        PENDING = "pending", _("Pending")
        ACCEPTED = "accepted", _("Accepted")
        CANCELLED = "cancelled", _("Cancelled")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invitations")
    branch = models.ForeignKey(
        Branch, on_delete=models.PROTECT, null=True, blank=True, related_name="invitations", db_constraint=False
    )
    role = models.ForeignKey(Role, on_delete=models.PROTECT, null=True, blank=True, related_name="invitations")
    email = SingleLineEmailField("email", max_length=254)
    status = SingleLineField(max_length=10, choices=Status.choices, default=Status.PENDING)
    token_digest = SingleLineField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        """One pending invitation for an address and a branch (or all of them); `user` is who accepted it."""

        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["account", "branch", "email"],
                condition=models.Q(status="pending"),
                nulls_distinct=False,
                name="one_pending_invitation",
            ),
            models.CheckConstraint(
                condition=models.Q(status="pending", ended_at=None, user=None, role__isnull=False)
                | models.Q(status="accepted", ended_at__isnull=False, user__isnull=False)
                | models.Q(status="cancelled", ended_at__isnull=False, user=None),
                name="ended_invitations_know_how",
            ),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="invited_in_small_letters"),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.branch or self.account} as {self.role}"

    @property
    def is_open(self) -> bool:
        """Whether it can be accepted now."""
        return self.status == self.Status.PENDING and timezone.now() < self.expires_at


def account_ids_of(user_id: int) -> list[int]:
    """The ids of all accounts that a user has a place in, a removed membership too, in order.

    The database tells them to the web role as well, which sees nothing else of other accounts.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT teams_accounts_of(%s)", [user_id])
        return [account_id for (account_id,) in cursor.fetchall()]
