"""Statuses of opportunities stand in pipelines; each account has one, of which its statuses are."""

from typing import Any

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

from apps.accounts.tenancy import Fenced, TenantForeignKey


def give_each_account_one(apps: Any, schema_editor: Any) -> None:
    """What was the account's list of statuses is its first pipeline."""
    pipelines = apps.get_model("crm", "Pipeline").objects
    accounts = apps.get_model("accounts", "Account").objects.values_list("pk", flat=True)
    pipelines.bulk_create(pipelines.model(account_id=account, name="Sales") for account in accounts.iterator())
    own = pipelines.filter(account=models.OuterRef("account")).values("pk")
    apps.get_model("crm", "OpportunityStatus").objects.update(pipeline=models.Subquery(own))
    # The keys are asked now: a table with checks outstanding is not altered.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_row_level_security"),
        ("crm", "0004_call_results"),
    ]

    operations = [
        migrations.CreateModel(
            name="Pipeline",
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
        migrations.AddConstraint(
            model_name="pipeline",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="one_pipeline_per_name"),
        ),
        migrations.AddConstraint(
            model_name="pipeline",
            constraint=models.UniqueConstraint(fields=("account", "id"), name="pipeline_of_account"),
        ),
        Fenced("Pipeline"),
        migrations.AddField(
            model_name="opportunitystatus",
            name="pipeline",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="statuses",
                to="crm.pipeline",
            ),
        ),
        migrations.RunPython(give_each_account_one, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="opportunitystatus",
            name="pipeline",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="statuses",
                to="crm.pipeline",
            ),
        ),
        TenantForeignKey("OpportunityStatus", "pipeline"),
        migrations.RemoveConstraint(model_name="opportunitystatus", name="one_opportunitystatus_per_name"),
        migrations.AddConstraint(
            model_name="opportunitystatus",
            constraint=models.UniqueConstraint(
                fields=("account", "pipeline", "name"), name="one_opportunitystatus_per_name"
            ),
        ),
        migrations.AlterField(
            model_name="opportunitystatus",
            name="probability",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="Per cent; what a new opportunity starts with.",
                validators=[django.core.validators.MaxValueValidator(100)],
            ),
        ),
        migrations.AlterModelOptions(
            name="opportunitystatus",
            options={
                "default_permissions": (),
                "ordering": ["pipeline", "position", "id"],
                "verbose_name_plural": "opportunity statuses",
            },
        ),
    ]
