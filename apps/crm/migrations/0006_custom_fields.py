"""An account can give its records fields of its own, whose values lie with the records."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

from apps.accounts.tenancy import Fenced, SearchView

EXTENDED = ("Company", "Contact", "Lead", "Opportunity", "Task")


def _extended(model: str) -> list[migrations.operations.base.Operation]:
    """The values of one record type, the index that finds them, and the view that is searched, with them in it."""
    name = model.lower()
    return [
        migrations.AddField(
            model_name=name,
            name="custom",
            field=models.JSONField(blank=True, default=dict, verbose_name="custom fields"),
        ),
        migrations.AddIndex(
            model_name=name,
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("custom", {}), _negated=True), fields=["custom"], name=f"{name}_by_custom"
            ),
        ),
        SearchView(model),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_log_days"),
        ("crm", "0005_pipelines"),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomField",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("offered", models.BooleanField(default=True, help_text="Whether people can pick it.")),
                ("record_type", models.CharField(max_length=20, verbose_name="record type")),
                ("key", models.CharField(editable=False, max_length=60)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("long_text", "Long text"),
                            ("number", "Number"),
                            ("date", "Date"),
                            ("flag", "Yes or no"),
                            ("choice", "Choice"),
                            ("choices", "Several choices"),
                            ("url", "Web address"),
                        ],
                        default="text",
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "choices",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), blank=True, default=list, size=None
                    ),
                ),
                (
                    "former_choices",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), blank=True, default=list, editable=False, size=None
                    ),
                ),
                ("required", models.BooleanField(default=False, verbose_name="required")),
                ("help_text", models.CharField(blank=True, max_length=200, verbose_name="help text")),
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
            model_name="customfield",
            constraint=models.UniqueConstraint(
                fields=("account", "record_type", "key"), name="one_customfield_per_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="customfield",
            constraint=models.UniqueConstraint(
                fields=("account", "record_type", "name"), name="one_customfield_per_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="customfield",
            constraint=models.UniqueConstraint(fields=("account", "id"), name="customfield_of_account"),
        ),
        Fenced("CustomField"),
        *(operation for model in EXTENDED for operation in _extended(model)),
    ]
