"""Warnings of overrides that end: that they were given, inside their account's fence; and which accounts have any due."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from apps.accounts.tenancy import Fenced

ACCOUNTS_WITH_ENDS = """
CREATE FUNCTION access_accounts_with_ends(since timestamptz, upto timestamptz) RETURNS SETOF bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT DISTINCT account_id FROM access_override WHERE expires_at > since AND expires_at <= upto ORDER BY 1';
DO $$ BEGIN
    EXECUTE format(
        'ALTER FUNCTION access_accounts_with_ends(timestamptz, timestamptz) SET search_path = pg_catalog, %I, pg_temp',
        current_schema()
    );
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0004_queued_preview"), ("accounts", "0004_due_to_close")]

    operations = [
        migrations.CreateModel(
            name="EndingWarning",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("override_id", models.BigIntegerField()),
                ("ends_at", models.DateTimeField()),
                ("days", models.PositiveSmallIntegerField()),
                ("sent_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "override_id", "ends_at", "days"), name="one_warning_per_end"
                    )
                ],
            },
        ),
        Fenced("EndingWarning"),
        migrations.AddIndex(
            model_name="override",
            index=models.Index(
                fields=["expires_at"], name="override_by_end", condition=models.Q(expires_at__isnull=False)
            ),
        ),
        migrations.RunSQL(ACCOUNTS_WITH_ENDS, "DROP FUNCTION access_accounts_with_ends(timestamptz, timestamptz)"),
    ]
