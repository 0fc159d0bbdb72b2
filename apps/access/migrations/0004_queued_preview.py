"""Previews that the queue computes, inside the fence of their account; and how the worker forgets those of every one."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from apps.accounts.tenancy import Fenced

FORGET = """
CREATE FUNCTION forget_old_previews() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
    WITH forgotten AS (DELETE FROM access_queuedpreview WHERE asked_at < statement_timestamp() - interval '1 day' RETURNING 1)
    SELECT count(*) FROM forgotten
$$;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION forget_old_previews() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0003_row_level_security"),
        ("accounts", "0004_due_to_close"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="QueuedPreview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("change", models.JSONField()),
                ("address", models.TextField()),
                ("sent", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("result", models.JSONField(default=dict)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("computed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["account", "user"], name="queued_preview_by_user"),
                    models.Index(fields=["asked_at"], name="queued_preview_by_age"),
                ],
            },
        ),
        Fenced("QueuedPreview"),
        migrations.RunSQL(FORGET, "DROP FUNCTION forget_old_previews()"),
    ]
