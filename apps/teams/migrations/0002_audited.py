import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from apps.accounts.audited import ACCOUNT, BRANCH, ROLE, person
from apps.accounts.tenancy import TenantForeignKey
from apps.audit.operations import Audited

TEAM = "(SELECT name FROM teams_team WHERE id = {x}.team_id)"


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_guards"),
        ("accounts", "0002_audited"),
        ("roles", "0001_initial"),
        ("teams", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=254, verbose_name="email")),
                (
                    "status",
                    models.CharField(
                        choices=[("pending", "Pending"), ("accepted", "Accepted"), ("cancelled", "Cancelled")],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("token_digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="invitations", to="accounts.account"
                    ),
                ),
                (
                    "branch",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to="accounts.branch",
                    ),
                ),
                (
                    "invited_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to="roles.role",
                        null=True,
                        blank=True,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "pending")),
                        fields=("account", "branch", "email"),
                        name="one_pending_invitation",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at", None), ("role__isnull", False), ("status", "pending"), ("user", None)
                            ),
                            models.Q(("ended_at__isnull", False), ("status", "accepted"), ("user__isnull", False)),
                            models.Q(("ended_at__isnull", False), ("status", "cancelled"), ("user", None)),
                            _connector="OR",
                        ),
                        name="ended_invitations_know_how",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                        name="invited_in_small_letters",
                    ),
                ],
            },
        ),
        TenantForeignKey("Invitation", "branch"),
        Audited(
            "Membership",
            branch="{x}.branch_id",
            user="{x}.user_id",
            text=f"{person()} || ' on ' || {BRANCH}",
            names={"user": person(), "branch": BRANCH, "role": ROLE},
        ),
        Audited("ParentMembership", user="{x}.user_id", text=person(), names={"user": person(), "role": ROLE}),
        Audited("Team", branch="{x}.branch_id", text="{x}.name", names={"branch": BRANCH}),
        Audited(
            "TeamMember",
            branch="(SELECT branch_id FROM teams_team WHERE id = {x}.team_id)",
            user="{x}.user_id",
            text=f"{person()} || ' in ' || {TEAM}",
            names={"user": person(), "team": TEAM},
        ),
        Audited(
            "Invitation",
            branch="{x}.branch_id",
            user="{x}.user_id",
            text=f"{{x}}.email || ' to ' || coalesce({BRANCH}, {ACCOUNT})",
            names={"branch": BRANCH, "role": ROLE, "invited_by": person("invited_by_id")},
            without=["token_digest"],
        ),
    ]
