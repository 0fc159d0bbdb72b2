"""In which accounts a job failed, behind the fence; the queue's worker asks which ones to try again."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from apps.accounts.tenancy import Fenced
from apps.audit.text import SingleLineField

WITH_FAILURE = """
CREATE FUNCTION accounts_with_failure(of_job text) RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT account_id FROM accounts_jobfailure WHERE job = of_job ORDER BY account_id';
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION accounts_with_failure(text) SET search_path = pg_catalog, %I, pg_temp',
        current_schema());
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_branches")]

    operations = [
        migrations.CreateModel(
            name="JobFailure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("job", SingleLineField(max_length=40)),
                ("failing_since", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("failed_at", models.DateTimeField()),
                ("cause", SingleLineField(max_length=300)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.account"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("account", "job"), name="one_failure_per_job")],
            },
        ),
        Fenced("JobFailure"),
        migrations.RunSQL(WITH_FAILURE, "DROP FUNCTION accounts_with_failure(text)"),
    ]
