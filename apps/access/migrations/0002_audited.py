import datetime

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import apps.roles.scopes
from apps.accounts.audited import BRANCH, person
from apps.accounts.tenancy import TenantForeignKey
from apps.audit.operations import Audited


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_guards"),
        ("access", "0001_initial"),
        ("accounts", "0002_audited"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("permission", models.CharField(max_length=100)),
                ("scope", apps.roles.scopes.ScopeField(default=apps.roles.scopes.Scope["ALL"])),
                ("record_type", models.CharField(blank=True, max_length=40)),
                ("record_id", models.BigIntegerField(blank=True, null=True)),
                ("message", models.TextField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.TextField(blank=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_requests",
                        to="accounts.account",
                    ),
                ),
                (
                    "branch",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_requests",
                        to="accounts.branch",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_requests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["account", "status", "-created_at"], name="request_by_status")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "open")),
                        fields=("user", "branch", "permission", "record_type", "record_id"),
                        name="one_open_request",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("record_id", None), ("record_type", "")),
                            models.Q(models.Q(("record_type", ""), _negated=True), ("record_id__isnull", False)),
                            _connector="OR",
                        ),
                        name="requests_name_a_whole_record",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at", None), ("status", "open")),
                            models.Q(models.Q(("status", "open"), _negated=True), ("decided_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="decided_requests_know_when",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("message__regex", "^\\s*$"), _negated=True), name="requests_say_why"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OperatorSession",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.TextField()),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="operator_sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["user", "-expires_at"], name="operator_session_by_user")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason__regex", "^\\s*$"), _negated=True),
                        name="operator_sessions_have_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__gt", models.F("opened_at")),
                            (
                                "expires_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("opened_at"), "+", models.Value(datetime.timedelta(seconds=3600))
                                ),
                            ),
                        ),
                        name="operator_sessions_last_an_hour",
                    ),
                ],
            },
        ),
        TenantForeignKey("AccessRequest", "branch"),
        Audited(
            "Override",
            branch="{x}.branch_id",
            user="{x}.user_id",
            text=f"{{x}}.permission || ' of ' || {person()} || ' on ' || {BRANCH}",
            names={"user": person(), "branch": BRANCH, "author": person("author_id")},
        ),
        Audited(
            "AccessRequest",
            branch="{x}.branch_id",
            user="{x}.user_id",
            text=f"{{x}}.permission || ' of ' || {person()} || ' on ' || {BRANCH}",
            names={"user": person(), "branch": BRANCH, "decided_by": person("decided_by_id")},
        ),
        Audited("OperatorSession", account="0", user="{x}.user_id", text=person(), names={"user": person()}),
    ]
