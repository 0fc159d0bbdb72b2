"""Of whom an account asks a second factor."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_cache")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="second_factor",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=60),
                blank=True,
                db_default=[],
                default=list,
                size=None,
                verbose_name="two-factor authentication required from",
            ),
        ),
    ]
