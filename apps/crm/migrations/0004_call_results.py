"""A call can have a result, out of a list that each account keeps."""

import django.db.models.deletion
from django.db import migrations, models

from apps.accounts.tenancy import Fenced, SearchView, TenantForeignKey


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_row_level_security"),
        ("crm", "0003_row_level_security"),
    ]

    operations = [
        migrations.CreateModel(
            name="CallResult",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("offered", models.BooleanField(default=True, help_text="Whether people can pick it.")),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "ordering": ["position", "id"],
                "abstract": False,
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="activity",
            name="result",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="crm.callresult",
            ),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(
                condition=models.Q(("result__isnull", False)),
                fields=["result", "-created_at", "-id"],
                name="activity_by_result",
            ),
        ),
        migrations.AddConstraint(
            model_name="activity",
            constraint=models.CheckConstraint(
                condition=models.Q(("result", None), ("kind", "call"), _connector="OR"),
                name="only_calls_have_a_result",
                violation_error_message="Only calls have a result.",
            ),
        ),
        migrations.AddConstraint(
            model_name="callresult",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="one_callresult_per_name"),
        ),
        migrations.AddConstraint(
            model_name="callresult",
            constraint=models.UniqueConstraint(fields=("account", "id"), name="callresult_of_account"),
        ),
        TenantForeignKey("Activity", "result"),
        Fenced("CallResult"),
        SearchView("Activity"),
    ]
